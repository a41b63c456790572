"""Creating, describing, listing, updating and deleting pools."""

from __future__ import annotations

import secrets
import string
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account import poolconfig
from migrate_mfa.simulator.account.delivery import check_role, sms_failure
from migrate_mfa.simulator.account.errors import CognitoError, constraint, invalid_parameter
from migrate_mfa.simulator.account.pool import Pool
from migrate_mfa.simulator.account.world import text
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World

_ALPHABET = string.ascii_letters + string.digits
_HIDDEN = (
    *poolconfig.MFA_BLOCKS,
    poolconfig.FUTURE_BLOCKS,
    "Schema",
    "EstimatedNumberOfUsers",
    "Replicas",
    "LogConfigurations",
)
_MAX_RESULTS = 60


def new_pool_id(region: str) -> str:
    """Make an id of the service's shape: the Region and nine letters or digits."""
    return f"{region}_" + "".join(secrets.choice(_ALPHABET) for _ in range(9))


@operation("CreateUserPool", "UserPoolUpdate")
def create_user_pool(world: World, params: Params) -> dict[str, Any]:
    """Create an empty pool."""
    name = text(params, "PoolName", 128)
    allowed = poolconfig.UPDATABLE | set(poolconfig.FIXED)
    config = poolconfig.with_defaults({k: v for k, v in params.items() if k in allowed})
    poolconfig.check_new_settings(config)
    pool_id = new_pool_id(world.region)
    check_role(world, config.get("SmsConfiguration", {}), pool_id)
    pool = Pool(pool_id, name, config, world.clock)
    pool.memory_s = max(world.list_lag_s, world.read_lag_s)
    world.pools[pool.id] = pool
    return {"UserPool": describe(world, pool)}


@operation("DescribeUserPool", "UserPoolRead")
def describe_user_pool(world: World, params: Params) -> dict[str, Any]:
    """Show a pool's settings."""
    return {"UserPool": describe(world, world.pool(params))}


def describe(world: World, pool: Pool) -> dict[str, Any]:
    """Show a pool as UserPoolType; the number of users is only ever an estimate."""
    failure = sms_failure(world, pool)
    return {
        **({"SmsConfigurationFailure": failure} if failure else {}),
        "Id": pool.id,
        "Name": pool.name,
        "Arn": world.arn(pool.id),
        "CreationDate": round(pool.created, 3),
        "LastModifiedDate": round(pool.modified, 3),
        "EstimatedNumberOfUsers": pool.config.get("EstimatedNumberOfUsers", len(pool.by_sub)),
        "SchemaAttributes": list(pool.schema.values()),
        **{name: value for name, value in pool.config.items() if name not in _HIDDEN},
    }


@operation("UpdateUserPool", "UserPoolUpdate")
def update_user_pool(world: World, params: Params) -> dict[str, Any]:
    """Write a pool's settings; those not given go back to their defaults ("UpdateUserPool")."""
    pool = world.pool(params)
    config = poolconfig.reset_unspecified(pool.config, params)
    poolconfig.check_new_settings(config)
    check_role(world, config.get("SmsConfiguration", {}), pool.id)
    pool.config = config
    pool.name = params.get("PoolName", pool.name)
    pool.modified = world.clock()
    return {}


@operation("DeleteUserPool", "UserPoolUpdate")
def delete_user_pool(world: World, params: Params) -> dict[str, Any]:
    """Delete a pool unless it is protected."""
    pool = world.pool(params)
    if pool.config["DeletionProtection"] == "ACTIVE":
        raise CognitoError(
            "InvalidParameterException",
            "The user pool cannot be deleted because deletion protection is activated. "
            "Deletion protection must be inactivated first.",
        )
    del world.pools[pool.id]
    return {}


@operation("ListUserPools", "UserPoolRead")
def list_user_pools(world: World, params: Params) -> dict[str, Any]:
    """List the pools, MaxResults (1 to 60) a page."""
    return page_of(
        params,
        "UserPools",
        [
            {
                "Id": pool.id,
                "Name": pool.name,
                "LambdaConfig": pool.config["LambdaConfig"],
                "LastModifiedDate": round(pool.modified, 3),
                "CreationDate": round(pool.created, 3),
            }
            for pool in world.pools.values()
        ],
    )


@operation("ListUserPoolReplicas", "UserPoolRead")
def list_user_pool_replicas(world: World, params: Params) -> dict[str, Any]:
    """List the pool in its Regions; its category is not documented."""
    rows = world.pool(params).config.get("Replicas", ())
    arn = world.arn(params["UserPoolId"])
    return {"UserPoolReplicas": [{"Status": "ACTIVE", "UserPoolArn": arn, **row} for row in rows]}


@operation("GetLogDeliveryConfiguration", "UserPoolResourceRead")
def get_log_delivery_configuration(world: World, params: Params) -> dict[str, Any]:
    """Show which logs are exported ("GetLogDeliveryConfiguration")."""
    pool = world.pool(params)
    rows = pool.config.get("LogConfigurations", [])
    return {"LogDeliveryConfiguration": {"UserPoolId": pool.id, "LogConfigurations": rows}}


def page_of(params: Params, member: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Give a page of a short list; NextToken is the position of the next page.

    Raises:
        CognitoError: InvalidParameterException for a wrong MaxResults or NextToken.
    """
    size = params.get("MaxResults", _MAX_RESULTS)
    if not isinstance(size, int) or not 1 <= size <= _MAX_RESULTS:
        raise constraint(size, "MaxResults", f"Member must have value between 1 and {_MAX_RESULTS}")
    token = str(params.get("NextToken", "0"))
    if not token.isdecimal():
        raise invalid_parameter("Invalid pagination token.")
    start, end = int(token), int(token) + size
    more = {"NextToken": str(end)} if end < len(rows) else {}
    return {member: rows[start:end], **more}
