"""Point-in-time recovery: a whole pool is restored to an earlier time, and refuses writes until it is done.

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
"""How far back a pool can be restored, by its feature plan."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One recovery: its id, its status as AWS names it, and the time to which it restores the pool."""

    id: str
    status: str
    back_to: float

    @property
    def pauses_writes(self) -> bool:
        """Whether the pool refuses writes because of it."""
        return self.status in _PAUSING

    @property
    def completed(self) -> bool:
        """Whether the pool was restored."""
        return self.status == _COMPLETED

    @property
    def moment(self) -> str:
        """The time to which it restores the pool, as a text."""
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
    """The recovery that makes the pool refuse writes, if there is one."""
    return next((each for each in recoveries if each.pauses_writes), None)


def completed_before(recoveries: Iterable[Recovery], moment: float) -> Recovery | None:
    """The newest recovery that restored the pool to a state before a given time, if there is one."""
    return next((each for each in recoveries if each.completed and each.back_to < moment), None)


def in_the_way(recovery: Recovery) -> PoolNotReady:
    """The error that ends the command while a recovery pauses writes."""
    return PoolNotReady(
        f"A point-in-time recovery of the pool is in progress ({recovery.status}, back to "
        f"{recovery.moment}): Cognito refuses every change of a user. No user is to blame.",
        recovery.remedy,
    )


class NobodyCanTellError(Exception):
    """The recoveries cannot be listed: this SDK, caller or endpoint does not allow it."""
