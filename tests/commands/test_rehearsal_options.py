"""What a rehearsal proposes and expects."""

from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.cli.option_values import percent
from migrate_mfa.domain.forecast import Forecast, Time
from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.limits import too_many
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.rehearsal.rehearsal import MACHINE_RPS, expectation, options_of

PLAIN: dict[str, Any] = {
    "verification": "attested",
    "phone_conflict": "fail",
    "despite": [],
    "sms_expected": 0,
}


def known(facts: dict[str, Any]) -> RunMeta:
    """What a run directory with these facts in its journal says about itself."""
    return RunMeta.of(Path(), facts)


def ahead(users: int, seconds: float) -> Forecast:
    """A run of four calls a user."""
    calls = {Category.USER_READ: 2 * users, Category.USER_UPDATE: users, Category.USER_RESOURCE_UPDATE: users}
    time = Time(seconds, seconds, seconds, Category.USER_UPDATE)
    return Forecast(users=users, calls=calls, time=time, crosses_month=False, rows_to_read=users)


def test_what_decides_as_the_plan_did_is_proposed() -> None:
    meta = PLAIN | {"phone_conflict": "replace", "despite": ["has_passkey", "has_totp"], "sms_expected": 7}

    assert options_of(known(PLAIN), [("verified", "enrolled", 90)], 90) == ["--verification", "attested"]
    assert " ".join(options_of(known(meta), [], 90)).split(" --")[1:] == [
        "phone-conflict replace",
        "despite has_passkey",
        "despite has_totp",
        "max-sms 7",
    ]


def test_the_pace_of_the_last_run_is_proposed_else_that_of_the_plan() -> None:
    planned = {"plan": {"quota_share": 0.2, "max_rps": {}}}
    ran = planned | {"run": {"quota_share": 1.0, "max_rps": {"UserUpdate": 5.0}}}

    assert options_of(known(PLAIN | {"pace": planned}), [], 90)[2:] == ["--quota-share", "0.2"]
    assert options_of(known(PLAIN | {"pace": ran}), [], 90)[2:] == [
        *("--quota-share", "1"),
        *("--max-rps", "UserUpdate=5"),
    ]


@pytest.mark.parametrize(("failed", "rows"), [(29, 100), (17, 34), (50, 50), (6, 500), (999, 1000)])
def test_as_many_failures_as_the_plan_has_are_allowed(failed: int, rows: int) -> None:
    *_, option, value = options_of(known(PLAIN), [("failed", "bad_row", failed)], rows)

    assert option == "--max-failures"
    assert (allowed := percent(option, value)) is not None
    assert not too_many(failed, rows, allowed)


@pytest.mark.parametrize(
    ("speed", "users", "said"),
    [
        (4, 1200, "Here, 4 times faster, it takes 25 s."),
        (60, 1200, "the machine is the limit, not the quotas"),
        (60, 1200, "With --speed 8 the quotas are the limit."),
        (60, 100_000, f"with some {MACHINE_RPS} calls a second it takes about 16 min 40 s."),
    ],
)
def test_it_says_which_is_the_limit_the_machine_or_the_quotas(speed: float, users: int, said: str) -> None:
    text = expectation(ahead(users, seconds=users / 12), speed)

    assert said in text
    assert text.startswith("Against AWS the run takes about ")


def test_a_machine_that_is_slower_than_the_quotas_is_no_reason_to_be_slower_still() -> None:
    assert "--speed" not in expectation(ahead(10_000, seconds=10), 1)
