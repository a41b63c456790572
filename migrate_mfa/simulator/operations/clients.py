"""App clients: creating, showing and listing them."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.appclients import new_client
from migrate_mfa.simulator.account.world import no_such_client, text
from migrate_mfa.simulator.operations.pools import page_of
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World


@operation("CreateUserPoolClient", "UserPoolClientUpdate")
def create_user_pool_client(world: World, params: Params) -> dict[str, Any]:
    """Create an app client with the settings given."""
    pool = world.pool(params)
    text(params, "ClientName", 128)
    client = new_client(pool.id, params, world.clock())
    if params.get("GenerateSecret"):
        client["ClientSecret"] = secrets.token_hex(26)
    pool.clients[client["ClientId"]] = client
    return {"UserPoolClient": client}


@operation("DescribeUserPoolClient", "UserPoolClientRead")
def describe_user_pool_client(world: World, params: Params) -> dict[str, Any]:
    """Show an app client."""
    pool, client_id = world.pool(params), text(params, "ClientId", 128)
    if client_id not in pool.clients:
        raise no_such_client(client_id)
    return {"UserPoolClient": pool.clients[client_id]}


@operation("ListUserPoolClients", "UserPoolClientRead")
def list_user_pool_clients(world: World, params: Params) -> dict[str, Any]:
    """List the app clients of a pool."""
    names = ("ClientId", "UserPoolId", "ClientName")
    clients = world.pool(params).clients.values()
    rows = [{name: client[name] for name in names} for client in clients]
    return page_of(params, "UserPoolClients", rows)
