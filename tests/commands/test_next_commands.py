"""The next command that is printed can be pasted: it runs, and does what was meant, wherever the run is."""

from __future__ import annotations

import csv
import shlex
from typing import TYPE_CHECKING, Any, get_type_hints

import pytest

from migrate_mfa.cli.option_groups import Deciding, Pace, Wave
from migrate_mfa.cli.options import declared, group_of
from migrate_mfa.commands.audit import audit
from migrate_mfa.commands.check import check
from migrate_mfa.commands.disable import disable
from migrate_mfa.commands.plan import plan
from migrate_mfa.commands.purge import purge
from migrate_mfa.commands.reconcile import reconcile
from migrate_mfa.commands.report import report
from migrate_mfa.commands.rollback import rollback
from migrate_mfa.commands.run import run
from migrate_mfa.commands.status import status
from migrate_mfa.reports.next_command import DEFAULTS, TAKES
from tests.commands.support import (
    POOL_ID,
    SENDS_CODES,
    assert_code,
    members_of,
    mfa_of,
    roster_of,
    sms,
)
from tests.support.bucket import Door, bucket_on_loopback
from tests.support.terminal import typing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.commands.conftest import Site
    from tests.commands.support import Done
    from tests.support.bucket import Bucket

NAMES = ("ann", "ben", "cas", "dan")
WRITES = frozenset({"run", "reconcile", "rollback", "disable", "purge"})
VERBS = (audit, check, disable, plan, purge, reconcile, report, rollback, run, status)


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    with bucket_on_loopback() as made:
        yield made


@pytest.fixture(params=["folder", "bucket", "variable"])
def place(request: pytest.FixtureRequest, server: Bucket) -> str:
    """Where the run directory is, as the operator writes it."""
    vars(server.door).update(vars(Door()))
    server.empty()
    return {"folder": "srv/run", "bucket": "s3://runs/here/run", "variable": "srv/run"}[request.param]


@pytest.fixture
def raised(
    request: pytest.FixtureRequest, raise_site: Callable[..., Site], server: Bucket, place: str
) -> Callable[..., Site]:
    """A site whose first command finds its run directory in an option, or in a variable."""

    def make(**options: Any) -> Site:
        site = raise_site(members_of(NAMES), **options)
        site.cli.environment["AWS_ENDPOINT_URL_S3"] = server.endpoint
        if "variable" in request.node.callspec.id:
            site.cli.environment["MIGRATE_MFA_RUN_DIR"] = place
        return site

    return make


def pasted(site: Site, done: Done, *more: str) -> Done:
    """Run the next command that was printed, as it was printed."""
    assert "migrate-mfa-copy" not in done.said  # where a run directory in a bucket is for now, nobody cares
    [line] = [line for line in done.err.splitlines() if line.startswith("  migrate-mfa ")]
    arguments = shlex.split(line)[1:]
    yes = ["--yes"] if arguments[0] in WRITES else []
    return site.cli(*arguments, *yes, *more)


def verb_after(done: Done) -> str:
    """The command that was printed as the next one."""
    [line] = [line for line in done.err.splitlines() if line.startswith("  migrate-mfa ")]
    return shlex.split(line)[1]


def in_place(site: Site, place: str) -> list[str]:
    """The words that name the run directory, unless a variable does."""
    return [] if "MIGRATE_MFA_RUN_DIR" in site.cli.environment else ["--run-dir", place]


def odd_roster(site: Site) -> str:
    """A roster that only its options make readable: columns of unknown names, numbers without a country."""
    path = site.folder / "odd.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["login", "contact 1", "contact 2"])
        lines.writerows([f"{name}@example.com", f"090-1234-000{at}", "-"] for at, name in enumerate(NAMES))
        lines.writerow(["eve@example.com", "090-1234-0009", "-"])
    return path.name


ODD = ("--phone-country", "JP", "--id-column", "login", "--phone-column", "contact 1")


def test_from_the_plan_to_the_purge_by_code(raised: Callable[..., Site], place: str) -> None:
    site = raised(config=SENDS_CODES)
    here = in_place(site, place)
    bounds = ("--max-sms", "4", "--max-failures", "60%", "--max-cost", "9", "--mau-price", "1")
    policy = ("--verification", "by-code", "--sms-price", "JP=0.01", "--user-pool-id", POOL_ID)
    planned = site.cli("plan", odd_roster(site), *policy, *ODD, *bounds, *here, "--quota-share", "0.9")
    assert_code(planned, 0)

    wave = pasted(site, planned, "--max-users", "3")
    assert_code(wave, 10)
    assert len(sms(site.running)) == 3
    rest = pasted(site, wave)  # the same wave again: 1 is left
    assert_code(rest, 7)
    assert len(sms(site.running)) == 4
    looked = site.cli("status", *here or ("--run-dir", place))
    assert "0.9" in looked.out  # the pace of the plan
    for each in (rest, looked, site.cli("report", *here or ("--run-dir", place))):
        assert verb_after(each) == "reconcile"
        assert_code(pasted(site, each), 0)
    back = site.cli("rollback", *here or ("--run-dir", place), "--yes", "--max-users", "2")
    assert_code(back, 10)
    undone = pasted(site, back)
    assert_code(undone, 0)
    assert verb_after(undone) == "purge"
    purged = pasted(site, undone)
    assert_code(purged, 0)
    assert place in purged.out
    last = site.cli("status", *here or ("--run-dir", place))
    assert "None" not in last.out
    assert "Next:" not in last.err


def test_from_the_run_to_the_lists_and_the_audit(raised: Callable[..., Site], place: str) -> None:
    site = raised()
    options = ("--verification", "attested", "--user-pool-id", POOL_ID, *in_place(site, place))
    ran = site.cli("run", odd_roster(site), *options, *ODD, "--yes")
    assert_code(ran, 7)  # eve is not in the pool

    corrected = pasted(site, ran)
    assert_code(corrected, 0)
    assert "user_not_found" in corrected.out
    assert verb_after(corrected) == "audit"
    audited = pasted(site, corrected)
    assert_code(audited, 0)
    assert "100.0 %" in audited.out


def test_an_audit_leads_to_a_plan_of_its_list(raised: Callable[..., Site], place: str) -> None:
    site = raised()
    audited = site.cli("audit", "--user-pool-id", POOL_ID, *in_place(site, place))
    assert_code(audited, 0)
    assert f"\n  {place}/report/unverified.csv\n" in audited.out  # not where a copy of it is for now
    assert f"{place}/report/unverified.csv --user-pool-id" in audited.err

    undecided = pasted(site, audited)
    assert_code(undecided, 2)
    assert "--verification is missing" in undecided.err
    planned = pasted(site, audited, "--verification", "attested")
    assert_code(planned, 0)
    assert f"Roster: {len(NAMES)} records" in planned.out


def test_a_disable_is_undone_then_purged(raised: Callable[..., Site], place: str) -> None:
    site = raised()
    roster, beside = roster_of(site.folder, NAMES), ("--run-dir", "before")
    given = ("--user-pool-id", POOL_ID, "--verification", "attested", "--yes")
    assert_code(site.cli("run", roster, *given, *beside), 0)
    here = in_place(site, place)
    off = site.cli("disable", roster, "--user-pool-id", POOL_ID, *here, "--yes")
    assert_code(off, 0)
    assert mfa_of(site.running, "ann") == ([], None)
    shown = site.cli("status", *here or ("--run-dir", place))
    assert "attested" not in off.out + shown.out  # a disable has no policy

    undone = pasted(site, off)
    assert_code(undone, 0)
    assert mfa_of(site.running, "ann") == (["SMS_MFA"], "SMS_MFA")
    assert_code(pasted(site, undone), 0)


def test_a_declined_run_says_so_and_is_run_by_what_it_prints(raised: Callable[..., Site], place: str) -> None:
    site = raised()
    given = ("--user-pool-id", POOL_ID, "--verification", "attested", *in_place(site, place))
    with typing("no\n") as terminal:
        done = site.cli("run", roster_of(site.folder, NAMES), *given, stdin=terminal)

    assert_code(done, 130)
    assert "run: declined, nothing was changed" in done.out
    assert "The run was declined at the question. It changed nothing." in done.err
    assert "before its end" not in done.err
    ran = pasted(site, done)
    assert_code(ran, 0)
    assert verb_after(ran) == "audit"
    with typing("no\n") as terminal:
        back = site.cli("rollback", *in_place(site, place) or ("--run-dir", place), stdin=terminal)
    assert_code(back, 130)
    assert "The rollback was declined at the question. It changed nothing." in back.err
    undone = pasted(site, back)
    assert_code(undone, 0)
    assert "4 users are back" in undone.err


def test_a_rollback_of_some_users_that_was_stopped_prints_no_rollback_of_all(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES))
    assert_code(site.cli.run(roster_of(site.folder, NAMES), "run", "--verification", "attested"), 0)
    some = ("--user", "ann@example.com", "--user", "ben@example.com", "--max-users", "1")

    done = site.cli("rollback", "--run-dir", "run", *some, "--yes")

    assert_code(done, 10)
    assert "Next: The same command again resumes where it stopped." in done.err
    assert "  migrate-mfa rollback" not in done.err


def test_a_command_that_is_refused_for_its_input_is_not_advised_again(
    raise_site: Callable[..., Site],
) -> None:
    site = raise_site(members_of(NAMES))
    assert_code(site.cli.run(roster_of(site.folder, NAMES), "run", "--verification", "attested"), 0)

    done = site.cli("rollback", "--run-dir", "run", "--user", "nobody", "--yes")

    assert_code(done, 3)
    assert "The rollback ended before it changed anything." in done.err
    assert "Next:" not in done.err


def test_a_plan_with_too_many_sms_prints_what_allows_them(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES), config=SENDS_CODES)
    given = ("--user-pool-id", POOL_ID, "--verification", "by-code", "--run-dir", "run")

    planned = site.cli("plan", roster_of(site.folder, NAMES), *given)
    refused = site.cli("run", "--run-dir", "run", "--yes")

    assert_code(planned, 8)
    assert_code(refused, 8)
    for done in (planned, refused):
        assert "Cognito would send 4 SMS with codes, and --max-sms allows 0." in done.err
        assert "  migrate-mfa run --run-dir run --max-sms 4" in done.err
    ran = pasted(site, refused)
    assert_code(ran, 0)
    assert sum(sms(site.running).values()) == 4


def test_what_may_cost_too_much_is_refused_before_a_write_and_prints_what_allows_it(
    raised: Callable[..., Site], place: str
) -> None:
    site = raised()
    price, here = ("--mau-price", "0.37"), in_place(site, place)
    given = ("--user-pool-id", POOL_ID, "--verification", "attested", "--max-cost", "1", *price, *here)

    planned = site.cli("plan", roster_of(site.folder, NAMES), *given)
    looked = site.cli("status", *here or ("--run-dir", place))
    refused = pasted(site, planned, "--max-cost", "0.5")
    shown = site.cli("status", *here or ("--run-dir", place))

    for done, command, allowed in ((planned, "plan", "1"), (refused, "run", "0.5")):
        assert_code(done, 8)
        said = f"The {command} was refused before it wrote anything: it may cost up to 1.48 now, and "
        assert f"{said}--max-cost allows {allowed}." in done.err
    assert "The plan was refused before it wrote anything" in looked.err
    assert "run: refused" in shown.out
    for each in (planned, looked, refused, shown):
        assert "--mau-price 0.37 --max-cost 1.48" in each.err
    assert mfa_of(site.running, "ann") == ([], None)
    assert_code(pasted(site, shown), 0)


def test_an_audit_that_may_cost_too_much_prints_what_allows_it(
    raised: Callable[..., Site], place: str
) -> None:
    site = raised()
    ran = ("--user-pool-id", POOL_ID, "--verification", "attested", "--yes", "--run-dir", "before")
    assert_code(site.cli("run", roster_of(site.folder, NAMES), *ran), 0)
    price, here = ("--max-cost", "0.01", "--mau-price", "1"), in_place(site, place)

    audited = site.cli("audit", "--user-pool-id", POOL_ID, "--deep", "--yes", *price, *here)

    assert_code(audited, 8)
    assert "Reading their MFA settings was refused: it may cost up to 4.00 now" in audited.err
    assert_code(pasted(site, audited, "--yes"), 0)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (("--max-users", "3"), "The run ended after 3 users, as --max-users asked: 3 of 40"),
        (("--stop-after", "2s"), "The run ended after 2s, as --stop-after asked: "),
    ],
)
def test_a_run_that_ends_at_a_limit_of_the_operator_ended_as_asked_and_keeps_the_limit(
    raise_site: Callable[..., Site], limit: tuple[str, str], told: str
) -> None:
    names = [f"user{at:02d}" for at in range(40)]
    site = raise_site(members_of(names))
    words = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "run", "--yes")

    done = site.cli("run", roster_of(site.folder, names), *words, *limit, "--max-rps", "UserUpdate=4")
    looked, listed = site.cli("status", "--run-dir", "run"), site.cli("runs", ".")
    quiet = pasted(site, looked, "--quiet")

    assert_code(done, 10)
    for each in (done, looked):
        assert told in each.err
        assert "before its end" not in each.err
        assert f"run: ended at {limit[0]}\n" in each.out
        assert f" {' '.join(limit)} " in each.err.split("Next:")[1]
    assert f"run: ended at {limit[0]}, " in listed.out
    assert_code(quiet, 10)
    assert quiet.err.endswith(f"Ended at {limit[0]}, as you asked. Run the same command again to continue.\n")


def test_the_advice_after_a_wave_says_how_far_the_next_one_goes(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES))
    words = ("--user-pool-id", POOL_ID, "--verification", "attested", "--run-dir", "run", "--yes")

    first = site.cli("run", roster_of(site.folder, NAMES), *words, "--max-users", "1")
    second = pasted(site, first, "--max-users", "2")
    third = pasted(site, second)

    assert "the next 1 at most. Without --max-users it changes all that are left (3)." in first.err
    assert "Then this command changes the rest (1)." in second.err
    assert "--max-users 2" in second.err.split("Next:")[1]
    assert_code(third, 0)


def test_a_check_that_fails_is_repeated_as_it_was(raise_site: Callable[..., Site]) -> None:
    site = raise_site(members_of(NAMES), sns={"sandbox": True})
    options = ("--user-pool-id", POOL_ID, "--verification", "at-sign-in", "--verb", "reconcile")

    done = site.cli("check", *options, "--quota-share", "0.25")

    assert_code(done, 4)
    assert pasted(site, done).out == done.out


def test_a_check_of_a_finished_run_does_not_send_back_to_run(raised: Callable[..., Site], place: str) -> None:
    site = raised()
    given = ("--user-pool-id", POOL_ID, "--verification", "attested", *in_place(site, place), "--yes")
    assert_code(site.cli("run", roster_of(site.folder, NAMES), *given), 0)

    checked = site.cli("check", *in_place(site, place))

    assert_code(checked, 0)
    assert verb_after(checked) == "audit"
    assert_code(pasted(site, checked), 0)


def test_every_command_takes_the_words_that_a_next_command_has() -> None:
    for verb in VERBS:
        hints = get_type_hints(verb, include_extras=True)
        groups = [group_of(hint) for name, hint in hints.items() if name != "return"]
        options = {each.name for _, options in groups for each in options}
        assert {*TAKES.get(verb.__name__, ()), "run_dir", "endpoint_url", "profile"} <= options, verb
    defaults = {each.name: each.default for group in (Deciding, Pace, Wave) for each in declared(group)}
    assert {name: defaults[name] for name in DEFAULTS} == DEFAULTS
