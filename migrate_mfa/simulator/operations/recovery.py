"""Point-in-time recovery, without StartPointInTimeRecovery: earlier states of users are not kept.

Sources: API Reference, "InitiatePointInTimeRecovery", "ListPointInTimeRecoveries" and the two others. Their
quota categories are not documented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import constraint, invalid_parameter
from migrate_mfa.simulator.account.recoveries import CANCELLABLE, begin, find, require_plan
from migrate_mfa.simulator.account.world import text
from migrate_mfa.simulator.operations.pools import page_of
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World


@operation("InitiatePointInTimeRecovery", "UserPoolUpdate")
def initiate_point_in_time_recovery(world: World, params: Params) -> dict[str, Any]:
    """Pause the pool's writes and begin a preview."""
    pool, moment = world.pool(params), params.get("RestoreTimestamp")
    if not isinstance(moment, int | float):
        raise constraint(None, "RestoreTimestamp", "Member must not be null")
    return {"Restoration": begin(pool, moment).described()}


@operation("CancelPointInTimeRecovery", "UserPoolUpdate")
def cancel_point_in_time_recovery(world: World, params: Params) -> dict[str, Any]:
    """Discard a preview; writes are possible again."""
    pool = world.pool(params)
    require_plan(pool)
    found = find(pool, text(params, "RestoreId"))
    if found.status not in CANCELLABLE:
        raise invalid_parameter(f"A recovery that is {found.status} cannot be cancelled.")
    found.status = "PREVIEW_CANCELLED"
    return {"Restoration": found.described()}


@operation("DescribePointInTimeRecovery", "UserPoolRead")
def describe_point_in_time_recovery(world: World, params: Params) -> dict[str, Any]:
    """Show one recovery."""
    pool = world.pool(params)
    require_plan(pool)
    return {"Restoration": find(pool, text(params, "RestoreId")).described()}


@operation("ListPointInTimeRecoveries", "UserPoolRead")
def list_point_in_time_recoveries(world: World, params: Params) -> dict[str, Any]:
    """List the recoveries, the newest first."""
    pool = world.pool(params)
    require_plan(pool)
    return page_of(params, "Restorations", [each.listed() for each in pool.recoveries])
