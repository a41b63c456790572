"""A pool that takes no writes, or is not what it was: the run stops, and nobody is blamed for it.

The program in this process, with an SDK that knows point-in-time recovery, against the simulator.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.checks.aws_pool_reader import PoolReader
from migrate_mfa.cli.caller import Aws
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.failure import UNKNOWN_TO_SDK, ApiError
from migrate_mfa.main import main
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.check import check
from tests.commands.support import (
    FAST,
    POOL_ID,
    SENDS_CODES,
    WRITES,
    a_member,
    members_of,
    phone_of,
    pool_document,
    roster_of,
)
from tests.commands.support import recovery as recovers_by
from tests.support.hosted import hosted
from tests.support.policies import act_as
from tests.support.sdk import know_recoveries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running

PAUSING = (
    "PREVIEW_GENERATING",
    "PREVIEW_GENERATED",
    "RESTORING",
    "TEMPORARY_INTERNAL_ERROR_SEE_SUPPORT_CASE",
    "AWS_ABORTED",
)
ENDED = ("PREVIEW_CANCELLED", "PREVIEW_GENERATION_FAILED", "PREVIEW_EXPIRED", "RESTORE_COMPLETED")
SLOW = FAST | {"UserUpdate": 20, "UserResourceUpdate": 20}
"""So slow that users come one after another."""
LIST = "ListPointInTimeRecoveries"


@dataclass
class Site:
    """A pool of members, a roster of all of them, and one run directory."""

    running: Running
    folder: Path
    roster: Path

    def call(self, command: str, *options: object) -> int:
        named = [command]
        if command in {"run", "disable"}:
            named += [str(self.roster), "--user-pool-id", POOL_ID]
        where = ["--run-dir", str(self.run_dir(command)), "--yes", "--quiet", "--quota-share", "1"]
        return main([*named, *where, *map(str, options), "--endpoint-url", self.running.endpoint])

    def run(self, policy: str = "attested", *options: object) -> int:
        return self.call("run", "--verification", policy, *options)

    def run_dir(self, command: str = "run") -> Path:
        return self.folder / ("disable" if command == "disable" else "run")

    def edit(self, **document: Any) -> None:
        self.running.control("users", document)

    def pause(self, status: str = "PREVIEW_GENERATED", **members: Any) -> None:
        self.edit(recovery={"status": status, **members})

    def counts(self, command: str = "run") -> dict[str, int]:
        with closing(sqlite3.connect(self.run_dir(command) / "journal.sqlite")) as journal:
            return dict(journal.execute("SELECT outcome, COUNT(*) FROM rows GROUP BY outcome"))

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.run_dir() / "report/summary.json").read_text("utf-8"))
        return found

    def made(self, *ops: str) -> list[dict[str, Any]]:
        calls = self.running.control("ledger")["calls"]
        return [each for each in calls if each["op"] in ops and each["executed"]]

    def messages(self) -> int:
        return sum(each["count"] for each in self.running.control("sms").values())


@contextmanager
def at(
    folder: Path, users: int, *, members: list[dict[str, Any]] | None = None, **document: Any
) -> Iterator[Site]:
    names = [f"u{number:03}" for number in range(users)]
    people = members_of(names) if members is None else members
    faults = document.pop("faults", {})
    with hosted(pool_document(people, **document)) as running:
        running.control("faults", faults)
        yield Site(running, folder, roster_of(folder, names))


@pytest.fixture(autouse=True)
def caller(monkeypatch: pytest.MonkeyPatch) -> None:
    act_as(monkeypatch, ("testing", "testing"))
    know_recoveries(monkeypatch)


# check


def in_progress(running: Running) -> tuple[str, str]:
    settings = Settings(user_pool_id=POOL_ID, aws=Aws(endpoint_url=running.endpoint))
    found = {each.code.value: each for each in check(settings, "run").findings}
    return found["recovery_in_progress"].level.value, found["recovery_reach"].observed


def test_check_fails_for_as_long_as_a_recovery_pauses_writes(tmp_path: Path) -> None:
    with at(tmp_path, 1) as site:
        levels = {}
        for status in (*ENDED, *PAUSING):
            site.pause(status)
            levels[status] = in_progress(site.running)[0]

    assert levels == dict.fromkeys(ENDED, "ok") | dict.fromkeys(PAUSING, "failure")


@pytest.mark.parametrize(
    ("plan", "reach"),
    [("LITE", "no point-in-time recovery"), ("ESSENTIALS", "for 1 day "), ("PLUS", "14 days")],
)
def test_check_tells_how_far_back_the_plan_reaches(tmp_path: Path, plan: str, reach: str) -> None:
    with at(tmp_path, 1, config={"UserPoolTier": plan}) as site:
        level, saw = in_progress(site.running)

    assert level == "ok"
    assert reach in saw


def test_an_sdk_that_cannot_ask_is_no_bad_news_and_no_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PoolReader, "recoveries", cannot_ask)
    with at(tmp_path, 1) as site:
        site.pause()

        assert in_progress(site.running)[0] == "info"


# run


def test_a_run_does_not_begin_while_a_recovery_is_in_progress(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with at(tmp_path, 3) as site:
        site.pause()

        assert site.run() == ExitCode.POOL_NOT_READY
        assert "point-in-time recovery" in capsys.readouterr().err
        assert site.counts() == {"unprocessed": 3}
        assert site.made(*WRITES) == []


CODES = (
    "InvalidParameterException",
    "NotAuthorizedException",
    "LimitExceededException",
    "OperationNotEnabledException",
    "PointInTimeRecoveryInProgressException",
    "UserLambdaValidationException",
)


@pytest.mark.parametrize("code", CODES)
def test_a_recovery_that_begins_stops_the_run_blames_nobody_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    stored = {"op": "AdminUpdateUserAttributes"}
    begins = {"on": stored, "when": "after", "do": {"recovery": {"status": "RESTORING"}}}
    faults = {"script": [begins], "unsettled": {"recovery_write_error": code}}
    with at(tmp_path, 14, faults=faults, quotas=SLOW) as site:
        assert site.run() == ExitCode.POOL_NOT_READY
        counts, said, asked = site.counts(), capsys.readouterr().err, site.made(LIST)
        site.pause("RESTORE_COMPLETED")
        ends = site.run()

        assert "RESTORING" in said
        assert len(asked) <= 3, "before the run, after several refusals, at its end"
        assert counts.keys() <= {"verified", "unprocessed"}
        assert counts["unprocessed"]
        assert (ends, site.counts()) == (ExitCode.DONE, {"verified": 14})


@pytest.mark.parametrize("command", ["disable", "rollback"])
def test_other_commands_stop_as_well(tmp_path: Path, command: str) -> None:
    begins = {"on": {"op": "AdminGetUser", "user": "u004"}, "do": {"recovery": {"status": "RESTORING"}}}
    with at(tmp_path, 12) as site:
        assert site.run() == ExitCode.DONE
        site.running.control("faults", {"script": [begins]})

        assert site.call(command) == ExitCode.POOL_NOT_READY
        assert site.counts(command).get("failed", 0) == 0
        site.pause("PREVIEW_CANCELLED")
        site.pause("PREVIEW_CANCELLED")

        assert site.call(command) == ExitCode.DONE
        assert site.counts(command) == {"skipped": 12}


def test_the_last_users_of_a_run_are_not_blamed_either(tmp_path: Path) -> None:
    begins = {"on": {"op": "AdminUpdateUserAttributes"}, "do": {"recovery": {"status": "RESTORING"}}}
    with at(tmp_path, 2, faults={"script": [begins]}) as site:
        assert site.run() == ExitCode.POOL_NOT_READY
        assert site.counts() == {"unprocessed": 2}


def cannot_ask(_: object) -> None:
    raise ApiError(operation=LIST, code=UNKNOWN_TO_SDK)


@pytest.mark.parametrize("code", [*CODES[:2], "PointInTimeRecoveryInProgressException"])
def test_who_is_refused_with_everybody_is_not_blamed_either_when_nobody_can_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    stored = {"op": "AdminUpdateUserAttributes"}
    begins = {"on": stored, "when": "after", "do": {"recovery": {"status": "RESTORING"}}}
    faults = {"script": [begins], "unsettled": {"recovery_write_error": code}}
    monkeypatch.setattr(PoolReader, "recoveries", cannot_ask)
    with at(tmp_path, 14, faults=faults, quotas=SLOW) as site:
        assert site.run("attested", "--max-failures", "100%") == ExitCode.POOL_NOT_READY
        counts, said = site.counts(), capsys.readouterr().err
        site.pause("RESTORE_COMPLETED")
        ends = site.run()

        assert code in said
        assert counts.keys() <= {"verified", "unprocessed"}
        assert counts["unprocessed"]
        assert (ends, site.counts()) == (ExitCode.DONE, {"verified": 14})


def test_a_caller_who_may_not_ask_blames_nobody_either(tmp_path: Path) -> None:
    refused = {"kind": "error", "code": "NotAuthorizedException", "ops": sorted(WRITES)}
    denied = {"kind": "access_denied", "ops": [LIST]}
    with at(tmp_path, 12, faults={"rules": [denied, refused]}) as site:
        assert site.run() == ExitCode.POOL_NOT_READY
        assert site.counts() == {"unprocessed": 12}


def test_users_whom_cognito_refuses_for_themselves_stay_failed(tmp_path: Path) -> None:
    bad = [f"u{number:03}" for number in range(4)]
    rule = {"kind": "error", "users": bad, "ops": ["AdminUpdateUserAttributes"]}
    with at(tmp_path, 8, faults={"rules": [rule]}) as site:
        assert site.run("attested", "--max-failures", "100%") == ExitCode.SOME_FAILED
        assert site.counts() == {"failed": 4, "verified": 4}


# reconcile


def test_a_recovery_after_the_run_is_told_once_as_what_undid_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with at(tmp_path, 5) as site:
        assert site.run() == ExitCode.DONE
        nobody = {"phone_number": None, "phone_number_verified": None}
        undone = [{"Username": f"u{n:03}", "Attributes": nobody, "UserMFASettingList": []} for n in range(5)]
        site.edit(upsert=undone)
        site.pause("RESTORE_COMPLETED")
        site.pause("RESTORE_COMPLETED", back_s=-3600.0)  # one that goes back to after the run is no cause
        capsys.readouterr()

        assert [site.call("reconcile") for _ in range(2)] == [ExitCode.NOT_MET] * 2
        told = [json.loads(path.read_text("utf-8")) for path in site.run_dir().glob("report/summary-*.json")]

    assert sum("recovered_to" in each for each in told) == 1
    assert all(each["drift"] == {"no_phone": 5} for each in told if each["command"] == "reconcile")


# the pool's settings


OFF = {"MfaConfiguration": "OFF"}
HELD = {
    "AutoVerifiedAttributes": ["email", "phone_number"],
    "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]},
}
FLIPS = {
    "off": (OFF, "attested", ExitCode.POOL_NOT_READY),
    "no sms": ({"SmsConfiguration": None}, "attested", ExitCode.POOL_NOT_READY),
    "no way to reset": (
        {"AccountRecoverySetting": recovers_by("verified_phone_number")},
        "attested",
        ExitCode.POOL_NOT_READY,
    ),
    "the role fails": (
        {"SmsConfigurationFailure": "InvalidSmsRoleTrustRelationship"},
        "attested",
        ExitCode.POOL_NOT_READY,
    ),
    "held": (HELD, "at-sign-in", ExitCode.POOL_NOT_READY),
    "required": ({"MfaConfiguration": "ON"}, "by-code", ExitCode.POOL_NOT_READY),
    "codes": (SENDS_CODES, "by-code", ExitCode.LIMIT),
    "codes at sign-in": (SENDS_CODES, "at-sign-in", ExitCode.LIMIT),
}


@pytest.mark.promise(14)
@pytest.mark.parametrize("read", [3, 4], ids=["before it is decided", "before it is written"])
@pytest.mark.parametrize("flip", FLIPS)
def test_settings_that_change_meanwhile_are_judged_as_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flip: str, read: int
) -> None:
    monkeypatch.setattr("migrate_mfa.engine.live_pool.OLDEST_S", -1.0)
    config, policy, code = FLIPS[flip]
    changes = {"on": {"op": "DescribeUserPool", "attempt": read}, "do": {"config": config}}
    with at(tmp_path, 1, faults={"script": [changes]}) as site:
        assert site.run(policy) == code
        assert (site.counts(), site.made(*WRITES), site.messages()) == ({"unprocessed": 1}, [], 0)
        assert site.running.control("stats")["script_failures"] == []


@pytest.mark.parametrize("read", [3, 4])
def test_a_pool_that_comes_to_require_mfa_is_written_to_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    monkeypatch.setattr("migrate_mfa.engine.live_pool.OLDEST_S", -1.0)
    changes = {
        "on": {"op": "DescribeUserPool", "attempt": read},
        "do": {"config": {"MfaConfiguration": "ON"}},
    }
    with at(tmp_path, 1, faults={"script": [changes]}) as site:
        assert site.run() == ExitCode.DONE
        assert [each["op"] for each in site.made(*WRITES)] == ["AdminUpdateUserAttributes"]


# --max-sms


def test_numbers_that_changed_since_the_plan_send_no_sms_beyond_max_sms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six users had proved the roster's number when it was planned, and then entered another one."""
    names = [f"u{number:03}" for number in range(20)]
    proved = [a_member(name, phone=phone_of(n), verified=True) for n, name in enumerate(names)]
    other = [{"phone_number": phone_of(900 + n), "phone_number_verified": "false"} for n in range(6)]
    with at(tmp_path, 20, members=proved, config=SENDS_CODES) as site:
        planned = ["plan", str(site.roster), "--user-pool-id", POOL_ID, "--run-dir", str(site.run_dir())]
        planned += ["--verification", "by-code", "--quiet", "--endpoint-url", site.running.endpoint]
        assert main(planned) == ExitCode.DONE
        site.edit(upsert=[{"Username": names[n], "Attributes": other[n]} for n in range(6)])

        assert site.run("by-code", "--max-sms", 2) == ExitCode.LIMIT
        assert site.counts() == {"pending": 2, "unprocessed": 4, "verified": 14}
        assert site.messages() == 2
        assert "--max-sms" in capsys.readouterr().err

        assert site.run("by-code", "--max-sms", 2) in {ExitCode.LIMIT, ExitCode.STOPPED}
        assert site.messages() == 2
        assert site.run("by-code", "--max-sms", 6) == ExitCode.DONE
        assert site.messages() == 6


def test_codes_that_nobody_counted_are_told_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begins = {"on": {"op": "AdminUpdateUserAttributes"}, "do": {"config": SENDS_CODES}}
    with at(tmp_path, 3, faults={"script": [begins]}) as site:
        assert site.run("by-code") == ExitCode.DONE
        assert (site.messages(), site.summary()["uncounted_codes"]) == (3, 3)
        assert "perhaps sent a code, uncounted" in capsys.readouterr().out


def test_where_nobody_can_look_at_the_end_codes_may_have_gone_out(tmp_path: Path) -> None:
    with at(tmp_path, 1) as site:
        assert site.run("by-code", "--dry-run") == ExitCode.DONE
        rule = {"kind": "access_denied", "ops": ["DescribeUserPool"], "after_calls": 9}
        site.running.control("faults", {"rules": [rule]})

        assert site.run("by-code") == ExitCode.DONE
        assert site.summary()["uncounted_codes"] == 1
