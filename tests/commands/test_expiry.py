"""Credentials that end before the work does: said before the start, and no user's fault when it happens."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migrate_mfa.clock import SystemClock
from tests.commands.support import assert_code, ends, members_of, roster_of, summary, words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

USERS = 120
LIFE_S = 6
"""Long enough for a slow machine to begin, far too short for the slow run."""
SLOWLY = ("--max-rps", "UserUpdate=3", "--max-rps", "UserResourceUpdate=3")
QUICKLY = ("--max-rps", "UserUpdate=1000", "--max-rps", "UserResourceUpdate=1000")
"""A run keeps the pace that it was given last."""
ENROLLED, OPEN = ("verified", "enrolled"), ("unprocessed", "")


def a_site(raise_site: Callable[..., Site]) -> tuple[Site, Path]:
    names = [f"user{number}" for number in range(USERS)]
    site = raise_site(members_of(names))
    return site, roster_of(site.folder, names)


def lend_credentials(site: Site, seconds: float) -> None:
    """Temporary credentials in the environment, as `aws configure export-credentials` puts them there."""
    ends_at = datetime.fromtimestamp(SystemClock().now() + seconds, UTC)
    site.cli.environment |= {
        "AWS_SESSION_TOKEN": "testing",
        "AWS_CREDENTIAL_EXPIRATION": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def test_credentials_that_end_too_soon_are_said_and_the_run_stops_there_and_goes_on_later(
    raise_site: Callable[..., Site],
) -> None:
    site, roster = a_site(raise_site)
    command = (roster, site.folder / "run", "--verification", "attested")
    lend_credentials(site, LIFE_S)

    stopped = site.cli.run(*command, *SLOWLY)
    found, told = ends(site.folder / "run"), summary(site.folder / "run")
    lend_credentials(site, 3600)
    done = site.cli.run(*command, *QUICKLY)

    assert_code(stopped, 5)
    assert re.search(r"They expire in \d+ s, but the work needs about 40 s", words(stopped.err))
    assert "exit code 5" in stopped.err
    assert found.keys() <= {ENROLLED, OPEN}
    assert found[OPEN] > 0
    assert (told["state"], told["counts"]["failed"]) == ("stopped", 0)
    assert_code(done, 0)
    assert "They expire in" not in words(done.err)
    assert ends(site.folder / "run") == {ENROLLED: USERS}


def test_a_rollback_and_a_reconcile_say_it_too(raise_site: Callable[..., Site]) -> None:
    site, roster = a_site(raise_site)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "by-code"), 0)
    proved = {"phone_number_verified": "true"}
    edits = [{"Username": f"user{number}", "Attributes": proved} for number in range(USERS // 2)]
    site.running.control("users", {"upsert": edits})
    usual = ("--run-dir", site.folder / "run", "--yes", "--quiet", "--max-users", "1", *SLOWLY)
    lend_credentials(site, LIFE_S)

    night = site.cli("reconcile", *usual)
    lend_credentials(site, LIFE_S)
    back = site.cli("rollback", *usual)

    assert_code(night, 10)
    assert_code(back, 10)
    assert re.search(r"They expire in \d+ s, but the work needs about 20 s", words(night.err))
    assert re.search(r"They expire in \d+ s, but the work needs about 40 s", words(back.err))


def test_a_token_that_expires_in_the_middle_of_a_run_blames_nobody(raise_site: Callable[..., Site]) -> None:
    site, roster = a_site(raise_site)
    command = (roster, site.folder / "run", "--verification", "attested")
    site.running.control("faults", {"rules": [{"kind": "expired_token", "after_calls": 150}]})

    stopped = site.cli.run(*command)
    found, told = ends(site.folder / "run"), summary(site.folder / "run")
    site.running.control("faults", {})
    done = site.cli.run(*command)

    assert_code(stopped, 5)
    assert "ExpiredTokenException" in stopped.err
    assert "then run the same command again to resume" in words(stopped.err)
    assert found.keys() <= {ENROLLED, OPEN}
    assert found[OPEN] > 0
    assert (told["state"], told["counts"]["failed"]) == ("stopped", 0)
    assert_code(done, 0)
    assert ends(site.folder / "run") == {ENROLLED: USERS}


def test_credentials_that_have_ended_already_are_refused_at_once(raise_site: Callable[..., Site]) -> None:
    site, roster = a_site(raise_site)
    lend_credentials(site, -60)

    done = site.cli.run(roster, site.folder / "run", "--verification", "attested")

    assert_code(done, 5)
    assert not (site.folder / "run" / "journal.sqlite").exists()
