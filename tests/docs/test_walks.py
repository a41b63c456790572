"""Every command of the README and of the guide is run, as a reader would run it, and shows what is shown."""

import re
import shlex
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from migrate_mfa.commands.guide import TOPICS
from migrate_mfa.main import main
from migrate_mfa.simulator import Running, background
from tests.docs.documents import (
    ENGLISH,
    POOL_ID,
    PROFILE,
    Command,
    Terminal,
    a_pool,
    codes,
    commands,
    read,
    section,
    topic,
)
from tests.docs.reference import commands as programs_commands
from tests.support.terminal import Terminal as Keyboard

RUNBOOK = "Runbook: a real pool, from check to rollback"
CLIENT = "1h57kf5cpq17m0eml12EXAMPLE"
WALKED = ("tour", "rehearsal", "setup-pool", "canary")
"""The topics whose commands are run here, each in a test of its own."""
DOCUMENTS = {"README.md": ENGLISH, **{name: topic(name) for name in TOPICS}}


def test_the_tour_goes_as_shown(terminal: Terminal) -> None:
    found = commands(topic("tour"))

    assert len(found) > 15
    terminal.run(found)


def test_the_runbook_goes_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    found = commands(section(ENGLISH, RUNBOOK))
    users = [f"user{number:02d}@example.com,+8190123400{number:02d}\n" for number in range(25)]
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "users.csv").write_text("email,phone_number\n" + "".join(users), encoding="utf-8")

    with background(a_pool([line.split(",")[0] for line in users])) as running:
        assert len(found) > 9
        Terminal(folder, environment | {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint}).run(found)


def test_setup_pool_goes_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    document = a_pool([])
    plain = {"MfaConfiguration": "OFF", "AliasAttributes": ["email"]}
    document = {"roles": "strict", "pools": [document["pools"][0] | {"config": plain}]}

    with background(document) as running:
        settings = {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        Terminal(tmp_path, environment | settings).run(commands(topic("setup-pool")))


def test_the_rehearsal_goes_as_shown(terminal: Terminal) -> None:
    found = commands(topic("rehearsal"))
    roster = terminal.folder / "users.csv"
    roster.write_text("email,phone_number\nuser00@example.com,+819012340000\n", encoding="utf-8")
    plan = f"migrate-mfa plan users.csv --verification attested --user-pool-id {POOL_ID}"

    with background(a_pool(["user00@example.com"])) as running:
        terminal.run([Command(f"export AWS_PROFILE={PROFILE}")])
        terminal.run([Command(f"{plan} --endpoint-url {running.endpoint}")])
    assert len(found) == 2
    terminal.run(found)


def test_the_canary_goes_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    (command,) = commands(topic("canary"))
    document = a_pool(["aiko@example.com"])
    (pool,) = document["pools"]
    pool["users"][0]["password"] = "not shown"
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    pool["clients"] = [{"ClientName": "app", "ClientId": CLIENT, "ExplicitAuthFlows": flows}]
    arguments = shlex.split(command.line.replace("\\\n", " "))[1:]
    with background(document, control=True) as running:
        settings = environment | {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        with closing(Keyboard(*arguments, cwd=tmp_path, env=settings)) as keyboard:
            for line in command.shown:
                if asked := re.match(r"Type .*:|Password .*:|Code .*:|Restore .*\]", line):
                    # With the space: an echo that comes before it would stand in its place.
                    keyboard.expect(f"{asked[0]} ")
                    keyboard.press(f"{_typed(line.removeprefix(asked[0]).strip(), running)}\n")
            assert keyboard.end() == 0

    said = _alike(re.sub(r",\s+endpoint \S+(?=\.)", "", keyboard.shown))
    for part in "\n".join(command.shown).split("..."):
        assert _alike(part) in said


def _typed(shown: str, running: Running) -> str:
    """What to type: codes are others each time, and a password shows nothing."""
    if re.fullmatch(r"\d{6}", shown) and shown != "000000":
        return str(running.control("outbox?user=aiko")["messages"][-1]["code"])
    return shown or "not shown"


def _alike(text: str) -> str:
    """A transcript without what differs each time: line breaks, seconds, codes, the sub."""
    text = re.sub(r"\d+\.\d\d s", "0.00 s", text)
    text = re.sub(r": \d{6}$", ": 000000", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"sub [0-9a-f-]{36}", "sub X", text).split())


def test_all_other_commands_are_make_targets_the_installation_and_what_other_tests_run() -> None:
    others = [command.line for command in commands(ENGLISH.replace(section(ENGLISH, RUNBOOK), ""))]
    others += [command.line for name in TOPICS if name not in WALKED for command in commands(topic(name))]
    targets = re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE)

    assert others
    for line in others:
        match line.split():
            case ["make", target]:
                assert target in targets
            case ["pip", "install", "."]:
                assert read("pyproject.toml")
            case ["migrate-mfa", "--help" | "guide" as word]:
                assert main([word]) == 0
            case ["migrate-mfa", "iam-policy", *_]:
                assert line in topic("permissions")  # test_facts compares it with the document below it
            case ["migrate-mfa", "run" | "status", *_] if "--run-dir s3://" in line:
                # tests/process/test_bucket.py runs all of that section
                assert line in [each.line for each in commands(section(topic("state"), "In a bucket"))]
            case _:
                pytest.fail(f"nothing checks this command: {line}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_in_the_text_have_the_options_that_they_are_given(name: str) -> None:
    for code in codes(DOCUMENTS[name]):
        program, *words = code.split()
        if program == "make" and words:
            assert re.search(rf"^{words[0]}:", read("Makefile"), re.MULTILINE), code
        if program == "migrate-mfa" and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
            assert _unknown(words[0], words[1:]) == [], code


def _unknown(verb: str, words: Sequence[str]) -> list[str]:
    command = programs_commands()[verb]
    known = {flag for each in command.params for flag in (*each.opts, *each.secondary_opts)}
    return [word for word in words if word.startswith("--") and word not in known]


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(ENGLISH.splitlines()[:24])

    assert [command.line for command in commands(first_screen)] == ["make demo", "make test"]
