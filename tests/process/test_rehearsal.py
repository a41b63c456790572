"""simulate --like: what a plan foresees comes out of its rehearsal, about people who do not exist."""

from __future__ import annotations

import json
import re
import shlex
import signal
import sqlite3
from collections import Counter
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.main import main
from migrate_mfa.simulator import Running
from tests.commands.messy_roster import ROWS, make_roster, make_users
from tests.commands.support import (
    LEGACY_SMS,
    POOL_ID,
    SAMPLES,
    Cli,
    Ending,
    a_member,
    assert_code,
    ends,
    phone_of,
    pool_document,
    summary,
    write_roster,
)
from tests.commands.test_messy import SETTINGS, config_of
from tests.support.hosted import hosted
from tests.support.screen import at_a_terminal, has

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.commands.conftest import Site

REHEARSAL = "ap-northeast-1_Rehearsal"


@contextmanager
def rehearsal(cli: Cli, run_dir: Path, *options: object) -> Iterator[tuple[Running, list[str]]]:
    """The simulator that `simulate --like` starts, and the arguments of the run that it proposes."""
    child: Any = cli.start("simulate", "--like", run_dir, "--control", *options, text=True)
    try:
        line = child.stdout.readline()
        assert line, child.communicate()[1]
        ready = json.loads(line)
        running = Running(ready["endpoint"], ready["account"], ready["region"], tuple(ready["pools"]), child)
        yield running, shlex.split(ready["command"])[1:]
    finally:
        if child.poll() is None:
            child.terminate()
            child.communicate(timeout=10)


def foreseen(run_dir: Path) -> Counter[Ending]:
    """How many rows a plan ends each way, planned ones as it foresees."""
    connection = sqlite3.connect(run_dir / "journal.sqlite")
    try:
        found = connection.execute("SELECT outcome, COALESCE(ends, reason) FROM rows").fetchall()
    finally:
        connection.close()
    return Counter(found)


def as_done(found: Counter[Ending]) -> Counter[Ending]:
    """The same, with nothing left to do."""
    done = Counter[Ending]()
    for (_, reason), number in found.items():
        done[Reason(reason).outcome.value, reason] += number
    return done


def as_plan(command: Sequence[str], run_dir: Path) -> list[str]:
    """The same command, planning only."""
    return ["plan", *command[1:-1], "--run-dir", str(run_dir), "--quiet"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The operator's directory and credentials, for commands that run in this process."""
    monkeypatch.chdir(tmp_path)
    for name, value in Cli(tmp_path).env().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    return tmp_path


@pytest.mark.parametrize("name", ["by-column", "at-sign-in", "phone-alias"])
def test_a_plan_of_1500_rows_of_every_kind_comes_out_the_same(here: Path, name: str) -> None:
    setting, random = SETTINGS[name], Random(name)
    document = pool_document(make_users(random, setting), config=config_of(setting))
    with hosted(document) as running:
        roster = make_roster(random, running.control("state")[POOL_ID], setting)
        (here / "roster.csv").write_bytes(roster.content)
        options = ["--verification", setting.policy, "--phone-conflict", setting.conflict]
        options += ["--phone-country", "JP", "--max-failures", "100%", "--max-sms", str(ROWS)]
        options += ["--user-pool-id", POOL_ID, "--endpoint-url", running.endpoint, "--quiet"]
        assert main(["plan", "roster.csv", *options, "--run-dir", "plan"]) == 0

    with rehearsal(Cli(here), here / "plan") as (_, command):
        assert main(as_plan(command, here / "again")) == 0

    assert foreseen(here / "again") == foreseen(here / "plan")
    assert foreseen(here / "plan").total() == ROWS


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Cli, Path]:
    """The plan of the sample that has every reason, and the tool without an endpoint of its own."""
    folder = tmp_path_factory.mktemp("planned")
    options = ("--verification", "attested", "--phone-country", "JP", "--max-failures", "100%")
    with hosted(json.loads((SAMPLES / "pool.json").read_text(encoding="utf-8"))) as running:
        cli = Cli(folder, running.endpoint, "ap-northeast-1_DemoPool1")
        assert_code(cli.plan(SAMPLES / "every-reason.csv", folder / "plan", *options), 0)
    return Cli(folder), folder / "plan"


def test_the_proposed_run_ends_as_planned_at_sixty_times_the_quotas(planned: tuple[Cli, Path]) -> None:
    cli, plan = planned
    faults = cli.cwd / "faults.json"
    throttle = {"kind": "throttle", "ops": ["AdminUpdateUserAttributes"], "times": 1}
    faults.write_text(json.dumps({"rules": [throttle]}), encoding="utf-8")
    with rehearsal(cli, plan, "--speed", "60", "--faults", faults) as (running, command):
        done = cli(*command, "--run-dir", "again", "--quiet")
        running.process.send_signal(signal.SIGINT)
        _, told = running.process.communicate(timeout=30)

    assert_code(done, 7)
    again = cli.cwd / "again"
    assert ends(again) == as_done(foreseen(plan))
    # The samples' pool allows 250 such writes a second, and the plan was made with the whole of the quotas.
    with closing(sqlite3.connect(again / "journal.sqlite")) as journal:
        ((context,),) = journal.execute("SELECT context FROM passes WHERE command = 'run'").fetchall()
    assert json.loads(context)["rates"]["UserUpdate"]["ceiling"] == 250 * 60
    assert running.process.returncode == 0
    sent = summary(again)["calls"]["UserUpdate"]["sent"]
    assert sent > 5
    assert f"UserUpdate          {sent:>12}  1 throttled" in told


def test_nobody_of_the_plan_is_in_the_rehearsal(planned: tuple[Cli, Path]) -> None:
    cli, plan = planned
    document = json.loads((SAMPLES / "pool.json").read_text(encoding="utf-8"))
    real = {text for user in document["pools"][0]["users"] for text in _personal(user)}
    connection = sqlite3.connect(plan / "journal.sqlite")
    real |= {
        text for row in connection.execute("SELECT sub, username, email, phone FROM rows") for text in row
    }
    connection.close()

    with rehearsal(cli, plan) as (running, _):
        state = json.dumps(running.control("state"))
    written = "".join(path.read_text(encoding="utf-8") for path in (plan / "rehearsal").iterdir())
    cells = set(re.split(r'[",\r\n]+', written))

    assert len(real) > 60
    assert not [text for text in real if text and (f'"{text}"' in state or text in cells)]
    assert {
        path.name: path.stat().st_mode & 0o777 for path in (plan / "rehearsal").iterdir()
    } == dict.fromkeys(("pool.json", "roster.csv", "users.jsonl"), 0o600)


def _personal(user: Mapping[str, Any]) -> list[str]:
    attributes = user["Attributes"]
    return [user["Username"], user.get("sub"), attributes.get("email"), attributes.get("phone_number")]


def test_what_a_run_has_read_of_its_users_is_in_its_rehearsal(raise_site: Callable[..., Site]) -> None:
    """Other factors are known from the journal's before-images, which the plan could not see."""
    totp: dict[str, Any] = {
        "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"],
        "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
    }
    passkey: dict[str, Any] = {"ConfiguredUserAuthFactors": ["PASSWORD", "WEB_AUTHN"]}
    site = raise_site(
        [
            a_member("ann", **totp),
            a_member("bob", **passkey),
            a_member("cid", phone=phone_of(2), verified=True, MFAOptions=LEGACY_SMS),
            a_member("dan"),
            a_member("eva", phone="+81312345678", verified=True),
            a_member("fay", phone="+8109012345678", verified=True),
        ],
        config={"Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}}},
    )
    rows = [
        (f"{name}@example.com", phone_of(number)) for number, name in enumerate(("ann", "bob", "cid", "dan"))
    ]
    rows += [("eva@example.com", ""), ("fay@example.com", "")]
    roster = write_roster(site.folder / "roster.csv", rows)
    assert_code(site.cli.run(roster, site.folder / "run", "--verification", "attested"), 7)

    with rehearsal(site.cli, site.folder / "run") as (_, command):
        assert_code(site.cli(*command, "--run-dir", "again", "--quiet"), 7)

    assert ends(site.folder / "again") == ends(site.folder / "run")
    assert {reason for _, reason in ends(site.folder / "run")} == {
        "has_totp",
        "has_passkey",
        "already_enrolled",
        "enrolled",
        "not_sms_capable",
        "invalid_phone",
    }


@pytest.mark.parametrize("attribute", ["email", "phone_number"])
def test_pools_whose_usernames_are_contacts_come_out_the_same(here: Path, attribute: str) -> None:
    users = [
        a_member("ann", phone=phone_of(1), verified=True),
        a_member("bob", phone=phone_of(2)),
        a_member("cid", Enabled=False),
        a_member("Google_dan", UserStatus="EXTERNAL_PROVIDER"),
    ]
    config = {"AliasAttributes": None, "UsernameAttributes": [attribute], "EstimatedNumberOfUsers": 300}
    write_roster(
        here / "roster.csv",
        [
            ("ann@example.com", phone_of(1)),
            ("bob@example.com", phone_of(3)),
            ("cid@example.com", phone_of(1)),
            ("Google_dan@example.com", phone_of(4)),
            ("eve@example.com", phone_of(5)),
        ],
    )
    with hosted(pool_document(users, config=config)) as running:
        options = [
            "--verification",
            "attested",
            "--user-pool-id",
            POOL_ID,
            "--endpoint-url",
            running.endpoint,
        ]
        assert main(["plan", "roster.csv", *options, "--run-dir", "plan", "--quiet"]) == 0

    with rehearsal(Cli(here), here / "plan") as (running, command):
        assert running.pools[0]["users"] == 300
        assert main(as_plan(command, here / "again")) == 0

    assert foreseen(here / "again") == foreseen(here / "plan")
    taken = attribute == "phone_number"
    assert ("failed", "phone_taken" if taken else "user_not_found") in foreseen(here / "plan")


def test_each_rehearsal_is_a_new_run(planned: tuple[Cli, Path]) -> None:
    cli, plan = planned
    made = []
    for _ in range(2):
        with rehearsal(cli, plan) as (running, command):
            assert running.pools[0]["id"] == REHEARSAL
            made.append(Path(command[1]).read_bytes())

    assert made[0] != made[1]
    assert made[0].count(b"\n") == made[1].count(b"\n")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--like", "nowhere"], 6, "not a run directory"),
        (["--like", "plan", "--pool-file", "pool.json"], 2, "give one of the two"),
        (["--like", "other"], 3, "no plan of a run"),
    ],
)
def test_what_cannot_be_rehearsed_is_said(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    with Journal.create_or_open(here / "other") as journal:
        journal.set_meta({"phase": "planned", "kind": "disable"})

    assert main(["simulate", *arguments]) == code
    assert said in capsys.readouterr().err


def test_a_person_at_a_terminal_gets_words_and_no_json(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    assert_code(site.cli.plan("roster.csv", "run", "--verification", "attested"), 0)
    (site.folder / "pool.json").write_text(json.dumps(pool_document([a_member("ann")])), encoding="utf-8")

    for words in (("--like", "run"), ("--pool-file", "pool.json")):
        with at_a_terminal(100, 40, site, "simulate", *words) as screen:
            shown = screen.watch(has("In a second terminal"))

        assert not any('"endpoint"' in row for row in shown), shown
