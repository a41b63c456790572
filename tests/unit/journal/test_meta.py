"""What a run directory says about itself, read from journals of this version and of older ones."""

from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import PhoneConflict, Policy, VerificationPolicy
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.meta import RunMeta, policy_options

PLANNED: dict[str, Any] = {
    "kind": "run",
    "phase": "planned",
    "account": "123456789012",
    "user_pool_id": "eu-west-1_A",
    "roster": "users.csv",
    "roster_sha256": "aa",
    "phone_country": None,
}


def known(**facts: object) -> RunMeta:
    return RunMeta.of(Path("run"), PLANNED | facts)


def test_an_empty_journal_fits_everything_and_holds_no_plan() -> None:
    empty = RunMeta.of(Path("run"), {})

    empty.fits(kind="run", account="1", user_pool_id="p", roster=("x", "y"), options={"despite": []})
    with pytest.raises(InputUnusable, match="holds no finished plan"):
        empty.require_planned("run")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"kind": "disable"}, "belongs to `run`, not to `disable`"),
        (
            {"account": "2"},
            "The AWS account is not .*: planned 123456789012, now 2",
        ),
        ({"user_pool_id": "eu-west-1_B"}, "The user pool is not"),
        ({"roster": ("users.csv", "bb")}, "users.csv has changed since"),
        ({"roster": ("-", "bb")}, "planned users.csv, now standard input"),
        ({"options": {"phone_country": "JP"}}, "--phone-country is not .* planned none, now JP"),
    ],
)
def test_what_differs_from_the_plan_is_named(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(InputUnusable, match=told):
        known().fits(**asked)


def test_an_option_that_an_older_version_did_not_know_is_not_compared() -> None:
    known().fits(kind="run", options={"strict_e164": True})


def test_a_policy_comes_back_as_it_was_kept() -> None:
    policy = Policy(
        verification=VerificationPolicy.BY_CODE,
        phone_conflict=PhoneConflict.KEEP,
        despite=frozenset({Reason.HAS_TOTP}),
    )

    assert known(**policy_options(policy)).policy == policy


def test_facts_are_no_options() -> None:
    meta = known(pace={"run": {"quota_share": 0.2, "max_rps": {}}}, vouchings=[None, True], endpoint="aws")

    assert meta.options == {"phone_country": None}
    assert meta.paces["run"].quota_share == 0.2
    assert meta.claims_made == (None, True)
    assert meta.settled == {"phone_country": None, "user_pool_id": "eu-west-1_A", "roster": "users.csv"}
