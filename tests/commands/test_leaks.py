"""No full number and no address: not on the terminal, not in the log, not in what is kept of a bug."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import structlog

from migrate_mfa.journal.log import configure
from tests.commands.support import a_member, phone_of, report, write_roster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from migrate_mfa.domain.model import UserState
    from tests.commands.conftest import Site
    from tests.commands.support import Done

pytestmark = pytest.mark.promise(7)

NAMES = ("taro", "hanako", "jiro", "emi", "ken", "yui")
TALKATIVE = "User taro@example.com has phone +819010000000 (090-1000-0000) already."


def leaks(text: str) -> list[str]:
    """What is in a text that must not leave the journal and the CSVs."""
    digits = re.findall(r"\d{7,}", re.sub(r"[ ().-]", "", text))
    numbers = {f"90{10_000_000 + at}" for at in range(len(NAMES))} | {"9099999999"}
    return [run for run in digits if any(n in run for n in numbers)] + re.findall(r"[^\s…]+@example\S+", text)


def told(site: Site, done: Done) -> str:
    kept = [*site.folder.rglob("log.jsonl"), *site.folder.rglob("migrate-mfa-bug-*")]
    return done.said + "".join(path.read_text(encoding="utf-8") for path in kept)


def a_roster(folder: Path) -> Path:
    rows = [(f"{name}@example.com", phone_of(at)) for at, name in enumerate(NAMES)]
    rows += [("taro@example.com", "+819099999999"), ("nobody@example.com", "+819099999999")]
    return write_roster(folder / "roster.csv", rows)


def failed_rows(site: Site) -> list[dict[str, str]]:
    """None where the run ended before there was a report."""
    there = (site.folder / "run" / "report" / "failed.csv").is_file()
    return report(site.folder / "run", "failed") if there else []


@pytest.mark.parametrize(
    ("op", "status", "code"),
    [
        ("AdminUpdateUserAttributes", 400, "InvalidParameterException"),
        ("AdminSetUserMFAPreference", 400, "AccessDeniedException"),
        ("AdminUpdateUserAttributes", 500, "SomethingNewException"),
        ("DescribeUserPool", 400, "ResourceNotFoundException"),
        ("GetCallerIdentity", 400, "InvalidClientTokenId"),
    ],
)
def test_an_error_text_of_aws_that_names_a_user_is_told_without_the_name(
    raise_site: Callable[..., Site], op: str, status: int, code: str
) -> None:
    rule = {"kind": "error", "ops": [op], "code": code, "message": TALKATIVE, "status": status, "times": 3}
    site = raise_site([a_member(name) for name in NAMES], faults={"rules": [rule]})
    options = ("--verification", "attested", "--max-failures", "100%", "--log-level", "debug")

    done = site.cli.run(a_roster(site.folder), "run", *options)

    details = " ".join(row["detail"] for row in failed_rows(site))
    if status < 500:  # what passes by itself is not told
        assert code in told(site, done) + details
    assert leaks(told(site, done) + details) == []
    assert leaks(TALKATIVE) != []


def test_a_bug_leaves_a_traceback_without_the_value_that_caused_it(
    raise_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(state: UserState) -> str:
        raise LookupError(f"no {state.email} with {state.phone}")

    site = raise_site([a_member(name, phone=phone_of(at)) for at, name in enumerate(NAMES)])
    for module in ("values", "write_store"):
        monkeypatch.setattr(f"migrate_mfa.journal.{module}.state_to_json", fail)

    done = site.cli.run(a_roster(site.folder), "run", "--verification", "attested")

    assert done.code == 1
    assert "LookupError" in told(site, done)
    assert leaks(told(site, done)) == []


@pytest.mark.parametrize("text", ["has +819010000000", "has 090-1000-0000", "is taro@example.com", TALKATIVE])
def test_the_log_keeps_no_number_and_no_address_whatever_it_is_given(tmp_path: Path, text: str) -> None:
    with configure(tmp_path / "log.jsonl"):
        structlog.get_logger().warning("row", code=text, row=7)

    line = (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    assert '"row":7' in line
    assert leaks(text) != []
    assert leaks(line) == []
