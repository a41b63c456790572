"""Rosters and pools as users of other tools have reported them: each ended wrong once, and ends right here.

The tests look at the pool afterwards, not only at the report: a wrong number behind a sign-in is the harm.
"""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.main import main
from tests.commands.support import POOL_ID, Cli, a_member, phone_of, pool_document, state
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

JP = "+8190123400"
ENROLLED, DIFFERS = "enrolled", "phone_differs"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A roster, and the reason and number that each of its users must end with."""

    roster: str
    options: tuple[str, ...] = ()
    code: int = 0
    ends: dict[str, tuple[str, str]]


def alone(**ends: str) -> dict[str, tuple[str, str]]:
    """Users who are enrolled with these numbers."""
    return {name: (ENROLLED, number) for name, number in ends.items()}


def lines(*rows: str) -> str:
    return "".join(f"{row}\n" for row in rows)


CASES = {
    "the mobile number of Salesforce": Case(
        roster=lines(
            '"Id","Email","Phone","MobilePhone"',
            '"003AAA01","user01@example.com","+1 212 555 0101","+1 917 555 0201"',
            '"003AAA02","user02@example.com","+1 212 555 0102","+1 917 555 0202"',
        ),
        ends=alone(user01="+19175550201", user02="+19175550202"),
    ),
    "携帯番号 with a note beside TEL": Case(
        roster=lines(
            "メールアドレス,TEL,携帯番号（本人）",  # noqa: RUF001 - as exported
            "user01@example.com,+1 212 555 0101,+81 90 1234 0001",
        ),
        ends=alone(user01=f"{JP}01"),
    ),
    "the template of Microsoft 365": Case(
        roster=lines(
            "User Name,First Name,Office Phone,Mobile Phone,Fax,City,Country or Region",
            "user41@example.com,A,,+81 90 1234 5641,,,Japan",
            "user01@example.com,A,,+81 90 1234 5601,,,Japan",
        ),
        options=("--max-failures", "100%"),
        code=7,
        ends={"user41": (DIFFERS, ""), "user01": (ENROLLED, "+819012345601")},
    ),
    "camelCase": Case(
        roster=lines("email,phoneNumber", "user41@example.com,+819012345641"),
        options=("--phone-conflict", "replace"),
        ends=alone(user41="+819012345641"),
    ),
    "missing trailing cells": Case(
        roster=lines(
            "email,phone_number,note", f"user01@example.com,{JP}01,VIP", f"user02@example.com,{JP}02"
        ),
        ends=alone(user01=f"{JP}01", user02=f"{JP}02"),
    ),
    "a comma behind the header": Case(
        roster=lines("email,phone_number,", f"user01@example.com,{JP}01"), ends=alone(user01=f"{JP}01")
    ),
    "what Excel puts around identities": Case(
        roster=lines(
            "email,phone_number",
            f"'user01@example.com,'{JP}01",
            f'"=""user02@example.com""","=""{JP}02"""',
            f'="user03@example.com",="{JP}03"',
        ),
        ends=alone(user01=f"{JP}01", user02=f"{JP}02", user03=f"{JP}03"),
    ),
    "a column of countries": Case(
        roster=lines(
            "email,country,phone",
            "user01@example.com,JP,090-1234-0001",
            "user02@example.com,US,808-555-0102",
            "user03@example.com,US,(907) 555-0103",
            "user04@example.com,DE,0151 23456781",
        ),
        options=("--phone-country", "JP", "--max-failures", "100%"),
        ends=alone(user01=f"{JP}01", user02="+18085550102", user03="+19075550103", user04="+4915123456781"),
    ),
    "German numbers": Case(
        roster=lines(
            "email,phone_number",
            "user01@example.com,0151/23456781",
            "user02@example.com,+49 151/23456782",
            "user03@example.com,0151 / 234 567 83",
            "user04@example.com,4915123456784",
            "user05@example.com,49 151 23456785",
        ),
        options=("--phone-country", "DE"),
        ends=alone(**{f"user0{at}": f"+491512345678{at}" for at in range(1, 6)}),
    ),
    "signs and marks before a number": Case(
        roster=lines(
            "email,phone_number",
            "user01@example.com,+ 81 90 1234 0001",
            "user02@example.com,++819012340002",
            "user03@example.com,+1\ufe0e-212-555-0121",
            "user04@example.com,+81\u31649012340004",
            "user05@example.com,0081 90 1234 0005",
        ),
        ends=alone(
            user01=f"{JP}01", user02=f"{JP}02", user03="+12125550121", user04=f"{JP}04", user05=f"{JP}05"
        ),
    ),
    "columns that are called like ours": Case(
        roster=lines(
            "email,phone_number,reason,detail,outcome", f"user01@example.com,{JP}01,new hire,desk 4,won"
        ),
        ends=alone(user01=f"{JP}01"),
    ),
}


@dataclass
class Place:
    """A folder, and a pool of 20 users without a number and of user41 with a verified old one."""

    folder: Path
    endpoint: str
    users: Callable[[], dict[str, dict[str, Any]]]

    def run(self, command: str, roster: str, *options: str) -> int:
        (self.folder / "users.csv").write_text(roster, encoding="utf-8")
        pool = ("--user-pool-id", POOL_ID, "--endpoint-url", self.endpoint)
        where = (*pool, "--run-dir", "run", "--quiet")
        consent = ("--yes",) if command == "run" else ()
        return main([command, "users.csv", *where, "--verification", "attested", *options, *consent])

    def ends(self) -> dict[str, tuple[str, str]]:
        return {
            name: (row.get("mfa_reason", row["reason"]), row["used"]) for name, row in self.reported().items()
        }

    def reported(self) -> dict[str, dict[str, str]]:
        """The rows of all reports by user, the number used as `used`."""
        found = {}
        for path in (self.folder / "run" / "report").glob("*.csv"):
            with path.open(encoding="utf-8-sig", newline="") as file:
                for row in csv.DictReader(file):
                    (name,) = {
                        text.strip("'=\"").partition("@")[0]
                        for text in row.values()
                        if "@example.com" in text
                    }
                    used = row.get("mfa_phone_number_used", row.get("phone_number_used", ""))
                    found[name] = {**row, "used": used}
        return found


@pytest.fixture
def raise_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Place]]:
    monkeypatch.chdir(tmp_path)
    for name, value in Cli(tmp_path).env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    with ExitStack() as stack:

        def make(*users: dict[str, Any], **pool: Any) -> Place:
            document = pool_document(users, **pool)
            running = stack.enter_context(hosted(document))
            return Place(
                tmp_path,
                running.endpoint,
                lambda: {user["Username"]: user for user in state(running).values()},
            )

        yield make


@pytest.fixture
def place(raise_place: Callable[..., Place]) -> Place:
    plain = [a_member(f"user{at:02}") for at in range(1, 21)]
    return raise_place(*plain, a_member("user41", phone=phone_of(41), verified=True))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_right_number_is_behind_each_sign_in(place: Place, case: Case) -> None:
    before = place.users()

    assert place.run("run", case.roster, *case.options) == case.code

    assert place.ends() == case.ends
    after = place.users()
    for name, user in after.items():
        reason, number = case.ends.get(name, ("", ""))
        if reason == ENROLLED:
            assert user["Attributes"]["phone_number"] == number
            assert user["Attributes"]["phone_number_verified"] == "true"
            assert user["PreferredMfaSetting"] == "SMS_MFA"
        else:
            assert user == before[name]


def test_a_rosters_own_columns_come_back_untouched(place: Place) -> None:
    case = CASES["columns that are called like ours"]

    place.run("run", case.roster)

    row = place.reported()["user01"]
    assert (row["reason"], row["detail"], row["outcome"]) == ("new hire", "desk 4", "won")
    assert (row["mfa_outcome"], row["mfa_reason"]) == ("verified", "enrolled")


def test_a_title_above_the_header_is_named(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    roster = lines("Users export 2026-11-27", "", "email,phone_number", f"user01@example.com,{JP}01")

    assert place.run("plan", roster) == 3

    told = capsys.readouterr().err
    assert "not its first line" in told
    assert "line 3" in told.lower()


def test_it_is_said_by_what_a_display_name_was_looked_for(place: Place) -> None:
    roster = lines("User,Phone,Email", f"Aki Ito,{JP}01,user01@example.com")

    assert place.run("plan", roster, "--max-failures", "100%") == 0

    row = place.reported()["user01"]
    assert row["reason"] == "user_not_found"
    assert '"User"' in row["detail"]
    assert "Aki Ito" not in row["detail"]


@pytest.mark.parametrize("filler", [0, 300])
def test_case_counts_as_in_the_pool_by_look_up_and_by_scan(
    raise_place: Callable[..., Place], filler: int
) -> None:
    names = ("CaseA", "caseB", "Mixed.Case")
    place = raise_place(*map(a_member, names), generate={"count": filler, "seed": 3} if filler else None)
    roster = lines("username,phone_number", f"casea,{JP}05", f"CASEB,{JP}06", f"mixed.case,{JP}07")

    assert place.run("run", roster) == 0

    numbers = [place.users()[name]["Attributes"]["phone_number"] for name in names]
    assert numbers == [f"{JP}05", f"{JP}06", f"{JP}07"]


def test_a_number_names_its_user_where_numbers_sign_in(raise_place: Callable[..., Place]) -> None:
    sub = "14b71a77-6227-46bc-a715-e04d32e8ea8f"
    user = a_member("aki", phone=f"{JP}01", verified=True) | {"Username": sub, "sub": sub}
    place = raise_place(user, config={"AliasAttributes": None, "UsernameAttributes": ["phone_number"]})

    assert place.run("run", lines("username", f"{JP}01")) == 0

    assert place.users()[sub]["PreferredMfaSetting"] == "SMS_MFA"


def test_a_job_with_a_byte_order_mark_is_read(place: Place) -> None:
    (place.folder / "job.toml").write_text(
        '\ufeffcommand = "plan"\nmax_failures = "100%"\n', encoding="utf-8"
    )

    assert (
        place.run("plan", lines("email,phone_number", f"user01@example.com,{JP}01"), "--job", "job.toml") == 0
    )

    summary = json.loads((place.folder / "run" / "report" / "summary.json").read_text(encoding="utf-8"))
    assert summary["rows"] == 1
