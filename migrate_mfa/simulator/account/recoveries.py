"""Point-in-time recoveries of a pool: the pool is restored, and until then it refuses writes.

Source: Amazon Cognito API Reference, "InitiatePointInTimeRecovery" and "RestorationType". The answer to a
blocked write is not documented: see `recovery_write_error` of `Unsettled`.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from migrate_mfa.simulator.account.errors import CognitoError, invalid_parameter
from migrate_mfa.simulator.files.documents import STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.world import World

PAUSING: Final = (
    "PREVIEW_GENERATING",
    "PREVIEW_GENERATED",
    "RESTORING",
    "TEMPORARY_INTERNAL_ERROR_SEE_SUPPORT_CASE",
    "AWS_ABORTED",
)
"""The statuses in which write operations in the user pool are paused."""
CANCELLABLE: Final = ("PREVIEW_GENERATING", "PREVIEW_GENERATED")
STATUSES: Final = (
    *PAUSING,
    "PREVIEW_CANCELLED",
    "PREVIEW_GENERATION_FAILED",
    "PREVIEW_EXPIRED",
    "RESTORE_COMPLETED",
)
_WRITES: Final = frozenset({"UserUpdate", "UserResourceUpdate", "UserCreation", "UserAccountRecovery"})
"""The quota categories whose operations change users."""
SOONEST_S: Final = 900.0
REACH_S: Final[Mapping[str, float]] = {"ESSENTIALS": 86_400.0, "PLUS": 14 * 86_400.0}
"""How far back a pool can be restored, by feature plan."""


class RecoveryRow(BaseModel):
    """A recovery in an edit: its status, and its target and beginning, in seconds ago."""

    model_config = STRICT

    status: str
    back_s: float = 3600.0
    begun_s: float = 0.0


@dataclass(slots=True)
class Recovery:
    """One recovery; times are in seconds since 1970."""

    status: str
    restore_at: float
    trigger_at: float
    id: str

    def described(self) -> dict[str, Any]:
        """Give it as RestorationType."""
        return {**self.listed(), "TriggerTimestamp": round(self.trigger_at, 3)}

    def listed(self) -> dict[str, Any]:
        """Give it as RestorationDescriptionType."""
        return {
            "RestoreId": self.id,
            "RestoreStatus": self.status,
            "RestoreTimestamp": round(self.restore_at, 3),
        }


def active(pool: Pool) -> Recovery | None:
    """Give the recovery that pauses writes in a pool, if one does."""
    return next((each for each in pool.recoveries if each.status in PAUSING), None)


def require_writable(world: World, pool_id: str, category: str) -> None:
    """Refuse a change of users while a recovery is in progress.

    Raises:
        CognitoError: With the code that `unsettled` says.
    """
    pool = world.pools.get(pool_id)
    if pool is not None and category in _WRITES and active(pool):
        message = "Write operations are paused while a point-in-time recovery is in progress."
        raise CognitoError(world.unsettled.recovery_write_error, message)


def begin(pool: Pool, restore_at: float) -> Recovery:
    """Begin a recovery.

    Raises:
        CognitoError: There is one already, the time is too recent or too old, or the plan has no recovery.
    """
    now, reach = pool.clock(), REACH_S[require_plan(pool)]
    if active(pool):
        message = "A point-in-time recovery is in progress."
        raise CognitoError("ConcurrentModificationException", message)
    if not now - reach <= restore_at <= now - SOONEST_S:
        raise invalid_parameter("RestoreTimestamp is not within the recovery period.")
    return _add(pool, "PREVIEW_GENERATING", restore_at, now)


def require_plan(pool: Pool) -> str:
    """Give the feature plan of a pool that can be recovered.

    Raises:
        CognitoError: FeatureUnavailableInTierException.
    """
    plan = str(pool.config["UserPoolTier"])
    if plan not in REACH_S:
        message = "Point-in-time recovery needs the Essentials tier or higher."
        raise CognitoError("FeatureUnavailableInTierException", message)
    return plan


def find(pool: Pool, restore_id: str) -> Recovery:
    """Give the recovery with this id.

    Raises:
        CognitoError: ResourceNotFoundException.
    """
    for each in pool.recoveries:
        if each.id == restore_id:
            return each
    raise CognitoError("ResourceNotFoundException", f"Recovery {restore_id} does not exist.")


def set_status(pool: Pool, row: Mapping[str, Any]) -> None:
    """Bring the active recovery to a status, or add one that has it.

    Raises:
        ValueError: There is no such status.
    """
    status = row["status"]
    if status not in STATUSES:
        raise ValueError(f"recovery: status is one of {', '.join(STATUSES)}")
    now, current = pool.clock(), active(pool)
    if current is None:
        begun = now - row.get("begun_s", 0.0)
        _add(pool, status, now - row.get("back_s", 3600.0), begun)
    else:
        current.status = status


def _add(pool: Pool, status: str, restore_at: float, trigger_at: float) -> Recovery:
    made = Recovery(status, restore_at, trigger_at, str(uuid.uuid4()))
    pool.recoveries.insert(0, made)
    return made
