"""Targets are grouped by lane, and their accounts are found."""

from __future__ import annotations

import pytest

from migrate_mfa.commands.fleet import _options
from migrate_mfa.domain.errors import InputUnusable, NotAllowed
from migrate_mfa.fleet.file import Target
from migrate_mfa.fleet.lanes import Caller, accounts_of, units_of, words_of
from migrate_mfa.fleet.unit import Patience, Whereabouts

VERBS = _options()


def target(name: str, *, region: str = "eu-west-1", account: str | None = None, **options: str) -> Target:
    return Target(
        name=name,
        user_pool_id=f"{region}_Pool{name}",
        region=region,
        account=account,
        tags=(),
        options={"user_pool_id": f"{region}_Pool{name}", **options},
    )


def by_profile(caller: Caller) -> str:
    if caller.profile == "broken":
        raise NotAllowed("no")
    return {"a": "1" * 12, "b": "2" * 12}[caller.profile or "a"]


def lanes(*targets: Target) -> dict[str, list[str]]:
    accounts = accounts_of(targets, by_profile)
    units = units_of(
        targets,
        accounts,
        VERBS["run"],
        Whereabouts(run_dir="runs"),
        invocation="x",
        patience=Patience(),
    )
    return {unit.lane: [job.name for job in unit.jobs] for unit in units}


def test_targets_of_one_account_region_and_endpoint_are_one_unit_in_file_order() -> None:
    found = lanes(
        target("1", profile="a"),
        target("2", profile="b"),
        target("3", profile="a", region="eu-west-2"),
        target("4", role_arn="role", account="1" * 12),
        target("5", profile="a", endpoint_url="http://127.0.0.1:1"),
        target("6"),
    )

    assert found == {
        "111111111111 eu-west-1": ["1", "4", "6"],
        "222222222222 eu-west-1": ["2"],
        "111111111111 eu-west-2": ["3"],
        "111111111111 eu-west-1 at http://127.0.0.1:1": ["5"],
    }


def test_sts_is_asked_once_for_each_credentials_and_never_for_a_role() -> None:
    asked: list[str | None] = []

    def count(caller: Caller) -> str:
        asked.append(caller.profile)
        return by_profile(caller)

    targets = [target(str(number), profile="a") for number in range(5)]
    accounts_of([*targets, target("r", role_arn="role", account="3" * 12)], count)

    assert asked == ["a"]


def test_targets_whose_account_nobody_knows_keep_a_lane_of_their_credentials() -> None:
    assert lanes(target("1", profile="broken"), target("2", profile="broken"), target("3", profile="a")) == {
        "profile broken eu-west-1": ["1", "2"],
        "111111111111 eu-west-1": ["3"],
    }


def test_credentials_of_another_account_than_the_file_says_are_refused_before_anything_begins() -> None:
    wrong = [target("1", profile="a", account="9" * 12), target("2", profile="b", account="8" * 12)]

    with pytest.raises(InputUnusable) as refused:
        accounts_of([*wrong, target("3", profile="a", account="1" * 12)], by_profile)

    assert refused.value.message.splitlines()[1:] == [
        "  1: account ends in 9999, that of its credentials in 1111.",
        "  2: account ends in 8888, that of its credentials in 2222.",
    ]


@pytest.mark.parametrize("verb", ["run", "reconcile", "rollback", "disable", "audit"])
def test_what_works_in_a_lane_keeps_its_lock_in_the_bucket_of_the_fleet(verb: str) -> None:
    there = words_of(target("1", profile="a"), VERBS[verb], "s3://bucket/fleet/")
    here = words_of(target("1", profile="a"), VERBS[verb], "runs")

    assert there[there.index("--lane-lock") + 1] == "s3://bucket/fleet/lanes"
    assert there[there.index("--run-dir") + 1] == "s3://bucket/fleet/1"
    assert "--lane-lock" not in here, "the commands of one machine see each other"
