"""Point-in-time recovery: a whole pool is put back to an earlier moment, and takes no writes until then.

Source: API reference, "InitiatePointInTimeRecovery", "ListPointInTimeRecoveries" and "RestorationType".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from migrate_mfa.domain.errors import PoolNotReady

LIST = "ListPointInTimeRecoveries"
_PAUSING = frozenset(
    {
        "PREVIEW_GENERATING",
        "PREVIEW_GENERATED",
        "RESTORING",
        "TEMPORARY_INTERNAL_ERROR_SEE_SUPPORT_CASE",
        "AWS_ABORTED",
    }
)
"""The statuses in which "write operations in the user pool are paused" (or "remain paused")."""
_DISCARDABLE = frozenset({"PREVIEW_GENERATING", "PREVIEW_GENERATED"})
_COMPLETED = "RESTORE_COMPLETED"
REACH_DAYS = {"LITE": 0, "ESSENTIALS": 1, "PLUS": 14}
"""How far back a pool can be put, by its feature plan."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One recovery: its id, its status by AWS's name, and the moment that it goes back to."""

    id: str
    status: str
    back_to: float

    @property
    def pauses_writes(self) -> bool:
        """Whether the pool takes no writes because of it."""
        return self.status in _PAUSING

    @property
    def completed(self) -> bool:
        """Whether the pool was put back."""
        return self.status == _COMPLETED

    @property
    def moment(self) -> str:
        """The moment that it goes back to, for people."""
        return datetime.fromtimestamp(self.back_to, UTC).strftime("%Y-%m-%d %H:%M UTC")

    @property
    def remedy(self) -> str:
        """What the operator can do about it."""
        if self.status in _DISCARDABLE:
            return (
                "Start or cancel the recovery first; it expires 24 hours after it was initiated. Then run "
                "the same command again."
            )
        if self.status == "RESTORING":
            return "Wait until it is completed, then run the same command again; it reads the users again."
        return "AWS Support must end it; see the support case. Then run the same command again."


def pausing(recoveries: Iterable[Recovery]) -> Recovery | None:
    """The recovery because of which the pool takes no writes, if there is one."""
    return next((each for each in recoveries if each.pauses_writes), None)


def completed_before(recoveries: Iterable[Recovery], moment: float) -> Recovery | None:
    """The newest recovery that put the pool back to a state from before a moment, if there is one."""
    return next((each for each in recoveries if each.completed and each.back_to < moment), None)


def in_the_way(recovery: Recovery) -> PoolNotReady:
    """The run's problem while a recovery pauses writes: no user is to blame."""
    return PoolNotReady(
        f"A point-in-time recovery of the pool is in progress ({recovery.status}, back to "
        f"{recovery.moment}): Cognito refuses every change of a user. No user is to blame.",
        recovery.remedy,
    )


class NobodyCanTellError(Exception):
    """Whether the pool takes no writes cannot be asked here: by this SDK, this caller or this endpoint."""
