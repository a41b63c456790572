"""Changes to users from outside the API: a control request, or a step of a fault script.

    {"pool": "ID", "upsert": [{"Username": "taro", "Enabled": false,
                               "Attributes": {"phone_number": null}}], "delete": ["hana"]}

`pool` may be left out when there is only one. An upsert takes the members of a pool file's user;
for an existing user, those left out stay, and an attribute of null is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from migrate_mfa.simulator.documents import STRICT, require
from migrate_mfa.simulator.errors import CognitoError
from migrate_mfa.simulator.operations.attributes import check_schema, claim_aliases
from migrate_mfa.simulator.poolfile import UserRow, user_fields, user_from_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.pool import Pool
    from migrate_mfa.simulator.users import User
    from migrate_mfa.simulator.world import World


class Edit(BaseModel):
    """An edit document."""

    model_config = STRICT

    pool: str | None = None
    upsert: list[UserRow] = []
    delete: list[str] = []


def apply_edit(world: World, document: Mapping[str, Any]) -> None:
    """Carry out one edit document.

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
