"""1,500 rows of every kind over 1,250 users of every kind, each judged by an oracle of its own.

One run for each verification policy, in pools that differ in what matters to it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.messy_oracle import OUTCOME_OF, Pool, Setting, Verdicts, judge
from tests.commands.messy_roster import ROWS, USERS, Roster, make_roster, make_users
from tests.commands.support import (
    OUTCOMES,
    POOL_ID,
    WRITES,
    Cli,
    Ending,
    assert_code,
    calls,
    pool_document,
    recovery,
    report,
    sms,
    state_hash,
    summary,
)
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running

SETTINGS = {
    "attested": Setting(policy="attested"),
    "by-code": Setting(policy="by-code", auto_verified=True, recovers=None),
    "at-sign-in": Setting(
        policy="at-sign-in", conflict="keep", case_sensitive=True, recovers=("admin_only",), passkeys=False
    ),
    "by-column": Setting(policy="by-column", auto_verified=True),
    "phone-alias": Setting(
        policy="attested", phone_signs_in=True, recovers=("verified_phone_number", "verified_email")
    ),
    "despite": Setting(
        policy="attested",
        conflict="replace",
        despite=frozenset({"has_totp", "has_passkey", "has_email_mfa", "no_recovery_left", "disabled_user"}),
    ),
}
ALWAYS = {
    "bad_row", "phone_missing", "invalid_phone", "not_sms_capable", "user_not_found", "conflicting_rows",
    "unsupported_status", "duplicate_row", "federated_user", "awaiting_confirmation",
    "awaiting_password_reset", "enrolled", "already_enrolled", "awaiting_code",
}  # fmt: skip
"""Reasons that every run must have among its rows."""
FED_BACK = "by-column"
"""The setting whose outcome CSVs are run as rosters; it has all the outcomes, and both kinds of trust."""
OF_BY_COLUMN = {"attested", "by-code"}
"""The settings whose policy rows of `by-column` have too: only that roster is run a second time."""
OVER_HTTP = {FED_BACK}
"""The settings whose calls go over HTTP; no decision depends on how they travel."""
KEPT = ("sub", "username", "email", "phone_number", "note")
SOMETIMES = {
    "attested": {
        "has_totp",
        "has_email_mfa",
        "has_passkey",
        "phone_differs",
        "no_recovery_left",
        "ambiguous_user",
    },
    "by-code": {"has_totp", "has_passkey", "phone_differs", "no_recovery_left", "ambiguous_user"},
    "at-sign-in": {"awaiting_first_sign_in", "has_totp", "has_email_mfa", "disabled_user", "phone_differs"},
    "by-column": {"has_passkey", "phone_differs", "no_recovery_left"},
    "phone-alias": {"phone_taken", "phone_differs", "no_recovery_left", "has_totp"},
    "despite": {"phone_differs"},
}


@dataclass(frozen=True)
class Night:
    """A pool and a roster, with what the oracle makes of them."""

    name: str
    setting: Setting
    roster: Roster
    before: Pool
    verdicts: Verdicts
    running: Running
    cli: Cli

    @property
    def options(self) -> list[str]:
        """The options of every command about this roster."""
        given = ["--verification", self.setting.policy, "--phone-conflict", self.setting.conflict]
        given += ["--phone-country", "JP", "--max-failures", "100%", "--max-sms", str(ROWS)]
        return given + [part for reason in sorted(self.setting.despite) for part in ("--despite", reason)]

    def pool(self) -> Pool:
        """The pool now."""
        users: Pool = self.running.control("state")[POOL_ID]
        return users


def config_of(setting: Setting) -> dict[str, Any]:
    """The pool's settings that make the setting true."""
    aliases = ["email", "phone_number"] if setting.phone_signs_in else ["email"]
    return {
        "AliasAttributes": None if setting.case_sensitive else aliases,
        "UsernameConfiguration": {"CaseSensitive": setting.case_sensitive},
        "AutoVerifiedAttributes": ["email", "phone_number"] if setting.auto_verified else ["email"],
        "AccountRecoverySetting": None if setting.recovers is None else recovery(*setting.recovers),
        "Policies": {
            "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", *["WEB_AUTHN"] * setting.passkeys]}
        },
    }


@pytest.fixture(params=SETTINGS)
def night(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Night]:
    """Make the pool and the roster of a setting."""
    name: str = request.param
    setting, random = SETTINGS[name], Random(name)
    document = pool_document(make_users(random, setting), config=config_of(setting))
    with hosted(document, directly=name not in OVER_HTTP) as running:
        before: Pool = running.control("state")[POOL_ID]
        roster = make_roster(random, before, setting)
        (tmp_path / "roster.csv").write_bytes(roster.content)
        verdicts = judge(roster.rows, before, setting)
        yield Night(name, setting, roster, before, verdicts, running, Cli(tmp_path, running.endpoint))


@pytest.mark.slow
def test_each_of_1500_rows_ends_as_the_table_says_and_nothing_else_happens(
    night: Night, tmp_path: Path
) -> None:
    """One run for each setting: it is long, and everything that follows looks at what it left."""
    every_kind_is_there(night)

    done = night.cli.run("roster.csv", tmp_path / "first", *night.options)

    assert_code(done, 7)
    rows_ended_as_the_table_says(night, tmp_path / "first")
    the_pool_holds_what_the_table_writes(night)
    the_summary_counts_the_rows_and_the_calls(night, tmp_path / "first")
    the_reports_keep_the_input_as_text(night, tmp_path)
    if night.name not in OF_BY_COLUMN:
        the_same_roster_in_a_fresh_directory_writes_nothing(night, tmp_path)
    if night.name == FED_BACK:
        every_outcome_csv_is_a_roster_again(night, tmp_path)
        verified_rows_fed_back_are_enrolled_already(night, tmp_path)


def every_kind_is_there(night: Night) -> None:
    reasons = Counter(night.verdicts.reasons.values())
    assert len(night.roster.rows) == len(night.verdicts.reasons) == ROWS
    assert len(night.before) == USERS
    assert reasons.keys() >= ALWAYS | SOMETIMES[night.name]
    assert reasons["enrolled"] + reasons["awaiting_code"] + reasons["awaiting_first_sign_in"] > 300


def found(run_dir: Path) -> dict[str, Ending]:
    """Outcome and reason by tag; each row is in exactly one file, the one that names its outcome.

    The roster has a `user_sub` of its own, so the report's columns have a prefix.
    """
    lines = [(name, line) for name in OUTCOMES for line in report(run_dir, name)]
    assert all(line["mfa_outcome"] == name for name, line in lines)
    assert len(lines) == len({line["tag"] for _, line in lines})
    return {line["tag"]: (line["mfa_outcome"], line["mfa_reason"]) for _, line in lines}


def wanted(verdicts: Verdicts) -> dict[str, Ending]:
    return {tag: (OUTCOME_OF[reason], reason) for tag, reason in verdicts.reasons.items()}


def rows_ended_as_the_table_says(night: Night, run_dir: Path) -> None:
    ended, expected = found(run_dir), wanted(night.verdicts)
    assert ended.keys() == expected.keys()
    rows = night.roster.rows
    assert not [
        (ended[row.tag], expected[row.tag], row) for row in rows if ended[row.tag] != expected[row.tag]
    ]


def the_pool_holds_what_the_table_writes(night: Night) -> None:
    after, expected = night.pool(), night.verdicts.pool
    assert after.keys() == expected.keys()
    assert not [(after[sub], expected[sub]) for sub in after if after[sub] != expected[sub]]
    assert sms(night.running) == {sub: sent for sub, sent in night.verdicts.sms.items() if sent}
    assert bool(sms(night.running)) == night.setting.auto_verified


def the_summary_counts_the_rows_and_the_calls(night: Night, run_dir: Path) -> None:
    told, reasons = summary(run_dir), Counter(night.verdicts.reasons.values())
    outcomes = Counter(OUTCOME_OF[reason] for reason in reasons.elements())
    assert (told["state"], told["rows"]) == ("finished", ROWS)
    assert told["counts"] == {name: outcomes[name] for name in OUTCOMES}
    assert Counter({name: n for group in told["reasons"].values() for name, n in group.items()}) == reasons
    sent = {name: count["sent"] for name, count in told["calls"].items()}
    assert sent["UserUpdate"] + sent["UserResourceUpdate"] == night.verdicts.writes
    assert told["sms_expected"] >= sum(night.verdicts.sms.values())


def the_reports_keep_the_input_as_text(night: Night, folder: Path) -> None:
    text = night.roster.content.decode().replace("\0", "")
    written = {line["tag"]: line for line in csv.DictReader(io.StringIO(text, newline=""))}
    for name in ("verified", "pending", "skipped"):
        for line in report(folder / "first", name):
            kept = {column: line[column].removeprefix("'") for column in KEPT}
            assert kept == {column: written[line["tag"]][column].removeprefix("'") for column in KEPT}


def the_same_roster_in_a_fresh_directory_writes_nothing(night: Night, folder: Path) -> None:
    """Where numbers sign people in, a number that its holder gave up is free for who was refused it.

    tests/unit/engine/test_run_again.py shows the same for every policy.
    """
    before, again = state_hash(night.running), judge(night.roster.rows, night.pool(), night.setting)
    freed = {night.verdicts.reasons[tag] for tag in again.wrote}
    assert freed <= ({"phone_taken"} if night.setting.phone_signs_in else set())
    night.running.control("ledger/reset", {})

    done = night.cli.run("roster.csv", folder / "second", *night.options)

    assert_code(done, 7)
    assert found(folder / "second") == wanted(again)
    assert sum(calls(night.running)[name] for name in WRITES) == again.writes
    assert night.pool() == again.pool
    assert (state_hash(night.running) == before) == (not freed)


def every_outcome_csv_is_a_roster_again(night: Night, folder: Path) -> None:
    for name in ("pending", "failed", "skipped"):
        roster = folder / "first" / "report" / f"{name}.csv"

        done = night.cli.plan(roster, folder / f"{name}-again", *night.options)

        assert_code(done, 0)
        assert summary(folder / f"{name}-again")["rows"] == len(report(folder / "first", name))


def verified_rows_fed_back_are_enrolled_already(night: Night, folder: Path) -> None:
    before = state_hash(night.running)

    done = night.cli.run(
        folder / "first" / "report" / "verified.csv", folder / "verified-again", *night.options
    )

    assert_code(done, 0)
    assert set(found(folder / "verified-again").values()) == {("verified", "already_enrolled")}
    assert state_hash(night.running) == before
