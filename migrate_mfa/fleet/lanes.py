"""Groups targets by lane: those in one account and Region, at one endpoint, share their quotas."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from migrate_mfa.aws.endpoints import AWS
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError
from migrate_mfa.domain.quotas import Lane
from migrate_mfa.fleet.file import Options, Table, Target, options_of
from migrate_mfa.fleet.place import LANES
from migrate_mfa.fleet.unit import Job, Patience, Unit, Whereabouts
from migrate_mfa.fleet.validate import AT_ONCE
from migrate_mfa.remote.objects import is_bucket_url

_LEAVES_NOTHING = "check"
"""The verb whose run directory would be the plan of another command."""
_AGREED: Table = {"yes": True}
"""The fleet has asked for consent before it starts a command."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The credentials of a target without a role, whose account is therefore not known."""

    profile: str | None
    endpoint_url: str | None
    user_pool_id: str


AccountOf = Callable[[Caller], str]
"""Asks STS; raises MigrateMfaError if it does not answer."""


def accounts_of(targets: Sequence[Target], account_of: AccountOf) -> dict[str, str]:
    """The account of each target by its name: from the file, the role, or STS.

    If STS refuses the credentials of a target, it has the account of the file, or none: its own command
    reports the error, and the other targets run.

    Raises:
        InputUnusable: credentials belong to another account than the one in the file; lists all such targets.
    """
    callers = {each.name: _caller(each) for each in targets if each.text("role_arn") is None}
    asked = _distinct(callers.values())

    def ask(caller: Caller) -> str | None:
        try:
            return account_of(caller)
        except MigrateMfaError:
            return None

    with ThreadPoolExecutor(AT_ONCE) as threads:
        known = dict(zip(map(_key, asked), threads.map(ask, asked), strict=True))
    found: dict[str, str] = {}
    wrong = []
    for each in targets:
        real = known[_key(callers[each.name])] if each.name in callers else each.account
        if real and each.account and real != each.account:
            given, found_out = each.account[-4:], real[-4:]  # errors carry no long numbers
            wrong.append(f"  {each.name}: account ends in {given}, that of its credentials in {found_out}.")
        if account := real or each.account:
            found[each.name] = account
    if wrong:
        raise InputUnusable("\n".join(["Accounts differ:", *wrong]), "Correct account, profile or role_arn.")
    return found


def _caller(target: Target) -> Caller:
    return Caller(target.text("profile"), target.text("endpoint_url"), target.user_pool_id)


def _key(caller: Caller) -> tuple[str | None, str | None]:
    return caller.profile, caller.endpoint_url


def _distinct(callers: Iterable[Caller]) -> list[Caller]:
    return list({_key(each): each for each in callers}.values())


def lane_of(target: Target, account: str | None) -> Lane:
    """The lane of a target. If its account is not known, its profile identifies it."""
    stand_in = f"profile {target.text('profile') or 'default'}"
    return Lane(target.text("endpoint_url") or AWS, account or stand_in, target.region)


def by_lane(targets: Iterable[Target], accounts: Mapping[str, str]) -> dict[str, list[Target]]:
    """The targets by the names of their lanes, both in the order of the file."""
    lanes: dict[str, list[Target]] = {}
    for each in targets:
        lane = lane_of(each, accounts.get(each.name))
        at = "" if lane.endpoint == AWS else f" at {lane.endpoint}"
        lanes.setdefault(f"{lane.account} {lane.region}{at}", []).append(each)
    return lanes


def units_of(
    targets: Sequence[Target],
    accounts: Mapping[str, str],
    options: Options,
    where: Whereabouts,
    *,
    invocation: str,
    patience: Patience,
) -> list[Unit]:
    """The targets by lane, in the order of the file; for a rollback in the reverse order.

    If two targets have the same pool, the later one may have written to a user of the earlier one. This user
    gets the first state back only if the last write is undone first.

    Args:
        targets: the chosen ones.
        accounts: the known ones, by name.
        options: those of the verb.
        where: the run directory of the fleet.
        invocation: a token of this command.
        patience: how often a target is tried.
    """
    step = -1 if options.verb == "rollback" else 1
    lanes = {
        lane: [
            Job(
                name=each.name,
                words=tuple(words_of(each, options, where.run_dir)),
                account=accounts.get(each.name),
                region=each.region,
            )
            for each in together[::step]
        ]
        for lane, together in by_lane(targets, accounts).items()
    }
    return [
        Unit(
            lane=lane,
            verb=options.verb,
            jobs=tuple(jobs),
            where=where,
            invocation=invocation,
            patience=patience,
        )
        for lane, jobs in lanes.items()
    ]


def words_of(target: Target, options: Options, run_dir: str, also: Table = _AGREED) -> list[str]:
    """The command line of a target, after `migrate-mfa`.

    Args:
        target: one of the fleet.
        options: of the verb.
        run_dir: of the fleet.
        also: options that the fleet sets itself, if the verb has them.
    """
    remote = is_bucket_url(run_dir)
    values = {"region": target.region} | options_of(target, options)
    if options.verb != _LEAVES_NOTHING:
        values["run_dir"] = f"{run_dir.rstrip('/')}/{target.name}"
    values |= {name: value for name, value in also.items() if name in options.names}
    if remote and "lane_lock" in options.names:
        values["lane_lock"] = f"{run_dir.rstrip('/')}/{LANES}"
    return options.words(values)
