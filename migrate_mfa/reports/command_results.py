"""The members that each command adds to summary.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """The names of the fields are the JSON keys; a field that is None is left out."""

    def as_dict(self) -> dict[str, object]:
        """As plain values."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> Self:
        """Read it from a pass in the journal; the inverse of `as_dict`."""
        return cls(**{each.name: extra[each.name] for each in fields(cls) if each.name in extra})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanResult(CommandResult):
    """`shared_numbers`: how many numbers are planned for several users, and for how many users."""

    forecast: Mapping[str, object] | None = None
    shared_numbers: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileResult(CommandResult):
    """Counts of users; `drift` and `drift_new` by kind, `ended_without_a_write` by reason."""

    drift_seen_by: str | None = None
    number_changed: int | None = None
    users_not_read: int | None = None
    waiting_for_max_sms: int | None = None
    ended_without_a_write: Mapping[str, int] | None = None
    recovered_to: str | None = None
    """The time to which a point-in-time recovery has restored the pool."""
    drift: Mapping[str, int] | None = None
    drift_new: Mapping[str, int] | None = None
    failed_now: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackResult(CommandResult):
    """Rows of the roster that name no user of the run; users who keep a number that they have verified."""

    roster_rows_of_nobody: int | None = None
    numbers_kept: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult(CommandResult):
    """Users by status and by the state of their number; `mfa` by kind, after a deep audit."""

    list_complete: bool = False
    coverage: Mapping[str, Mapping[str, int]] | None = None
    total: Mapping[str, int] | None = None
    users: int | None = None
    estimated_users: int | None = None
    mfa: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryResult(CommandResult):
    """The steps that were made."""

    steps: Sequence[Mapping[str, object]] = ()
