"""Checks the roles and pools of a fleet in parallel, and reports all problems at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from migrate_mfa.cli.located import require_readable
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError
from migrate_mfa.domain.failure import named_in
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.fleet.file import READS_ROSTER, Pool, Target, pool_of
from migrate_mfa.remote.objects import is_bucket_url

AT_ONCE = 16
"""The number of accounts to ask in parallel."""
CONNECTS = 2
"""The attempts at an endpoint that does not answer: few, because a person waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFound:
    """The facts of AWS about a target."""

    account: str
    pool_name: str = ""
    mfa: str = ""
    trouble: MigrateMfaError | None = None
    """Why the pool is not known, although the account is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One target with its facts and its problems."""

    name: str
    found: PoolFound | None = None
    troubles: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Its problems, or its facts if it has none."""
        found = self.found
        facts = f"pool {found.pool_name}, account {found.account}, MFA {found.mfa}" if found else ""
        return self.troubles or (facts,)


def validate(
    targets: Sequence[Target],
    verb: str,
    ask: Callable[[Target], PoolFound],
    read: Callable[[Target, str], None],
) -> list[Looked]:
    """Check every target.

    Args:
        targets: the chosen ones.
        verb: the verb to run; some verbs read a roster.
        ask: assumes the role and reads the pool; raises MigrateMfaError if it cannot.
        read: begins to read a roster in a bucket; raises MigrateMfaError if it cannot.
    """

    def look(target: Target) -> Looked:
        errors: list[MigrateMfaError] = []
        found = None
        try:
            found = ask(target)
            errors += _of_pool(target, found)
        except MigrateMfaError as error:
            errors.append(error)
        try:
            _require_roster(target, verb, read)
        except MigrateMfaError as error:
            errors.append(error)
        return Looked(
            name=target.name, found=found, troubles=tuple(trouble_of(each, verb) for each in errors)
        )

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(look, targets))


def trouble_of(error: MigrateMfaError, verb: str) -> str:
    """An error in one line, with the hint for this verb."""
    return " ".join(f"{error.message} {named_in(error.hint, verb)}".split())


def _of_pool(target: Target, found: PoolFound) -> Iterator[MigrateMfaError]:
    if target.account and target.account != found.account:
        yield InputUnusable(f"account is {target.account}, but these credentials are of {found.account}.")
    if found.trouble:
        yield found.trouble


def _require_roster(target: Target, verb: str, read: Callable[[Target, str], None]) -> None:
    roster = target.text("roster")
    if verb not in READS_ROSTER or not roster:
        return
    if is_bucket_url(roster):
        read(target, roster)
    elif not Path(roster).is_file():
        raise InputUnusable(f"The roster {scrub(roster)} is not there.")


def read_roster(target: Target, roster: str) -> None:
    """Begin to read a roster with the credentials of its target's own command: without the role.

    Raises:
        MigrateMfaError: it is missing or may not be read, or the bucket does not answer.
    """
    require_readable(roster, "roster", {"region": target.region, **target.options}, attempts=CONNECTS)


def of_one_pool(targets: Sequence[Target]) -> list[list[str]]:
    """The names of the targets of each pool that has several."""
    names: dict[Pool, list[str]] = {}
    for each in targets:
        names.setdefault(pool_of(each), []).append(each.name)
    return [each for each in names.values() if len(each) > 1]


def ask_aws(target: Target) -> PoolFound:
    """Assume the role, and read the pool.

    Raises:
        MigrateMfaError: the role cannot be assumed, or AWS does not answer.
    """
    from migrate_mfa.aws.assumed_role import Role
    from migrate_mfa.aws.session import Aws, AwsTarget
    from migrate_mfa.aws.user_pool import CognitoUserPool
    from migrate_mfa.clock import SystemClock
    from migrate_mfa.session import call_or_exit
    from migrate_mfa.stop import Stop

    role = Role.of(*map(target.text, ("role_arn", "role_external_id", "role_session_name")))
    aws = Aws(
        AwsTarget(
            user_pool_id=target.user_pool_id,
            profile=target.text("profile"),
            region=target.region,
            endpoint_url=target.text("endpoint_url"),
            role=role,
        )
    )
    clock, stop = SystemClock(), Stop()
    lane = call_or_exit(aws.lane, clock, stop, connects=CONNECTS)
    try:
        pool = call_or_exit(CognitoUserPool(aws).describe, clock, stop, connects=CONNECTS)
    except MigrateMfaError as error:
        return PoolFound(account=lane.account, trouble=error)
    return PoolFound(account=lane.account, pool_name=pool.name, mfa=pool.mfa.value)
