"""No number and no address of the roster or the pool in full: not on the terminal, not in the log."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import (
    POOL_ID,
    Done,
    a_member,
    assert_code,
    phone_of,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.commands.conftest import Site

USERS = 30
HEADER = ("username", "email", "phone_number")
ATTESTED = (
    "--verification",
    "attested",
    "--phone-country",
    "JP",
    "--max-failures",
    "100%",
    "--log-level",
    "debug",
)


def name_of(number: int) -> str:
    return f"canary{number:02d}"


def spelled(number: int) -> str:
    """A number as people write it, another way for each user."""
    local = f"0{phone_of(number)[3:]}"
    return (
        phone_of(number),
        local,
        f"{local[:3]}-{local[3:7]}-{local[7:]}",
        local[1:],
        f"tel:{phone_of(number)}",
    )[number % 5]


def secrets() -> list[bytes]:
    """What must not be seen: addresses, and numbers however they are written."""
    found = [f"{name_of(number)}@example.com" for number in range(USERS)]
    for number in (*range(USERS), *range(500, 500 + USERS)):
        local = phone_of(number)[3:]
        found += [local, f"{local[:2]}-{local[2:6]}-{local[6:]}", f"{local[:2]} {local[2:6]} {local[6:]}"]
    return [text.encode() for text in found]


def assert_private(done: Done, folder: Path) -> None:
    """Nothing on the terminal, in a log, or in a traceback that was kept."""
    seen = {"terminal": done.said.encode()}
    seen |= {str(path): path.read_bytes() for path in [*folder.rglob("*.jsonl"), *folder.rglob("*bug*.txt")]}
    shown = {(secret, where) for secret in secrets() for where, text in seen.items() if secret in text}
    assert not shown


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    """Members of whom every third has another number in use, and a messy roster about them."""
    users = [
        a_member(name_of(number), phone=phone_of(500 + number) if number % 3 == 0 else None, verified=True)
        for number in range(USERS)
    ]
    site = raise_site(users)
    rows: list[Sequence[str]] = [
        (name_of(number), f"{name_of(number)}@example.com", spelled(number)) for number in range(USERS)
    ]
    rows += [
        (name_of(0), f"{name_of(1)}@example.com", spelled(0)),
        (f"{name_of(2)}@example.com", "", f"{phone_of(2)} / {phone_of(3)}"),
        ("", "", spelled(4)),
        (f"{name_of(5)}@example.com\n{name_of(6)}@example.com", "", spelled(5)),
        (name_of(7), f"{name_of(7)}@example.com", spelled(7), spelled(8)),
        (f"{name_of(9)}@example.com", f"{name_of(9)}@example.com", "03-1234-5678"),
    ]
    write_roster(site.folder / "roster.csv", rows, HEADER)
    return site


def test_a_plan_a_run_and_what_looks_at_them_show_nothing(site: Site) -> None:
    steps = [
        site.cli.plan("roster.csv", "plan", *ATTESTED),
        site.cli.run("roster.csv", "run", *ATTESTED),
        site.cli.run("roster.csv", "run", *ATTESTED, "--json"),
        site.cli("status", "--run-dir", "run"),
        site.cli("report", "--run-dir", "run"),
        site.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--deep", "--yes"),
    ]

    assert [done.code for done in steps] == [0, 7, 7, 0, 0, 0]
    assert (site.folder / "run" / "log.jsonl").stat().st_size > 1000
    for done in steps:
        assert_private(done, site.folder)


@pytest.mark.parametrize(
    ("kind", "code"),
    [("error", 7), ("expired_token", 5), ("access_denied", 5), ("throttle", 7), ("reset", 7)],
)
def test_what_aws_says_about_a_user_is_not_repeated(site: Site, kind: str, code: int) -> None:
    message = f"Invalid {phone_of(1)} of {name_of(1)}@example.com (0{phone_of(1)[3:]})"
    rule = {"kind": kind, "ops": ["AdminUpdateUserAttributes"], "message": message, "times": 5}
    site.running.control("faults", {"rules": [rule]})

    done = site.cli.run("roster.csv", "run", *ATTESTED)

    assert_code(done, code)
    assert site.running.control("stats")["faults_fired"]["0"] > 0
    assert_private(done, site.folder)


@pytest.mark.parametrize(
    "content",
    [
        f"{name_of(1)}@example.com,{phone_of(1)}\r\n{name_of(2)}@example.com,{phone_of(2)}\r\n",
        f'email,phone_number\r\n"{name_of(1)}@example.com,{phone_of(1)}\r\n',
        f"email,phone_number,{phone_of(1)},phone\r\n{name_of(1)}@example.com,,,\r\n",
    ],
    ids=["no header", "an open quote", "a number in the header"],
)
def test_an_unusable_roster_is_refused_without_quoting_it(site: Site, content: str) -> None:
    (site.folder / "bad.csv").write_text(content, encoding="utf-8")

    done = site.cli.plan("bad.csv", "run", *ATTESTED)

    assert_code(done, 3)
    assert_private(done, site.folder)


def test_a_run_leaves_files_for_its_owner_alone(site: Site) -> None:
    site.cli.run("roster.csv", "run", *ATTESTED)
    site.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit")
    made = [
        path for name in ("run", "audit") for path in (site.folder / name, *(site.folder / name).rglob("*"))
    ]

    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in made}

    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert {"journal.sqlite", "log.jsonl", "verified.csv", "summary.json"} <= {path.name for path in made}
