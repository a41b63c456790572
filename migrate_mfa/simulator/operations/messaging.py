"""AWS End User Messaging SMS: the account's tier and its spending limits.

Source: AWS End User Messaging SMS API Reference, "DescribeAccountAttributes" and "DescribeSpendLimits".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.operations.registry import EUMS, operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World

_MOST_USD = 100_000


@operation("DescribeAccountAttributes", "EUMS", EUMS)
def describe_account_attributes(world: World, _: Params) -> dict[str, Any]:
    """Say whether the account is in the sandbox."""
    return {"AccountAttributes": [{"Name": "ACCOUNT_TIER", "Value": world.around.eums.tier}]}


@operation("DescribeSpendLimits", "EUMS", EUMS)
def describe_spend_limits(world: World, _: Params) -> dict[str, Any]:
    """Show what may be spent a month; voice is never used here."""
    limit = world.around.eums.monthly_spend_limit_usd
    return {
        "SpendLimits": [
            {"Name": f"{kind}_MESSAGE_MONTHLY_SPEND_LIMIT", "Overridden": True, "MaxLimit": _MOST_USD}
            | {"EnforcedLimit": limit if kind == "TEXT" else 1}
            for kind in ("VOICE", "TEXT")
        ]
    }
