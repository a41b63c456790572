"""Writes a first fleet file from the accounts of an organization and their user pools."""

import json
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

from migrate_mfa.aws.assumed_role import Role
from migrate_mfa.aws.organization import Account, ListedPool, Lists
from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.characters import in_one_line, without_accents
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.fleet.file import TAKEN
from migrate_mfa.fleet.validate import AT_ONCE, CONNECTS
from migrate_mfa.session import call_or_exit
from migrate_mfa.stop import Stop

_LONGEST_NAME = 64
_WIDTH = 108
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9._-]+")
T = TypeVar("T")
Page = Callable[[str | None], tuple[list[T], str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where to look for pools, and with which role and credentials."""

    role: str
    """The name of the role in every account, with its path."""
    regions: tuple[str, ...]
    external_id: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """The pools of one account in one Region."""

    account: Account
    region: str
    pools: tuple[ListedPool, ...] = ()
    trouble: str = ""
    """The reason if its pools are not known."""


def look(wanted: Wanted) -> list[Looked]:
    """List the active accounts, and the pools of each, in parallel.

    Raises:
        UsageError: a Region, or the AWS configuration, cannot be used.
        NotAllowed: the accounts cannot be listed by these credentials.
        OutOfReach: AWS does not answer.
    """
    callers = [Aws(_target(wanted), region=each) for each in wanted.regions]
    accounts = sorted(_all(Lists(callers[0]).accounts), key=lambda each: (each.name.casefold(), each.id))
    places = product((each for each in accounts if each.active), wanted.regions)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda place: _look(wanted, *place), places))


def _look(wanted: Wanted, account: Account, region: str) -> Looked:
    try:
        role = Role(arn=role_arn(account, wanted.role), external_id=wanted.external_id)
        found = _all(Lists(Aws(_target(wanted, role), region=region)).pools)
    except MigrateMfaError as error:
        return Looked(account=account, region=region, trouble=f"{error.message} {error.hint}".strip())
    return Looked(account=account, region=region, pools=tuple(found))


def _target(wanted: Wanted, role: Role | None = None) -> AwsTarget:
    return AwsTarget(user_pool_id="", profile=wanted.profile, endpoint_url=wanted.endpoint_url, role=role)


def _all(page: Page[T]) -> list[T]:
    """The items of all pages; each page is retried on its own."""
    found: list[T] = []
    token: str | None = None
    while True:
        some, token = call_or_exit(partial(page, token), SystemClock(), Stop(), connects=CONNECTS)
        found += some
        if not token:
            return found


def role_arn(account: Account, role: str) -> str:
    """The ARN of the role in an account."""
    return f"arn:{account.partition}:iam::{account.id}:role/{role}"


def as_toml(found: Sequence[Looked], wanted: Wanted) -> str:
    """The text of the file: a target for each pool; for unreadable accounts a comment with the reason."""
    names = _Names()
    return (
        "\n".join([*_head(wanted), *(line for each in found for line in _targets(each, wanted, names))])
        + "\n"
    )


_HEAD = """\
# Written by migrate-mfa fleet init. Take out the pools that are not meant, put each roster where its target
# says, and correct what stands here as a comment. Then: migrate-mfa fleet validate FLEET.toml

[defaults]"""
_DECIDE = """\
# verification = "by-code"  # or another policy: migrate-mfa guide policies
# phone_country = "JP"  # of numbers without a country code"""


def _head(wanted: Wanted) -> Iterator[str]:
    yield _HEAD
    yield from _lines(
        {
            "profile": wanted.profile,
            "endpoint_url": wanted.endpoint_url,
            "role_external_id": wanted.external_id,
        }
    )
    yield _DECIDE


def _targets(looked: Looked, wanted: Wanted, names: "_Names") -> Iterator[str]:
    where = f"{in_one_line(looked.account.name)} ({looked.account.id}), {looked.region}"
    yield ""
    if looked.trouble:
        yield from textwrap.wrap(
            f"{where}: {in_one_line(looked.trouble)}",
            _WIDTH,
            initial_indent="# ",
            subsequent_indent="# ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        unknown = ListedPool(id=f"{looked.region}_...", name="")
        yield from (f"# {line}" for line in _target_of(looked, unknown, wanted, names))
        return
    yield f"# {where}" if looked.pools else f"# {where}: no user pools"
    for pool in looked.pools:
        yield from ("", *_target_of(looked, pool, wanted, names))


def _target_of(looked: Looked, pool: ListedPool, wanted: Wanted, names: "_Names") -> Iterator[str]:
    account = looked.account
    name = names.of(account, pool)
    yield "[[target]]"
    yield from _lines(
        {
            "name": name,
            "user_pool_id": pool.id,
            "account": account.id,
            "role_arn": role_arn(account, wanted.role),
            "roster": f"{name}.csv",
        }
    )
    tags = ", ".join(_text(each) for each in (_plain(account.name) or account.id, looked.region))
    yield f"tags = [{tags}]"


def _lines(values: dict[str, str | None]) -> Iterator[str]:
    for name, value in values.items():
        if value is not None:
            yield f"{name} = {_text(value)}"


def _text(value: str) -> str:
    """A basic string of TOML: that of JSON, but DEL must be escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


class _Names:
    """Makes names of targets: unique, and valid in a fleet file and a file system."""

    def __init__(self) -> None:
        self._taken = set(TAKEN)

    def of(self, account: Account, pool: ListedPool) -> str:
        """The names of account and pool; if they are taken, with their ids."""
        words = [_plain(account.name) or account.id, _plain(pool.name)]
        base, id_ = "-".join(each for each in words if each), _plain(pool.id)
        names = [_with(base, suffix) for suffix in ("", f"-{id_}", f"-{account.id}-{id_}")]
        name = next((each for each in names if each not in self._taken), names[-1])
        self._taken.add(name)
        return name


def _with(base: str, suffix: str) -> str:
    return f"{base[: _LONGEST_NAME - len(suffix)]}{suffix}"


def _plain(text: str) -> str:
    return _NOT_IN_A_NAME.sub("-", without_accents(text).lower()).strip("-._")
