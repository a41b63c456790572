"""Checks the roles and pools of a fleet in parallel, and reports all problems at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from migrate_mfa.domain.errors import MigrateMfaError
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
    pool_name: str
    mfa: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """One target with its facts or its problem."""

    name: str
    found: PoolFound | None = None
    trouble: str = ""


def validate(targets: Sequence[Target], verb: str, ask: Callable[[Target], PoolFound]) -> list[Looked]:
    """Check every target.

    Args:
        targets: the chosen ones.
        verb: the verb to run; some verbs read a roster.
        ask: assumes the role and reads the pool; raises MigrateMfaError if it cannot.
    """

    def look(target: Target) -> Looked:
        try:
            found = ask(target)
        except MigrateMfaError as error:
            return Looked(name=target.name, trouble=f"{error.message} {error.hint}".strip())
        return Looked(name=target.name, found=found, trouble=_trouble(target, verb, found))

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(look, targets))


def _trouble(target: Target, verb: str, found: PoolFound) -> str:
    if target.account and target.account != found.account:
        return f"account is {target.account}, but these credentials are of {found.account}."
    roster = target.text("roster")
    if verb in READS_ROSTER and roster and not is_bucket_url(roster) and not Path(roster).is_file():
        return f"The roster {scrub(roster)} is not there."
    return ""


def of_one_pool(targets: Sequence[Target]) -> list[list[str]]:
    """The names of the targets of each pool that has several."""
    names: dict[Pool, list[str]] = {}
    for each in targets:
        names.setdefault(pool_of(each), []).append(each.name)
    return [each for each in names.values() if len(each) > 1]


def ask_aws(target: Target) -> PoolFound:
    """Assume the role, and read the pool.

    Raises:
        MigrateMfaError: the role cannot be assumed, the pool does not exist, or AWS does not answer.
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
    pool = call_or_exit(CognitoUserPool(aws).describe, clock, stop, connects=CONNECTS)
    return PoolFound(account=lane.account, pool_name=pool.name, mfa=pool.mfa.value)
