"""What the report page shows, as plain values: counts of the journal and facts about its passes, never rows.

No number, address or name of a user is in here: whatever came from outside is masked on its way in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.model import MfaMode
from migrate_mfa.domain.privacy import mask_identity, masked, scrub
from migrate_mfa.domain.reasons import LOCKOUT_SHEET, Outcome, Reason
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.audit_facts import AuditFacts, audit_facts
from migrate_mfa.reports.costs import Compared, compared, pool_of
from migrate_mfa.reports.failures import FailureTable, failure_table
from migrate_mfa.reports.next_command import AWS, Next, safe_path
from migrate_mfa.reports.rates import Rates, rates_of
from migrate_mfa.reports.summary import Summary, roster_name
from migrate_mfa.reports.verdict import Verdict, resumed_by, verdict

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Journal

_MOST_PASSES = 20
_COLUMNS = frozenset({"id_column", "phone_column"})
"""Options that name columns, which are the roster's own words."""
_UNSET: tuple[object, ...] = (None, {}, [], "")
_AGAIN = frozenset({Reason.GAVE_UP, Reason.REJECTED, Reason.HALF_DONE, Reason.NOT_EFFECTIVE})
"""What the same command tries again; every other failure needs a change of the roster or the pool."""


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Rows with one reason; `planned` where they are still to be done and would end so."""

    reason: str
    rows: int
    details: Sequence[tuple[str, int]] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """Rows with one outcome, its reasons, and the commands that take them further."""

    outcome: str
    rows: int
    reasons: Sequence[ReasonLine]
    commands: Sequence[str]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Users of the roster with SMS MFA on a verified number, before and after; of the pool what is known."""

    rows: int
    before: int
    after: int
    pool: int | None
    planned: bool


@dataclass(frozen=True, slots=True)
class PassLine:
    """One command that worked on the directory."""

    number: int
    command: str
    began: float
    seconds: float | None
    state: str
    caller: str
    host: str
    tool: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything that the page shows; `audit` only for an audit, which has no outcomes."""

    pool_name: str
    pool_id: str
    account: str
    region: str
    endpoint: str
    command: str
    number: int
    at: float
    verdict: Verdict
    audit: AuditFacts | None
    audit_command: str
    coverage: Coverage
    outcomes: Sequence[OutcomeLine]
    rates: Rates | None
    failures: FailureTable | None
    alone: Sequence[tuple[str, int]]
    warnings: Sequence[tuple[str, int]]
    costs: Sequence[Compared]
    has_prices: bool
    policy: str | None
    phone_conflict: str | None
    despite: Sequence[str]
    roster: str | None
    sha256: str | None
    run_id: str
    options: Mapping[str, Any]
    caller: str
    host: str
    versions: Mapping[str, str]
    passes: Sequence[PassLine]
    more_passes: int


def page_of(journal: "Journal", done: "Summary") -> Page:
    """Gather the page of a run directory, which is only read; `done` is the summary of its last pass."""
    meta, last = journal.meta(), done.done
    summary: Mapping[str, Any] = done.as_dict()
    store = ReportStore(journal.database)
    passes, planned = store.passes(), store.planned()
    endpoint = summary.get("endpoint")
    lines = Next(shown(journal.directory), str(meta.get("user_pool_id")), meta.get("verification"), endpoint)
    audit = audit_facts(summary, passes) if "coverage" in summary else None
    name = roster_name(meta.get("roster"))
    return Page(
        pool_name=masked(str(meta.get("pool_name") or meta.get("user_pool_id"))),
        pool_id=str(meta.get("user_pool_id")),
        account=str(summary.get("account")),
        region=str(summary.get("region") or str(meta.get("user_pool_id")).partition("_")[0]),
        endpoint="" if endpoint in {None, AWS} else str(endpoint),
        command=last.command,
        number=last.id,
        at=last.ended_at or last.started_at,
        verdict=verdict(summary, meta, sum(planned.values()), lines, audit),
        audit=audit,
        audit_command=lines.pool("audit"),
        coverage=_coverage(summary, meta, planned, last),
        outcomes=_outcomes(summary, meta, planned, lines),
        rates=rates_of(journal.database, passes),
        failures=failure_table(store.failures()),
        alone=_alone(summary),
        warnings=_warnings(summary, meta, planned),
        costs=compared(store, meta, passes),
        has_prices="cost" in meta.get("forecast", {}),
        policy=meta.get("verification"),
        phone_conflict=meta.get("phone_conflict"),
        despite=meta.get("despite") or (),
        roster=safe_path(name) if name else None,
        sha256=meta.get("roster_sha256"),
        run_id=str(summary.get("run_id")),
        options={
            each: masked(value) if each in _COLUMNS else value
            for each, value in summary["options"].items()
            if value not in _UNSET
        },
        caller=_caller(last),
        host=str(last.context.get("host", "")),
        versions=last.context.get("versions", {}),
        passes=[_pass(last, summary["state"]), *(_pass(each) for each in passes[1:_MOST_PASSES])],
        more_passes=max(0, len(passes) - _MOST_PASSES),
    )


def _outcomes(
    summary: Mapping[str, Any], meta: Mapping[str, Any], planned: Mapping[str, int], lines: Next
) -> list[OutcomeLine]:
    details = meta.get("frequent_details", {})
    found = []
    for outcome in Outcome:
        if not (rows := summary["counts"][outcome]):
            continue
        reasons = summary["reasons"][outcome]
        told = [
            ReasonLine(reason, number, [(scrub(text), times) for text, times in details.get(reason, ())])
            for reason, number in reasons.items()
        ]
        commands = [_command_of(Reason(reason), lines, summary) for reason in reasons]
        if outcome is Outcome.UNPROCESSED:
            told = [ReasonLine(reason, number, planned=True) for reason, number in planned.items()]
            commands = [lines.here(resumed_by(summary["command"]))]
        distinct = dict.fromkeys(command for command in commands if command)
        found.append(OutcomeLine(outcome.value, rows, told, list(distinct)))
    return found


def _command_of(reason: Reason, lines: Next, summary: Mapping[str, Any]) -> str | None:
    if summary["command"] in {"rollback", "canary"} or lines.policy is None:
        return None
    if reason.outcome is Outcome.PENDING:
        return lines.here("reconcile")
    if reason in _AGAIN:
        return lines.here("run")
    return lines.report("plan", "failed") if reason.outcome is Outcome.FAILED else None


def _coverage(
    summary: Mapping[str, Any], meta: Mapping[str, Any], planned: Mapping[str, int], last: PassRecord
) -> Coverage:
    verified = summary["reasons"][Outcome.VERIFIED]
    will_be = sum(rows for reason, rows in planned.items() if Reason(reason).outcome is Outcome.VERIFIED)
    plans, pool = last.command == "plan", pool_of(meta)
    return Coverage(
        rows=summary["rows"],
        before=verified.get(Reason.ALREADY_ENROLLED, 0),
        after=summary["counts"][Outcome.VERIFIED] + (will_be if plans else 0),
        pool=None if pool is None else pool.estimated_users,
        planned=plans,
    )


def _alone(summary: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Who could be locked out, or is in danger of it; who was enrolled before is neither."""
    reasons = {reason: rows for found in summary["reasons"].values() for reason, rows in found.items()}
    sheet = [each for each in LOCKOUT_SHEET if each is not Reason.ALREADY_ENROLLED]
    return [(each.value, reasons[each]) for each in sheet if reasons.get(each)]


def _warnings(
    summary: Mapping[str, Any], meta: Mapping[str, Any], planned: Mapping[str, int]
) -> list[tuple[str, int]]:
    half = summary.get("half_done", {})
    pool = pool_of(meta)
    optional = pool is None or pool.mfa is not MfaMode.ON
    found = [
        ("drift", sum(summary.get("drift", {}).values())),
        ("half", half.get("number_stored_mfa_off", 0)),
        ("half_back", half.get("mfa_off_not_given_back", 0)),
        ("at_sign_in", int(meta.get("verification") == "at-sign-in")),
        ("reads", sum(planned.values()) if optional and meta.get("kind") == "run" else 0),
    ]
    return [(name, number) for name, number in found if number]


def _pass(each: PassRecord, state: str = "") -> PassLine:
    """One line; `state` is what is known better than by the journal, which does not know of a kill."""
    killed = "interrupted" if each.state == "running" else each.state
    return PassLine(
        number=each.id,
        command=each.command,
        began=each.started_at,
        seconds=each.seconds,
        state=state or killed,
        caller=_caller(each),
        host=str(each.context.get("host", "")),
        tool=str(each.context.get("versions", {}).get("migrate_mfa", "")),
    )


def _caller(each: PassRecord) -> str:
    """The caller's ARN; the name of a session is often an address, of which only the domain is shown."""
    arn = str(each.context.get("caller_arn") or "")
    return "/".join(mask_identity(part) if "@" in part else part for part in arn.split("/"))
