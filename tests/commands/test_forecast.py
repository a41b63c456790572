"""What a plan says that it costs, and --max-cost: refused before anything is written."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    POOL_ID,
    a_member,
    assert_code,
    calls,
    phone_of,
    state_hash,
    summary,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

BY_CODE = ("--verification", "by-code", "--max-sms", "9")
PRICES = ("--sms-price", "JP=0.07", "--sms-price", "us=0.01", "--mau-price", "0.0055")
CODE_MESSAGE = "会員サイトの確認コードは {####} です。" * 4
"""Two parts: more than 70 characters of UCS-2."""


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """Four users without a number, and one whose verified number a deep audit would look at."""
    users = [a_member(f"user{number}") for number in range(4)]
    users.append(a_member("has", phone=phone_of(99), verified=True))
    return raise_site(
        users, config={"AutoVerifiedAttributes": ["phone_number"], "SmsVerificationMessage": CODE_MESSAGE}
    )


def a_roster(folder: Path) -> Path:
    """Three numbers of Japan and one of the United States."""
    numbers = [phone_of(1), phone_of(2), phone_of(3), "+12015550123"]
    return write_roster(
        folder / "roster.csv", [(f"user{place}@example.com", each) for place, each in enumerate(numbers)]
    )


def forecast_of(found: dict[str, Any]) -> dict[str, Any]:
    forecast: dict[str, Any] = found["forecast"]
    return forecast


def test_a_plan_foretells_messages_by_country_users_and_cost(site: Site) -> None:
    roster, run_dir = a_roster(site.folder), site.folder / "run"

    shown = site.cli.plan(roster, run_dir, *BY_CODE, *PRICES)
    done = site.cli.plan(roster, run_dir, *BY_CODE, *PRICES, "--json")

    assert_code(done, 0)
    told = forecast_of(done.json())
    assert told == forecast_of(summary(run_dir))
    assert told["sms"] == {"now": 4, "by_country": {"JP": 3, "US": 1}, "parts": 2, "sign_in_parts": 1}
    assert told["enrolled_by_country"] == {"JP": 3, "US": 1}
    assert told["sign_ins_per_1000"] == {"JP": "70.00", "US": "10.00"}
    assert (told["mau"]["low"], told["mau"]["high"] % 4) == (0, 0)
    assert told["cost"]["low"] == "0.44"  # 2 parts each: 6 * 0.07 + 2 * 0.01
    assert Decimal(told["cost"]["high"]) == Decimal("0.44") + told["mau"]["high"] * Decimal("0.0055")
    assert told["seconds"]["low"] < told["seconds"]["high"]
    assert "SMS that Cognito would send now: 4 (JP 3, US 1), 2 parts each." in shown.out
    assert "1,000 sign-ins cost: JP 70.00, US 10.00" in shown.out.replace("\n", " ")
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_check_for_a_plan_foretells_it_too(site: Site) -> None:
    roster, run_dir = a_roster(site.folder), site.folder / "run"
    assert_code(site.cli.plan(roster, run_dir, *BY_CODE, *PRICES), 0)

    done = site.cli("check", "--run-dir", run_dir, *PRICES, "--json")
    shown = site.cli("check", "--run-dir", run_dir, *PRICES)

    assert_code(done, 0)
    told = done.json()["forecast"]
    assert told | {"seconds": ...} == forecast_of(summary(run_dir)) | {"seconds": ...}
    (limit,) = (each for each in done.json()["findings"] if each["code"] == "sms_spend_limit")
    assert "The codes and one sign-in each cost 0.66." in limit["why"]
    assert "1,000 sign-ins cost: JP 70.00, US 10.00" in shown.out.replace("\n", " ")
    assert max(map(len, shown.out.splitlines())) <= 80


def test_a_check_for_a_plan_of_an_older_version_is_refused_before_the_pool_is_looked_at(site: Site) -> None:
    roster, run_dir = a_roster(site.folder), site.folder / "run"
    assert_code(site.cli.plan(roster, run_dir, *BY_CODE), 0)
    with closing(sqlite3.connect(run_dir / "journal.sqlite")) as connection:
        connection.execute("PRAGMA user_version = 1")
    site.running.control("ledger/reset", {})

    done = site.cli("check", "--run-dir", run_dir)

    assert_code(done, 3)
    assert "was made by an older version" in done.err
    assert not calls(site.running)


def test_more_cost_than_allowed_is_refused_at_plan_and_at_run_before_anything_is_written(site: Site) -> None:
    roster, before = a_roster(site.folder), state_hash(site.running)
    site.cli.environment |= {
        "MIGRATE_MFA_SMS_PRICE": "JP=0.07 US=0.01",
        "MIGRATE_MFA_MAU_PRICE": "1",
        "MIGRATE_MFA_MAX_COST": "4.43",
    }

    planned = site.cli.plan(roster, site.folder / "plan", *BY_CODE)
    ran = site.cli.run(roster, site.folder / "run", *BY_CODE)

    for done in (planned, ran):
        assert_code(done, 8)
        assert "--max-cost allows 4.43" in done.err
    assert state_hash(site.running) == before
    assert calls(site.running)["AdminGetUser"] == 0
    assert summary(site.folder / "run")["counts"]["unprocessed"] == 4


def test_as_much_as_allowed_is_done_and_the_prices_may_come_from_a_job_file(site: Site) -> None:
    roster = a_roster(site.folder)
    (site.folder / "job.toml").write_text(
        'command = "run"\nsms_price = ["JP=0.07", "US=0.01"]\nmau_price = 0.0\nmax_cost = 0.44\n'
    )

    done = site.cli.run(roster, site.folder / "run", *BY_CODE, "--job", "job.toml")

    assert_code(done, 0)
    assert summary(site.folder / "run")["reasons"]["pending"] == {"awaiting_code": 4}


@pytest.mark.parametrize(
    ("given", "missing"),
    [(("--mau-price", "0"), "--sms-price JP"), (PRICES[:4], "--mau-price")],
)
def test_a_guard_needs_every_price_that_it_adds_up(site: Site, given: tuple[str, ...], missing: str) -> None:
    done = site.cli.run(a_roster(site.folder), "run", *BY_CODE, "--max-cost", "1000", *given)

    assert_code(done, 2)
    assert missing in done.err
    assert calls(site.running)["AdminGetUser"] == 0


def test_a_deep_audit_tells_its_cost_and_keeps_to_the_limit(site: Site) -> None:
    command = ("audit", "--user-pool-id", POOL_ID, "--deep", "--yes", "--quiet", "--mau-price", "0.5")

    refused = site.cli(*command, "--run-dir", "dear", "--max-cost", "0.1")
    read_before = calls(site.running)["AdminGetUser"]
    done = site.cli(*command, "--run-dir", "cheap", "--max-cost", "1")

    assert_code(refused, 8)
    assert read_before == 0
    assert "The list is complete. The MFA settings were not all read." in refused.out
    assert summary(site.folder / "dear")["list_complete"] is True
    assert_code(done, 0)
    assert re.search(r"Cost now: 0\.00 to (0\.50|1\.00) in the currency of your prices", done.err)
    assert calls(site.running)["AdminGetUser"] == 1
