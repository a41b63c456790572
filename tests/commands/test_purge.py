"""purge over the whole tool: nothing that names a person is left in a run directory, the counts are."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from tests.commands.support import (
    POOL_ID,
    POOL_NAME,
    a_member,
    assert_code,
    phone_of,
    report,
    state,
    summary,
    words,
    write_roster,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.commands.conftest import Site

NAMES = ("annabelle", "bartholomew", "cordelia", "desdemona")


def a_finished_run(raise_site: Callable[..., Site]) -> tuple[Site, Path]:
    """Somebody enrolled, somebody not found, somebody pending, a note in a column of the roster's own."""
    users = [a_member("annabelle"), a_member("bartholomew", phone="+819087654321", verified=True)]
    site = raise_site([*users, a_member("cordelia", UserStatus="UNCONFIRMED")])
    rows = [(f"{name}@example.com", phone_of(number), "Shibuya 1-2-3") for number, name in enumerate(NAMES)]
    roster = write_roster(site.folder / "roster.csv", rows, ("email", "phone_number", "address"))
    run = site.cli.run(roster, site.folder / "run", "--verification", "attested", "--max-failures", "100%")
    assert_code(run, 7)
    return site, site.folder / "run"


def personal(site: Site) -> list[bytes]:
    """What must not be found on disk afterwards."""
    subs = list(site.running.control("state")[site.cli.pool_id])
    numbers = [phone_of(number)[1:] for number in range(len(NAMES))]
    return [text.encode() for text in (*NAMES, *subs, *numbers, "819087654321", "Shibuya", "example.com")]


def found_in(directory: Path, needles: list[bytes]) -> set[tuple[str, bytes]]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {(path.name, needle) for path in files for needle in needles if needle in path.read_bytes()}


def test_after_a_purge_no_file_names_anybody_and_the_counts_stay(raise_site: Callable[..., Site]) -> None:
    site, run_dir = a_finished_run(raise_site)
    needles = personal(site)
    before = found_in(run_dir, needles)
    told = summary(run_dir)

    done = site.cli("purge", "--run-dir", run_dir, "--yes", "--despite-pending")

    assert_code(done, 0)
    assert {name for name, _ in before} >= {"journal.sqlite", "verified.csv"}
    assert found_in(run_dir, needles) == set()
    assert "4 rows" in done.said
    assert summary(run_dir) == told
    status = site.cli("status", "--run-dir", run_dir, "--json")
    assert_code(status, 0)
    assert json.loads(status.out)["counts"] == told["counts"]
    assert json.loads(status.out)["reasons"] == told["reasons"]


def test_a_purge_names_the_files_that_it_leaves(raise_site: Callable[..., Site]) -> None:
    site, run_dir = a_finished_run(raise_site)
    for name in ("report/failed.csv~", "report/failed.kept-1.csv", "my-roster.csv"):
        (run_dir / name).write_text("ann@example.com")

    done = site.cli("purge", "--run-dir", run_dir, "--yes", "--despite-pending")

    assert_code(done, 0)
    assert "Other files were not removed: my-roster.csv, report/failed.csv~. Remove" in words(done.err)
    assert not list((run_dir / "report").glob("*.csv"))


def test_a_purge_of_an_audit_speaks_of_its_lists(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("annabelle")])
    assert_code(site.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--quiet"), 0)

    done = site.cli("purge", "--run-dir", "audit", "--yes")

    assert_code(done, 0)
    assert done.err == f"Removing the lists of an audit of pool {POOL_NAME}.\n"
    assert found_in(site.folder / "audit", personal(site)) == set()


def test_reports_of_an_audit_made_again_after_a_purge_name_nobody(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("annabelle"), a_member("cordelia", phone=phone_of(1), verified=True)])
    line = ("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--quiet", "--deep", "--yes")
    assert_code(site.cli(*line), 0)
    held = found_in(site.folder / "audit", personal(site))
    assert_code(site.cli("purge", "--run-dir", "audit", "--yes"), 0)

    done = site.cli("report", "--run-dir", "audit")

    assert_code(done, 0)
    assert {name for name, _ in held} >= {"journal.sqlite", "unverified.csv", "verified_without_mfa.csv"}
    assert found_in(site.folder / "audit", personal(site)) == set()
    assert not list((site.folder / "audit" / "report").glob("*.csv"))
    assert summary(site.folder / "audit")["total"] == {"verified": 1, "unverified": 0, "no_phone": 1}


def test_reports_made_again_after_a_purge_have_the_counts_and_nobody(raise_site: Callable[..., Site]) -> None:
    site, run_dir = a_finished_run(raise_site)
    needles, told = personal(site), summary(run_dir)
    assert_code(site.cli("purge", "--run-dir", run_dir, "--yes", "--despite-pending"), 0)

    done = site.cli("report", "--run-dir", run_dir)

    assert_code(done, 0)
    assert summary(run_dir)["counts"] == told["counts"]
    assert not list((run_dir / "report").glob("*.csv"))
    assert (run_dir / "report" / "report.html").is_file()
    assert "The personal data of this run has been deleted. Its counts remain." in words(done.said)
    assert found_in(run_dir, needles) == set()


def test_rollback_reconcile_and_run_end_with_a_purge(raise_site: Callable[..., Site]) -> None:
    site, run_dir = a_finished_run(raise_site)
    before = state(site.running)
    assert_code(site.cli("purge", "--run-dir", run_dir, "--yes", "--despite-pending"), 0)

    refused = [
        site.cli("rollback", "--run-dir", run_dir, "--yes"),
        site.cli("reconcile", "--run-dir", run_dir, "--yes"),
        site.cli("run", "--run-dir", run_dir, "--yes"),
    ]

    assert [done.code for done in refused] == [3, 3, 3]
    assert all("purged" in done.err for done in refused)
    assert state(site.running) == before


def test_a_run_that_is_not_done_is_not_purged(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    rows = [("ann@example.com", phone_of(1)), ("bob@example.com", phone_of(2))]
    roster = write_roster(site.folder / "roster.csv", rows)
    run = site.cli.run(roster, site.folder / "run", "--verification", "attested", "--max-users", "1")
    assert_code(run, 10)

    unasked = site.cli("purge", "--run-dir", site.folder / "run")
    done = site.cli("purge", "--run-dir", site.folder / "run", "--yes")
    missing = site.cli("purge", "--run-dir", site.folder / "nowhere", "--yes")

    assert [unasked.code, done.code, missing.code] == [2, 6, 6]
    assert "not done" in done.err
    assert len(report(site.folder / "run", "unprocessed")) == 1


def test_a_rollback_that_was_cut_short_is_not_purged(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann"), a_member("bob")])
    rows = [("ann@example.com", phone_of(1)), ("bob@example.com", phone_of(2))]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 0)
    cut = ("rollback", "--run-dir", site.folder / "run", "--yes", "--quiet")
    assert_code(site.cli(*cut, "--max-users", "1"), 10)
    assert_code(site.cli(*cut, "--user", "ann"), 0)

    done = site.cli("purge", "--run-dir", site.folder / "run", "--yes")

    assert_code(done, 6)
    connection = sqlite3.connect(site.folder / "run" / "journal.sqlite")
    assert connection.execute("SELECT COUNT(*) FROM before_images").fetchone() == (2,)
    connection.close()


def test_after_a_purge_status_points_to_no_list_that_is_gone(raise_site: Callable[..., Site]) -> None:
    site, run_dir = a_finished_run(raise_site)
    assert_code(site.cli("rollback", "--run-dir", run_dir, "--yes"), 0)
    audited = site.cli("audit", "--user-pool-id", POOL_ID, "--run-dir", "audit", "--deep", "--yes")
    assert "See report/skipped.csv." in site.cli("status", "--run-dir", run_dir).out
    assert "/unverified.csv" in audited.out
    assert "verified_without_mfa.csv" in audited.out

    for directory in (run_dir, "audit"):
        assert_code(site.cli("purge", "--run-dir", directory, "--yes"), 0)
        shown = site.cli("status", "--run-dir", directory)

        assert ".csv" not in shown.said
        assert "deleted" in shown.err
        assert "Next:" not in shown.err
