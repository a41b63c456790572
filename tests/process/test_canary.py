"""`canary` as an operator has it: at a real terminal, codes read from the simulator's outbox and typed."""

from __future__ import annotations

import json
import shlex
import signal
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from tests.commands.support import (
    POOL_ID,
    POOL_NAME,
    Cli,
    a_member,
    assert_code,
    pool_document,
    state,
    wait_until,
    write_roster,
)
from tests.support.hosted import hosted
from tests.support.terminal import CTRL_C, CTRL_D, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from migrate_mfa.simulator import Running

PASSWORD = "Abcd-1234-kept-secret"
SECRET = "the_secret_of_the_app_client"
NUMBER = "+819012345678"
FLOWS = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
CLIENTS = [
    {"ClientName": "app", "ClientId": "app", "ExplicitAuthFlows": FLOWS, "ClientSecret": SECRET},
    {
        "ClientName": "endless",
        "ClientId": "endless",
        "ExplicitAuthFlows": FLOWS,
        "EnableTokenRevocation": False,
    },
    {"ClientName": "srp", "ClientId": "srp"},
]
NAMES = ("ann", "bob", "cem", "dee", "eva", "fay", "gil")
POOL_PROMPT, PASSWORD_PROMPT, CODE_PROMPT, UNDO_PROMPT = "pool's name", "Password", "Code of", "from before?"


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    users = [a_member(name, password=PASSWORD) for name in NAMES]
    users.append(a_member("temp", password=PASSWORD, UserStatus="FORCE_CHANGE_PASSWORD"))
    document = pool_document(users)
    document["pools"][0]["clients"] = CLIENTS
    with hosted(document) as found:
        yield found


@pytest.fixture
def sit_down(running: Running, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start `canary` for a user at a terminal; --no-undo unless something else is said."""
    opened: list[Terminal] = []

    def start(user: str, *options: object, client: str = "app", stdout: Path | None = None) -> Terminal:
        cli = Cli(tmp_path, running.endpoint)
        words = ("canary", user, "--user-pool-id", POOL_ID, "--client-id", client, *options)
        opened.append(Terminal(*words, cwd=tmp_path, env=cli.env(), stdout=stdout))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def code(running: Running, user: str) -> str:
    return str(running.control(f"outbox?user={user}")["messages"][-1]["code"])


def codes(running: Running, user: str) -> set[str]:
    return {str(each["code"]) for each in running.control(f"outbox?user={user}")["messages"]}


def as_was(running: Running, user: str) -> bool:
    now = state(running)[user]
    return "phone_number" not in now["Attributes"] and not now.get("UserMFASettingList")


def texts(folder: Path) -> dict[str, str]:
    """Every file that the command left, but the journal and the CSVs, which hold what they must."""
    files = [path for path in (folder / "migrate-mfa-runs").rglob("*") if path.is_file()]
    kept = [path for path in files if path.suffix != ".csv" and "journal" not in path.name]
    assert any(path.name == "log.jsonl" for path in kept)
    return {path.name: path.read_text(encoding="utf-8") for path in kept}


def printed(person: Terminal, before: str) -> tuple[str, ...]:
    """The words of the command that is printed below a line, as it is pasted."""
    lines = person.shown.splitlines()
    program, *words = shlex.split(lines[lines.index(before) + 1])
    assert program == "migrate-mfa"
    return tuple(words)


def run_dir(folder: Path) -> Path:
    (found,) = (folder / "migrate-mfa-runs" / POOL_ID).iterdir()
    return found


def rollback(folder: Path, running: Running) -> Any:
    return Cli(folder, running.endpoint)("rollback", "--run-dir", run_dir(folder), "--yes")


def test_the_whole_way_by_code_and_back(
    running: Running, sit_down: Callable[..., Terminal], tmp_path: Path
) -> None:
    person = sit_down("ann", "--phone", "090-1234-5678", "--phone-country", "JP")

    person.expect("2 real SMS to +81********78")
    person.type(POOL_PROMPT, POOL_NAME)
    person.type(PASSWORD_PROMPT, PASSWORD)
    person.type(CODE_PROMPT, "000000")
    person.type(CODE_PROMPT, "not a code")
    person.expect("A code is made of digits.")
    person.type(CODE_PROMPT, code(running, "ann"))
    person.expect("challenged")
    person.expect(CODE_PROMPT)
    person.press(" ".join(code(running, "ann")) + "\n")
    person.expect("gives tokens")
    enrolled = state(running)["ann"]
    person.type(UNDO_PROMPT, "y")

    assert person.end() == 0
    planning = ("plan", "ROSTER", "--user-pool-id", POOL_ID, "--phone-country", "JP")
    assert printed(person, "Next: Plan your roster.") == planning
    write_roster(tmp_path / "ROSTER", [("cem@example.com", "090-1234-5678")])
    assert_code(
        Cli(tmp_path, running.endpoint)(*planning, "--verification", "attested", "--run-dir", "plan"), 0
    )
    assert (enrolled["Attributes"]["phone_number"], enrolled["PreferredMfaSetting"]) == (NUMBER, "SMS_MFA")
    assert enrolled["Attributes"]["phone_number_verified"] == "true"
    assert as_was(running, "ann")
    for shown in ("123456789012", "ap-northeast-1", POOL_ID, "That code is wrong; tries left: 2.", "Undone"):
        assert shown in person.shown
    assert "Proved" in person.shown
    assert "Not proved" in person.shown
    assert all(
        len(line) <= 80
        for line in person.shown.splitlines()
        if "\x1b" not in line and "http" not in line and not line.startswith("  migrate-mfa ")
    )
    the_secrets_stay_secret(person, running, "ann", tmp_path)
    assert [path.stat().st_mode & 0o777 for path in run_dir(tmp_path).glob("journal.sqlite")] == [0o600]
    assert run_dir(tmp_path).stat().st_mode & 0o777 == 0o700


def the_secrets_stay_secret(person: Terminal, running: Running, user: str, folder: Path) -> None:
    everything = texts(folder) | {"the terminal": person.shown}
    for where, text in everything.items():
        for secret in (PASSWORD, SECRET, NUMBER, "eyJ", f"{user}@example.com"):
            assert secret not in text, where
    for each in codes(running, user):
        assert not any(each in text for where, text in everything.items() if where != "the terminal")
        typed = person.shown.count(each) + person.shown.count(" ".join(each))
        assert typed == 1  # as it was typed, nowhere else
    journal = sqlite3.connect(run_dir(folder) / "journal.sqlite")
    try:
        dump = "\n".join(journal.iterdump())
    finally:
        journal.close()
    assert NUMBER in dump
    assert not any(secret in dump for secret in (PASSWORD, SECRET, "eyJ"))
    assert not any(f"'{each}'" in dump for each in codes(running, user))


def test_attested_as_json_and_kept(
    running: Running, sit_down: Callable[..., Terminal], tmp_path: Path
) -> None:
    out = tmp_path / "out.json"
    words = ("--phone", NUMBER, "--attested", "--yes", "--json", "--no-undo")
    person = sit_down("bob", *words, client="endless", stdout=out)

    person.type(PASSWORD_PROMPT, PASSWORD)
    person.type(CODE_PROMPT, code_after(running, "bob", 1))

    assert person.end() == 0
    document = json.loads(out.read_text(encoding="utf-8"))
    steps = {step["name"]: step for step in document["steps"]}
    assert [step["status"] for step in document["steps"]].count("noted") == 2  # revocation is disabled
    assert "token revocation disabled" in steps["end_session"]["says"]
    assert steps["store_number"]["operation"] == "AdminUpdateUserAttributes"
    assert (document["walked"], document["path"], document["sms_expected"]) == (True, "attested", 1)
    assert (document["phone"], document["undo"]["state"]) == ("+81********78", "left")
    assert not any(
        each in out.read_text(encoding="utf-8") for each in (NUMBER, PASSWORD, *codes(running, "bob"))
    )
    assert state(running)["bob"]["PreferredMfaSetting"] == "SMS_MFA"
    assert len(codes(running, "bob")) == 1
    undoing = printed(person, "To undo it later:")
    first = run_dir(tmp_path)
    assert undoing == ("rollback", "--run-dir", str(first.relative_to(tmp_path)))

    # The same user again: enrolled now, so that only the sign-in is tested. Then back, later.
    again = sit_down("bob", "--yes", "--run-dir", tmp_path / "again", "--json", stdout=out)
    again.type(PASSWORD_PROMPT, PASSWORD)
    again.type(CODE_PROMPT, code_after(running, "bob", 2))
    assert again.end() == 0
    assert json.loads(out.read_text(encoding="utf-8"))["path"] == "sign-in only"
    assert_code(Cli(tmp_path, running.endpoint)(*undoing, "--yes"), 0)
    assert as_was(running, "bob")


def code_after(running: Running, user: str, count: int) -> str:
    """The code of the message with this number, once it is there."""

    def messages() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = running.control(f"outbox?user={user}")["messages"]
        return found

    wait_until(lambda: len(messages()) >= count, f"message {count}")
    return str(messages()[count - 1]["code"])


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_interrupted_at_a_question_it_says_what_was_changed_and_gives_it_back(
    running: Running, sit_down: Callable[..., Terminal], keys: str
) -> None:
    user = "cem" if keys == CTRL_C else "dee"
    person = sit_down(user, "--phone", NUMBER, "--yes")

    person.type(PASSWORD_PROMPT, PASSWORD)
    person.expect(CODE_PROMPT)
    person.press(keys)
    person.expect("Changed for this user: the number, perhaps its verified flag.")
    person.type(UNDO_PROMPT, "")

    assert person.end() == 130
    assert as_was(running, user)
    echo = "^C" if keys == CTRL_C else ""
    assert f"(empty if none came): {echo}\nstopped verify_number" in person.shown
    assert "The test was stopped at verify_number, before the tokens." in person.shown


def test_interrupted_at_the_pools_name_it_ends_the_line(sit_down: Callable[..., Terminal]) -> None:
    person = sit_down("gil", "--phone", NUMBER)

    person.expect(POOL_PROMPT)
    person.press(CTRL_C)

    assert person.end() == 130
    assert person.shown.rstrip().endswith("^C\nNothing was written.")


def test_terminated_at_a_question_it_asks_nothing_more_and_says_how_to_undo(
    running: Running, sit_down: Callable[..., Terminal], tmp_path: Path
) -> None:
    person = sit_down("fay", "--phone", NUMBER, "--yes")

    person.type(PASSWORD_PROMPT, PASSWORD)
    person.expect(CODE_PROMPT)
    person.signal(signal.SIGTERM)

    assert person.end() == 143
    assert UNDO_PROMPT not in person.shown
    assert_code(Cli(tmp_path, running.endpoint)(*printed(person, "To undo it later:"), "--yes"), 0)
    assert as_was(running, "fay")


def test_killed_in_the_middle_a_rollback_gives_the_user_back(
    running: Running, sit_down: Callable[..., Terminal], tmp_path: Path
) -> None:
    person = sit_down("eva", "--phone", NUMBER, "--yes")
    person.type(PASSWORD_PROMPT, PASSWORD)
    person.type(CODE_PROMPT, code_after(running, "eva", 1))
    person.expect(CODE_PROMPT)
    person.close()
    assert not as_was(running, "eva")

    # It is no run: nothing but a rollback may go on in it.
    cli = Cli(tmp_path, running.endpoint)
    assert_code(cli("run", "--run-dir", run_dir(tmp_path), "--yes"), 3)
    assert_code(rollback(tmp_path, running), 0)
    assert as_was(running, "eva")


@pytest.mark.parametrize(
    ("user", "client", "ending"),
    [
        ("fay", "srp", (4, "ALLOW_ADMIN_USER_PASSWORD_AUTH")),
        ("temp", "app", (7, "temporary password")),
        ("temp", "app", (7, "did not reach the tokens. The line of sign_in above says why.")),
    ],
)
def test_who_cannot_go_the_way_is_told_why_and_left_as_is(
    running: Running, sit_down: Callable[..., Terminal], user: str, client: str, ending: tuple[int, str]
) -> None:
    before = state(running)[user]
    person = sit_down(user, "--phone", NUMBER, "--yes", client=client)
    person.type(PASSWORD_PROMPT, PASSWORD)

    assert person.end() == ending[0]
    assert ending[1] in " ".join(person.shown.split())
    assert state(running)[user] == before


def test_another_name_than_the_pools_declines(running: Running, sit_down: Callable[..., Terminal]) -> None:
    person = sit_down("gil", "--phone", NUMBER)

    person.type(POOL_PROMPT, "yes")

    assert person.end() == 130
    assert "That is not the pool's name. Nothing was written." in person.shown
    assert as_was(running, "gil")


def test_without_a_terminal_it_asks_nothing(running: Running, tmp_path: Path) -> None:
    cli = Cli(tmp_path, running.endpoint)
    words = ("canary", "gil", "--user-pool-id", POOL_ID, "--yes")

    done = cli(*words, "--client-id", "app")
    assert_code(done, 2)
    assert "no terminal" in done.err
    assert_code(cli(*words), 2)
