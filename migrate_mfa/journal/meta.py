"""The facts that a run directory records about itself, and whether a command fits them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from migrate_mfa.domain.errors import InputUnusable, NotPlanned
from migrate_mfa.domain.forecast import Foretold
from migrate_mfa.domain.model import PhoneConflict, Policy, VerificationPolicy
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.ports import CategoryPace, ProgressUpdate, RowFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterMeta:
    """How a roster was read: its form, and the meaning of its columns."""

    columns: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] | None = None
    """None in a journal of an older version, and in one without a roster."""
    notes: tuple[str, ...] = ()
    lines: int = 0
    records: int = 0
    multi_line_records: int = 0
    encoding: str = ""
    encoding_guessed: bool = False


@dataclass(frozen=True, slots=True)
class KeptPace:
    """The pace of a command's last invocation; calls per second by category."""

    quota_share: float
    max_rps: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ProgressNote:
    """A note of a working invocation: its id, and the time of the note."""

    pass_id: int
    at: float
    update: ProgressUpdate


@dataclass(frozen=True, slots=True, kw_only=True)
class RunMeta:
    """The facts in a journal. If an older version did not write one, it is None, empty, zero or False.

    `options` are the options that decided the plan, by name: a command must not give different ones.
    """

    directory: Path
    kind: str | None = None
    phase: str | None = None
    usable: bool | None = None
    """Whether the plan may be applied, even if much of the roster has failed."""
    account: str | None = None
    user_pool_id: str | None = None
    pool_name: str | None = None
    region: str | None = None
    endpoint: str | None = None
    run_id: str | None = None
    roster: str | None = None
    roster_sha256: str | None = None
    columns: tuple[str, ...] = ()
    roster_read: RosterMeta = field(default_factory=RosterMeta)
    claims_made: tuple[bool | None, ...] | None = None
    guesses: Mapping[str, int] = field(default_factory=dict)
    frequent_details: Mapping[str, list[tuple[str, int]]] = field(default_factory=dict)
    reading: str = ""
    pool_facts: str | None = None
    """The text for `pool_from_json`, which is called only if a command needs it."""
    forecast: Foretold | None = None
    """The plan's forecast of the remaining work."""
    enforced_limits: Mapping[str, float] = field(default_factory=dict)
    sms_expected: int = 0
    paces: Mapping[str, KeptPace] = field(default_factory=dict)
    audit_lists: tuple[str, ...] = ()
    """The lists of an audit in the journal; none before version 6, which had them only in the report."""
    drift_told_in_pass: int = 0
    recovery_told: str | None = None
    planned_at: float | None = None
    """When the plan was made, in seconds since 1970."""
    progress: ProgressNote | None = None
    options: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, directory: Path, facts: Mapping[str, Any]) -> Self:
        """Read the facts of a journal, of this version or an older one."""
        plain = {name: facts[name] for name in _PLAIN & facts.keys()}
        return cls(
            directory=directory,
            **plain,
            columns=tuple(facts.get("columns") or ()),
            audit_lists=tuple(facts.get("audit_lists", ())),
            roster_read=_roster_read(facts),
            claims_made=tuple(facts["vouchings"]) if "vouchings" in facts else None,
            paces={
                command: KeptPace(pace["quota_share"], pace["max_rps"])
                for command, pace in facts.get("pace", {}).items()
            },
            forecast=Foretold.of(facts["forecast"]) if facts.get("forecast") else None,
            progress=_progress(facts.get("standing")),
            options={name: value for name, value in facts.items() if name not in _KNOWN},
        )

    @classmethod
    def read(cls, journal: Journal) -> Self:
        """Read the facts of an open run directory."""
        return cls.of(journal.directory, journal.meta())

    @property
    def policy(self) -> Policy:
        """The policy of the plan."""
        return Policy(
            verification=VerificationPolicy(str(self.options["verification"])),
            phone_conflict=PhoneConflict(str(self.options["phone_conflict"])),
            despite=frozenset(map(Reason, self.despite)),
        )

    @property
    def verification(self) -> str | None:
        """How a number becomes verified; None without a plan, and for `disable`."""
        return self._text_of("verification")

    @property
    def phone_conflict(self) -> str | None:
        """What to do about users who have another number; None as above."""
        return self._text_of("phone_conflict")

    @property
    def despite(self) -> tuple[str, ...]:
        """The reasons given with `--despite`."""
        told = self._decided("despite")
        return tuple(map(str, told)) if isinstance(told, list) else ()

    def _text_of(self, name: str) -> str | None:
        value = self._decided(name)
        return None if value is None else str(value)

    def _decided(self, name: str) -> object:
        """The operator's choices about numbers; empty for `disable`, which reads no numbers."""
        return None if self.kind == "disable" else self.options.get(name)

    @property
    def settled(self) -> Mapping[str, object]:
        """Options that need not be given together with the run directory, by name."""
        where = {"user_pool_id": self.user_pool_id, "region": self.region, "roster": self.roster}
        return {**self.options, **{name: value for name, value in where.items() if value is not None}}

    def require_planned(self, kind: str | None = None) -> Self:
        """Refuse a directory without a finished plan, or of another kind of command. Returns itself.

        Raises:
            InputUnusable: it is of another kind, or was purged.
            NotPlanned: it has no plan.
        """
        if kind is not None:
            self.fits(kind=kind)
        if self.phase == "purged":
            raise InputUnusable(f"{shown(self.directory)} was purged: its users are no longer known.")
        if self.phase != "planned":
            hint = "Name the ROSTER and --user-pool-id."
            raise NotPlanned(f"{shown(self.directory)} holds no finished plan.", hint)
        return self

    def fits(
        self,
        *,
        kind: str | None = None,
        account: str | None = None,
        user_pool_id: str | None = None,
        roster: tuple[str | None, str] | None = None,
        options: Mapping[str, object] | None = None,
    ) -> None:
        """Refuse a command whose pool, roster or options differ from those of the plan.

        Values that are not given are not compared; values that are missing in the journal fit everything.

        Args:
            kind: the command to which the directory must belong: `run`, `disable` or `audit`.
            account: the AWS account.
            user_pool_id: the user pool.
            roster: the source and the SHA-256 of the roster.
            options: the options that decide a plan, by name.

        Raises:
            InputUnusable: names the first difference, with both values.
        """
        if kind is not None and self.kind not in {None, kind}:
            holds = _ELSEWHERE.get(self.kind or "", "")
            raise InputUnusable(
                f"This --run-dir belongs to `{self.kind}`, not to `{kind}`.",
                f"{holds} Use another --run-dir, or name a ROSTER without --run-dir.".strip(),
            )
        if account is not None and self.account not in {None, account}:
            raise _not_as_planned("The AWS account", _difference(self.account, account))
        if user_pool_id is not None and self.user_pool_id not in {None, user_pool_id}:
            raise _not_as_planned("The user pool", _difference(self.user_pool_id, user_pool_id))
        if roster is not None and self.roster_sha256 not in {None, roster[1]}:
            planned, given = _file(self.roster), _file(roster[0])
            same_file = f"{planned} has changed since"
            raise _not_as_planned(
                "The roster", same_file if planned == given else _difference(planned, given)
            )
        for name, value in (options or {}).items():
            if name in self.options and self.options[name] != value:
                flag = f"--{name.replace('_', '-')}"
                raise _not_as_planned(flag, _difference(self.options[name], value))


def planned_directory(directory: Path, kind: str | None = None) -> RunMeta:
    """The facts of a run directory with a plan; raises like `RunMeta.require_planned`."""
    with Journal.look_at(directory) as journal:
        return RunMeta.read(journal).require_planned(kind)


def policy_options(policy: Policy) -> dict[str, object]:
    """A policy as option values, for the journal; the inverse is `RunMeta.policy`."""
    return {
        "verification": policy.verification.value,
        "phone_conflict": policy.phone_conflict.value,
        "despite": sorted(reason.value for reason in policy.despite),
    }


_PLAIN = {
    *("kind", "phase", "usable", "account", "user_pool_id", "pool_name", "region", "endpoint", "run_id"),
    *("roster", "roster_sha256", "guesses", "frequent_details", "reading", "enforced_limits", "sms_expected"),
    *("drift_told_in_pass", "recovery_told", "pool_facts", "planned_at"),
}
"""Facts that have the same name and value in the journal."""
_OF_THE_ROSTER = {
    "columns": "roster_columns",
    "labels": "roster_column_labels",
    "lines": "roster_lines",
    "records": "roster_records",
    "multi_line_records": "roster_multi_line_records",
    "encoding": "roster_encoding",
    "encoding_guessed": "roster_encoding_guessed",
}
_KNOWN = _PLAIN | {*_OF_THE_ROSTER.values(), "roster_column_notes", "columns"}
_KNOWN |= {"vouchings", "pace", "standing", "forecast", "audit_lists"}


def _roster_read(facts: Mapping[str, Any]) -> RosterMeta:
    known = {name: facts[key] for name, key in _OF_THE_ROSTER.items() if key in facts}
    return RosterMeta(**known, notes=tuple(facts.get("roster_column_notes", ())))


def _progress(noted: Mapping[str, Any] | None) -> ProgressNote | None:
    if noted is None:
        return None
    return ProgressNote(noted["pass"], noted["at"], _progress_of(noted))


def _not_as_planned(what: str, difference: str) -> InputUnusable:
    return InputUnusable(
        f"{what} is not what this run was planned with: {difference}.",
        "Use the planned value, or another --run-dir for a new plan. Until something was written, `plan` can "
        "also plan again here.",
    )


def _difference(planned: object, now: object) -> str:
    return f"planned {_shown(planned)}, now {_shown(now)}"


def _file(source: object) -> str:
    return "standard input" if source == "-" else str(source)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


_ELSEWHERE = {
    "canary": "It holds the user of a canary; `rollback` restores that user from it.",
    "audit": "It holds no plan; its report/unverified.csv, with the numbers filled in, is a roster.",
}


def _progress_of(noted: Mapping[str, Any]) -> ProgressUpdate:
    """The progress that a command noted for other processes; an older version noted less."""
    sms = noted.get("sms")
    return ProgressUpdate(
        stage=noted["stage"],
        done=noted.get("done"),
        total=noted.get("total"),
        outcomes=tuple((name, number) for name, number in noted.get("outcomes", ())),
        failed_by=tuple((name, number) for name, number in noted.get("failed_by", ())),
        failures=tuple(RowFailure(**each) for each in noted.get("failures", ())),
        most_failures=noted.get("most_failures"),
        sms=(sms[0], sms[1]) if sms else None,
        rates=tuple((name, rate) for name, rate in noted.get("rates", ())),
        paces=tuple(CategoryPace(**each) for each in noted.get("paces", ())),
        seconds_left=noted.get("seconds_left"),
        seconds_running=noted.get("seconds_running"),
        credentials_end=noted.get("credentials_end"),
        slowed_by=noted.get("slowed_by", ""),
    )
