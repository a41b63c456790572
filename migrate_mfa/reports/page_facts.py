"""The values of the report page: counts of the journal and facts about its passes, never rows.

They contain no number, address or name of a user: values from outside are masked first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import MfaMode
from migrate_mfa.domain.privacy import mask_caller, masked, scrub
from migrate_mfa.domain.reasons import LOCKOUT_SHEET, Outcome, Reason
from migrate_mfa.journal.plan_counts import PlanCounts
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.reports.audit_facts import AuditFacts, PoolCoverage, audit_facts, pool_coverage
from migrate_mfa.reports.command_results import ReconcileResult
from migrate_mfa.reports.costs import Compared, compared, pool_of
from migrate_mfa.reports.failures import FailureTable, SettingLine, by_setting, failure_table
from migrate_mfa.reports.headline import Headline, headline, next_of
from migrate_mfa.reports.next_command import AWS, Next, safe_path
from migrate_mfa.reports.rates import Rates, rates_of
from migrate_mfa.reports.summary import Summary, Totals, roster_name

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Journal

_MOST_PASSES = 20
_COLUMNS = frozenset({"id_column", "phone_column"})
"""Options whose values are names of columns in the roster."""
_UNSET: tuple[object, ...] = (None, {}, [], "")


@dataclass(frozen=True, slots=True)
class ReasonLine:
    """Rows with one reason; `planned` if they are not done yet and would end with it."""

    reason: str
    rows: int
    details: Sequence[tuple[str, int]] = ()
    planned: bool = False


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """Rows with one outcome, its reasons, and the commands to continue with."""

    outcome: str
    rows: int
    reasons: Sequence[ReasonLine]
    commands: Sequence[str]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Users of the roster with SMS MFA on a verified number, before and after; the pool's if known."""

    rows: int
    before: int
    after: int
    pool: int | None
    audits: PoolCoverage
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
    headline: Headline
    audit: AuditFacts | None
    audit_command: str
    coverage: Coverage
    outcomes: Sequence[OutcomeLine]
    rates: Rates | None
    failures: FailureTable | None
    settings: Sequence[SettingLine]
    alone: Sequence[tuple[str, int]]
    warnings: Sequence[tuple[str, int]]
    costs: Sequence[Compared]
    has_prices: bool
    policy: str | None
    phone_conflict: str | None
    despite: Sequence[str]
    roster: str | None
    sha256: str | None
    columns: Mapping[str, str]
    guesses: Mapping[str, int]
    run_id: str
    options: Mapping[str, object]
    caller: str
    host: str
    versions: Mapping[str, str]
    passes: Sequence[PassLine]
    more_passes: int


def page_of(journal: "Journal", done: "Summary") -> Page:
    """Gather the page of a run directory, read only; `done` is the summary of its last pass."""
    meta, last = done.meta, done.done
    store, pool_id = ReportStore(journal.database), str(meta.user_pool_id)
    passes, planned = store.passes(), store.planned()
    lines = next_of(done)
    audit = audit_facts(last, passes)
    name = roster_name(meta.roster)
    return Page(
        pool_name=masked(meta.pool_name or pool_id),
        pool_id=pool_id,
        account=str(done.account),
        region=done.region or pool_id.partition("_")[0],
        endpoint="" if done.endpoint in {None, AWS} else str(done.endpoint),
        command=last.command,
        number=last.id,
        at=last.ended_at or last.started_at,
        headline=headline(done, sum(planned.values()), lines, audit),
        audit=audit,
        audit_command=lines.audit(),
        coverage=_coverage(done, planned, pool_coverage(meta, passes)),
        outcomes=_outcomes(done, planned, lines),
        rates=rates_of(journal.database, passes),
        failures=failure_table(store.failures()),
        settings=by_setting(_by_reason(done.total), pool_of(meta)),
        alone=_alone(done.total),
        warnings=_warnings(done, planned, PlanCounts(journal.database)),
        costs=compared(store, meta, passes),
        has_prices=meta.forecast is not None and meta.forecast.cost is not None,
        policy=meta.verification,
        phone_conflict=meta.phone_conflict,
        despite=meta.despite,
        roster=safe_path(name) if name else None,
        sha256=meta.roster_sha256,
        columns={kind: masked(label) for kind, label in (meta.roster_read.labels or {}).items()},
        guesses=meta.guesses,
        run_id=str(meta.run_id),
        options={
            each: masked(str(value)) if each in _COLUMNS else value
            for each, value in done.options.items()
            if value not in _UNSET
        },
        caller=_caller(last),
        host=last.context.host or "",
        versions=last.context.versions or {},
        passes=[_pass(last, done.state), *(_pass(each) for each in passes[1:_MOST_PASSES])],
        more_passes=max(0, len(passes) - _MOST_PASSES),
    )


def _outcomes(done: Summary, planned: Mapping[str, int], lines: Next) -> list[OutcomeLine]:
    details, command = done.meta.frequent_details, done.done.command
    found = []
    for outcome in Outcome:
        if not (rows := done.total.counts[outcome]):
            continue
        reasons = done.total.reasons[outcome]
        told = [
            ReasonLine(reason, number, [(scrub(text), times) for text, times in details.get(reason, ())])
            for reason, number in reasons.items()
        ]
        commands = [_command_of(Reason(reason), lines, command) for reason in reasons]
        if outcome is Outcome.UNPROCESSED:
            told = [ReasonLine(reason, number, planned=True) for reason, number in planned.items()]
            commands = [] if done.done.context.options.get("only_chosen") else [lines.resume()]
        distinct = dict.fromkeys(line for line in commands if line)
        found.append(OutcomeLine(outcome.value, rows, told, list(distinct)))
    return found


def _command_of(reason: Reason, lines: Next, command: str) -> str | None:
    if command in {"rollback", "canary"}:
        return None
    if reason.outcome is Outcome.PENDING:
        return lines.here("reconcile")
    if reason.facts.run_repeats:
        return lines.here("disable" if lines.disables else "run")
    return lines.list_as_roster("failed") if reason.outcome is Outcome.FAILED else None


def _coverage(done: Summary, planned: Mapping[str, int], audits: PoolCoverage) -> Coverage:
    verified = done.total.reasons[Outcome.VERIFIED]
    will_be = sum(rows for reason, rows in planned.items() if Reason(reason).outcome is Outcome.VERIFIED)
    plans, pool = done.done.command == "plan", pool_of(done.meta)
    return Coverage(
        rows=done.total.rows,
        before=verified.get(Reason.ALREADY_ENROLLED, 0),
        after=done.total.counts[Outcome.VERIFIED] + (will_be if plans else 0),
        pool=None if pool is None else pool.estimated_users,
        audits=audits,
        planned=plans,
    )


def _by_reason(total: Totals) -> dict[str, int]:
    return {reason: rows for found in total.reasons.values() for reason, rows in found.items()}


def _alone(total: Totals) -> list[tuple[str, int]]:
    """Users who could be locked out; users who were enrolled before do not count."""
    reasons = _by_reason(total)
    sheet = [each for each in LOCKOUT_SHEET if each is not Reason.ALREADY_ENROLLED]
    return [(each.value, reasons[each]) for each in sheet if reasons.get(each)]


def _warnings(done: Summary, planned: Mapping[str, int], plan: PlanCounts) -> list[tuple[str, int]]:
    half, meta, pool = done.half_done, done.meta, pool_of(done.meta)
    optional = pool is None or pool.mfa is not MfaMode.ON
    found = [
        ("drift", sum((ReconcileResult.of(done.done.extra).drift or {}).values())),
        ("half", half.get("number_stored_mfa_off", 0)),
        ("half_back", half.get("mfa_off_not_given_back", 0)),
        ("shared", plan.shared_numbers().users if done.done.command == "plan" else 0),
        ("at_sign_in", int(meta.verification == "at-sign-in")),
        ("reads", sum(planned.values()) if optional and meta.kind == "run" else 0),
    ]
    return [(name, number) for name, number in found if number]


def _pass(each: PassRecord, state: str = "") -> PassLine:
    """One line; `state` overrides the journal's, which does not show that a pass was killed."""
    killed = "interrupted" if each.state == "running" else each.state
    return PassLine(
        number=each.id,
        command=each.command,
        began=each.started_at,
        seconds=each.seconds,
        state=state or killed,
        caller=_caller(each),
        host=each.context.host or "",
        tool=(each.context.versions or {}).get("migrate_mfa", ""),
    )


def _caller(each: PassRecord) -> str:
    return mask_caller(each.context.caller_arn or "")
