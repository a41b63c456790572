"""AdminGetUser, AdminGetUserAuthFactors and ListUsers."""

from __future__ import annotations

import json
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import constraint, invalid_parameter, no_such_user
from migrate_mfa.simulator.account.filters import Filter, parse_filter
from migrate_mfa.simulator.account.users import as_admin_get_user, as_user_type, mfa_view
from migrate_mfa.simulator.operations.registry import operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.tokens import Cursor
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.account.world import Params, World

MAX_PAGE = 60


@operation("AdminGetUser", "UserRead")
def admin_get_user(world: World, params: Params) -> dict[str, Any]:
    """Show one user with attributes and MFA settings."""
    pool, live = world.user(params)
    user = pool.view(live, world.read_lag_s)
    if user is None:
        raise no_such_user()
    return as_admin_get_user(user, hide_mfa=mfa_hidden(world, pool))


@operation("AdminGetUserAuthFactors", "UserRead")
def admin_get_user_auth_factors(world: World, params: Params) -> dict[str, Any]:
    """Show one user's factors without any attribute."""
    pool, user = world.user(params)
    return {
        "Username": user.username,
        "ConfiguredUserAuthFactors": list(user.auth_factors or ("PASSWORD",)),
        **mfa_view(user, hide=mfa_hidden(world, pool)),
    }


@operation("ListUsers", "UserList")
def list_users(world: World, params: Params) -> dict[str, Any]:
    """Show a page of users; only a missing PaginationToken ends the list ("ListUsers")."""
    pool = world.pool(params)
    wanted = _filter(world, pool, params)
    request = json.dumps({k: v for k, v in params.items() if k != "PaginationToken"}, sort_keys=True)
    token = params.get("PaginationToken")
    after = None if token is None else world.tokens.read(request, token)
    size = _page_size(params) if world.page_cap is None else world.page_cap
    rows = _rows(world, pool, wanted, after)
    page = list(islice(rows, size))
    answer: dict[str, Any] = {"Users": _shown([user for _, user in page], params)}
    if next(rows, None) is not None:
        last = page[-1][0] if page else after if after is not None else _START
        answer["PaginationToken"] = world.tokens.issue(request, last)
    return answer


_START = -1
"""The cursor before the first user; an empty first page hands it out."""


def _rows(
    world: World, pool: Pool, wanted: Filter | None, after: Cursor | None
) -> Iterator[tuple[Cursor, User]]:
    """Yield the users that the (possibly stale) list shows, with their cursors."""
    if wanted is not None and (fold := _unsettled_case(world, wanted.attribute)):
        return _compared(pool, Filter(wanted.attribute, fold(wanted.value), wanted.prefix), fold, after)
    rows = pool.walk(wanted, after)
    if world.list_lag_s <= 0:
        return rows
    if wanted is not None and not wanted.prefix and after is None:
        # Users whose former value matches are no longer in the index under it.
        rows = chain(rows, (((wanted.value, user.seq), user) for user in pool.recently_changed()))
    return _as_of(world, pool, wanted, rows)


def _unsettled_case(world: World, attribute: str) -> Callable[[str], str] | None:
    """Say how a filter compares, if a switch differs from the pool's index."""
    if attribute == "username" and world.unsettled.username_filter_ignores_case:
        return str.casefold
    return str if attribute == "email" and world.unsettled.email_filter_tells_cases else None


def _compared(
    pool: Pool, wanted: Filter, fold: Callable[[str], str], after: Cursor | None
) -> Iterator[tuple[Cursor, User]]:
    for cursor, user in pool.walk(None, after):
        own = user.username if wanted.attribute == "username" else user.attributes.get(wanted.attribute)
        if own is not None and wanted.accepts(fold(own)):
            yield cursor, user


def _as_of(
    world: World, pool: Pool, wanted: Filter | None, rows: Iterator[tuple[Cursor, User]]
) -> Iterator[tuple[Cursor, User]]:
    seen: set[int] = set()
    for cursor, live in rows:
        user = pool.view(live, world.list_lag_s)
        if user is None or user.seq in seen:
            continue
        if wanted is None or wanted.accepts(pool.search_key(user, wanted.attribute)):
            seen.add(user.seq)
            yield cursor, user


def mfa_hidden(world: World, pool: Pool) -> bool:
    """Say whether reads leave out the MFA list."""
    return pool.mfa_mode == "ON" and world.unsettled.required_pool_hides_mfa_list


def _filter(world: World, pool: Pool, params: Params) -> Filter | None:
    parsed = parse_filter(params.get("Filter") or "")
    if parsed is None:
        return None
    if _unsettled_case(world, parsed.attribute):
        return parsed
    value = pool.fold_value(parsed.attribute, parsed.value)
    return Filter(parsed.attribute, value, parsed.prefix)


def _page_size(params: Params) -> int:
    """Give the page size; the documents allow 0 without a meaning: taken as "not given"."""
    limit = params.get("Limit", MAX_PAGE)
    if not isinstance(limit, int) or limit < 0:
        rule = "Member must have value greater than or equal to 0"
        raise constraint(limit, "Limit", rule)
    if limit > MAX_PAGE:
        raise constraint(limit, "Limit", f"Member must have value less than or equal to {MAX_PAGE}")
    return limit or MAX_PAGE


def _shown(users: list[User], params: Params) -> list[dict[str, Any]]:
    """Show the users; refuse AttributesToGet for which some of them have no value."""
    names = params.get("AttributesToGet") or None
    for name in names or ():
        if any(name != "sub" and name not in user.attributes for user in users):
            raise invalid_parameter(f"One or more requested attributes do not exist: {name}")
    return [as_user_type(user, names) for user in users]
