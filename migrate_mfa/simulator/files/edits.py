"""Changes to users and their pool outside the API: a control request, or a step of a fault script.

    {"pool": "ID", "upsert": [{"Username": "taro", "Enabled": false,
                               "Attributes": {"phone_number": null}}], "delete": ["hana"],
     "config": {"MfaConfiguration": "OFF"}, "recovery": {"status": "PREVIEW_GENERATED"}}

`pool` may be left out when there is only one. An upsert takes the members of a pool file's user;
for an existing user, those left out stay, and an attribute of null is removed. `config` takes members
of a pool file's; null removes one. `recovery` brings the active point-in-time recovery to a status, or
adds one that goes back `back_s` seconds and was begun `begun_s` ago; see `recoveries`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.poolconfig import check_consistent, with_defaults
from migrate_mfa.simulator.account.recoveries import RecoveryRow, set_status
from migrate_mfa.simulator.files.documents import STRICT, require
from migrate_mfa.simulator.files.poolfile import ConfigRow, UserRow, user_fields, user_from_document
from migrate_mfa.simulator.operations.attributes import check_schema, claim_aliases

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import World


class Edit(BaseModel):
    """An edit document."""

    model_config = STRICT

    pool: str | None = None
    upsert: list[UserRow] = []
    delete: list[str] = []
    config: dict[str, Any] = {}
    recovery: RecoveryRow | None = None


def apply_edit(world: World, document: Mapping[str, Any]) -> None:
    """Make the changes of one edit document.

    Raises:
        ValueError: A member has a wrong name or value.
        CognitoError: No such pool or user, or a value that the pool refuses.
    """
    require(Edit, document, "edit")
    pool = _pool(world, document.get("pool"))
    for row in document.get("upsert", ()):
        user = _existing(pool, row["Username"])
        if user is None:
            pool.add(user_from_document(pool, row, world.clock()))
        else:
            _change(world, pool, user, row)
    for name in document.get("delete", ()):
        pool.remove(pool.find(name))
    if changed := document.get("config"):
        _configure(pool, changed)
    if recovery := document.get("recovery"):
        set_status(pool, recovery)


def _configure(pool: Pool, changed: Mapping[str, Any]) -> None:
    require(ConfigRow, {name: value for name, value in changed.items() if value is not None}, "config")
    merged = with_defaults({k: v for k, v in {**pool.config, **changed}.items() if v is not None})
    check_consistent(merged)
    pool.config = merged


def _pool(world: World, pool_id: str | None) -> Pool:
    if pool_id is None and len(world.pools) == 1:
        return next(iter(world.pools.values()))
    return world.pool({"UserPoolId": pool_id})


def _existing(pool: Pool, name: str) -> User | None:
    try:
        return pool.find(name)
    except CognitoError:
        return None


def _change(world: World, pool: Pool, user: User, row: Mapping[str, Any]) -> None:
    wanted = dict(row.get("Attributes", {}))
    check_schema(pool, {name: value or "" for name, value in wanted.items()})
    claim_aliases(pool, user, {**user.attributes, **wanted}, world.unsettled)
    pool.write(user, wanted, **user_fields(row))
