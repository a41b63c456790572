"""The READMEs say what the program does: their commands are run, and their tables compared with the code."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import pytest
from typer.main import get_command

from migrate_mfa.checks.findings import Code, Level
from migrate_mfa.checks.iam_policy import permissions_of
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.model import PhoneConflict, VerificationPolicy
from migrate_mfa.domain.quotas import CATEGORY_OF, PACED, QUOTAS
from migrate_mfa.domain.reasons import LIFTABLE, Outcome, Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.main import app, main
from migrate_mfa.reports.from_journal import status
from migrate_mfa.roster.aliases import ALIASES, meaning_of, names_of
from migrate_mfa.simulator import Running, background
from tests.support.terminal import Terminal as Keyboard
from tests.support.terminal import typing

ROOT = Path(__file__).resolve().parents[2]
ENGLISH = (ROOT / "README.md").read_text(encoding="utf-8")
JAPANESE = (ROOT / "README.ja.md").read_text(encoding="utf-8")
BOTH = pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["en", "ja"])

SAMPLES = ["samples/README.md", "samples/simulator/README.md", "samples/simulator/README.ja.md"]
CANARY = "One user first: canary"
CHECK = "Is the pool ready?: check"
TOUR, REAL, REHEARSAL = "Against the simulator", "Against a real pool", "Rehearsal"
SETUP = "Make a pool ready: setup-pool"
AFTER = "After the run: reconcile, rollback, disable"
CLIENT = "1h57kf5cpq17m0eml12EXAMPLE"
POOL_ID, PROFILE, PORT = "ap-northeast-1_AbCdEfGhI", "my-admin-profile", "8451"
PROMPT = "Type the pool's name to go on:"
WITHOUT_VARIABLE = {"--yes", "--despite", "--phone-conflict", "--dry-run", "--deep", "--fail-under", "--json"}
WITHOUT_VARIABLE |= {"--lang", "--format"}
WITHOUT_VARIABLE |= {
    "--print-only",
    "--verb",
    "--phone",
    "--attested",
    "--undo",
    "--no-undo",
    "--account",
    "--optional",
    "--no-optional",
    "--repair",
    "--user",
    "--outcome",
    "--despite-pending",
    "--job",
    "--show-config",
    "--users",
}


@dataclass
class Command:
    """A line after `$ `, with the lines that it continues on, and what is shown below it."""

    line: str
    shown: list[str] = field(default_factory=list)


def blocks(text: str) -> list[tuple[str, str]]:
    """Language and body of every fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(text: str) -> list[tuple[int, str]]:
    found = re.findall(r"^(#+) (.+)$", without_blocks(text), re.MULTILINE)
    return [(len(marks), title) for marks, title in found]


def section(text: str, title: str) -> str:
    """From a heading to the next of any level."""
    return re.split(r"^#+ ", text.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def commands(text: str) -> list[Command]:
    """The commands of all console blocks."""
    found: list[Command] = []
    for language, body in blocks(text):
        if language == "console":
            for line in body.replace("\\\n", "\\\0").splitlines():
                if line.startswith("$ "):
                    found.append(Command(line[2:].replace("\\\0", "\\\n")))
                else:
                    found[-1].shown.append(line)
    return found


def tables(text: str) -> list[list[list[str]]]:
    """The body rows of every table, as cells."""
    found = re.findall(r"(?:^\|.*\n)+", without_blocks(text), re.MULTILINE)
    return [[_cells(line) for line in table.splitlines()[2:]] for table in found]


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def table(text: str, title: str) -> list[list[str]]:
    """The first table of a section."""
    return tables(section(text, title))[0]


def pair_of(title: str) -> str:
    """The Japanese heading at the place of an English one."""
    at = [name for _, name in headings(ENGLISH)].index(title)
    return headings(JAPANESE)[at][1]


def _titled(text: str, title: str) -> str:
    """The heading in the language of the text."""
    return title if text is ENGLISH else pair_of(title)


def codes(text: str) -> list[str]:
    """Everything in backquotes."""
    return re.findall(r"`([^`\n]+)`", without_blocks(text))


# --- the commands, run -----------------------------------------------------------------------------------


class Terminal:
    """Runs the commands of a document one after the other in one directory, as a reader would."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._simulators: list[subprocess.Popen[str]] = []
        self._replace: dict[str, str] = {}

    def run(self, found: Sequence[Command]) -> None:
        for command, after in zip(found, [*found[1:], Command("")], strict=True):
            expected = int(after.shown[0]) if after.line == "echo $?" else 0
            verb, *words = command.line.split()
            if verb == "export":
                self._environment |= dict(self._here(word).split("=", 1) for word in words)
            elif verb == "unset":
                for word in words:
                    self._environment.pop(word, None)
            elif command.line.startswith("migrate-mfa simulate"):
                self._simulate(command.line)
            elif command.line != "echo $?":
                self._one(command, expected)

    def close(self) -> None:
        for process in self._simulators:
            process.terminate()
            process.communicate(timeout=10)
            assert process.returncode == 0

    def _here(self, line: str) -> str:
        for old, new in self._replace.items():
            line = line.replace(old, new)
        return line

    def _simulate(self, line: str) -> None:
        assert f"--port {PORT}" in line
        process = subprocess.Popen(
            ["sh", "-c", f"exec {line.replace(f'--port {PORT}', '--port 0')}"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._simulators.append(process)
        assert process.stdout is not None
        self._replace[f"http://127.0.0.1:{PORT}"] = json.loads(process.stdout.readline())["endpoint"]

    def _one(self, command: Command, expected: int) -> None:
        answers = [line.removeprefix(PROMPT).strip() for line in command.shown if line.startswith(PROMPT)]
        with _typing(answers) as stdin:
            done = subprocess.run(
                ["sh", "-c", self._here(command.line)],
                cwd=self.folder,
                env=self._environment,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == expected, f"{command.line}\n{done.stdout}"
        assert (PROMPT in done.stdout) == bool(answers)
        lines = iter(done.stdout.splitlines())
        for shown in command.shown:
            if shown != "..." and not shown.startswith(PROMPT):
                assert shown in lines, f"{command.line}\ndoes not print, or not in this order: {shown}"


@contextmanager
def _typing(answers: Sequence[str]) -> Iterator[int]:
    """A terminal on which the answers are typed, or nothing to read from."""
    if not answers:
        yield subprocess.DEVNULL
        return
    (answer,) = answers
    with typing(f"{answer}\n") as stdin:
        yield stdin


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of one's own: the program on the PATH, one profile, nothing of this machine's AWS settings."""
    program = tmp_path / "bin" / "migrate-mfa"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m migrate_mfa "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[{PROFILE}]\naws_access_key_id = dummy\naws_secret_access_key = dummy\n")
    return {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }


@pytest.fixture
def terminal(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """In a directory that has what a checkout has, as far as commands read it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "samples").symlink_to(ROOT / "samples")
    opened = Terminal(folder, environment)
    yield opened
    opened.close()


def test_the_tour_goes_as_shown(terminal: Terminal) -> None:
    found = commands(section(ENGLISH, TOUR))

    assert len(found) > 15
    terminal.run(found)


def test_the_commands_for_a_real_pool_go_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    found = commands(section(ENGLISH, REAL))
    users = [f"user{number:02d}@example.com,+8190123400{number:02d}\n" for number in range(25)]
    folder = tmp_path / "somewhere"
    folder.mkdir()
    (folder / "users.csv").write_text("email,phone_number\n" + "".join(users), encoding="utf-8")

    with background(_pool_of([line.split(",")[0] for line in users])) as running:
        assert len(found) > 6
        Terminal(folder, environment | {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint}).run(found)


def test_setup_pool_goes_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    document = _pool_of([])
    plain = {"MfaConfiguration": "OFF", "AliasAttributes": ["email"]}
    document = {"roles": "strict", "pools": [document["pools"][0] | {"config": plain}]}

    with background(document) as running:
        settings = {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        Terminal(tmp_path, environment | settings).run(commands(section(ENGLISH, SETUP)))


def test_the_rehearsal_goes_as_shown(terminal: Terminal, environment: dict[str, str]) -> None:
    found = commands(section(ENGLISH, REHEARSAL))
    roster = terminal.folder / "users.csv"
    roster.write_text("email,phone_number\nuser00@example.com,+819012340000\n", encoding="utf-8")
    plan = f"migrate-mfa plan users.csv --verification attested --user-pool-id {POOL_ID}"

    with background(_pool_of(["user00@example.com"])) as running:
        terminal.run([Command(f"export AWS_PROFILE={PROFILE}")])
        terminal.run([Command(f"{plan} --endpoint-url {running.endpoint}")])
    assert len(found) == 2
    terminal.run(found)


def _pool_of(emails: Sequence[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "samples/pool.json").read_text(encoding="utf-8"))
    pool = document["pools"][0]
    users = [
        {"Username": email.split("@")[0], "Attributes": {"email": email, "email_verified": "true"}}
        for email in emails
    ]
    return document | {"pools": [pool | {"id": POOL_ID, "users": users}]}


def test_the_canary_goes_as_shown(tmp_path: Path, environment: dict[str, str]) -> None:
    (command,) = commands(section(ENGLISH, CANARY))
    document = _pool_of(["aiko@example.com"])
    (pool,) = document["pools"]
    pool["users"][0]["password"] = "not shown"
    flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    pool["clients"] = [{"ClientName": "app", "ClientId": CLIENT, "ExplicitAuthFlows": flows}]
    arguments = shlex.split(command.line.replace("\\\n", " "))[1:]
    with background(document, control=True) as running:
        settings = environment | {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        with closing(Keyboard(*arguments, cwd=tmp_path, env=settings)) as keyboard:
            for line in command.shown:
                if asked := re.match(r"Type .*:|Password .*:|Code .*:|Give .*\]", line):
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


def test_all_other_commands_are_make_targets_the_installation_and_help(
    capsys: pytest.CaptureFixture[str],
) -> None:
    walked = [
        command.line
        for title in (TOUR, REAL, SETUP, CANARY, REHEARSAL)
        for command in commands(section(ENGLISH, title))
    ]
    others = [command.line for command in commands(ENGLISH) if command.line not in walked]
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    assert others
    for line in others:
        match line.split():
            case ["make", target]:
                assert target in targets
            case ["pip", "install", "."]:
                assert (ROOT / "pyproject.toml").is_file()
            case ["migrate-mfa", "--help"]:
                assert main(["--help"]) == 0
            case ["migrate-mfa", "iam-policy", *_]:
                assert line in section(ENGLISH, "Permissions")  # compared with the document below it
            case _:
                pytest.fail(f"nothing checks this command: {line}")


def test_the_first_screen_has_the_two_commands() -> None:
    first_screen = "\n".join(ENGLISH.splitlines()[:24])

    assert [command.line for command in commands(first_screen)] == ["make demo", "make test"]


# --- options and commands --------------------------------------------------------------------------------


def _programs_commands() -> Mapping[str, Any]:
    group: Any = get_command(app)
    found: Mapping[str, Any] = group.commands
    return found


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> dict[str, bool]:
    """The options in `--help`, each with whether a variable of ours gives it a value."""
    if command == "simulate":
        assert main(["simulate", "--help"]) == 0
        return dict.fromkeys(re.findall(r"--[a-z0-9-]+", capsys.readouterr().out), False)
    named = {
        option: any(str(name).startswith("MIGRATE_MFA_") for name in _several(parameter.envvar))
        for parameter in _programs_commands()[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and not parameter.hidden
    }
    return named | {"--help": False}


def _several(value: str | Sequence[str] | None) -> Sequence[str]:
    return [] if value is None else [value] if isinstance(value, str) else value


def documented_options() -> dict[str, set[str]]:
    """Command → options, from the table of options."""
    everyone = _programs_commands().keys()
    found: dict[str, set[str]] = {command: {"--help"} for command in everyone}
    for cells in table(ENGLISH, "Options"):
        named = cells[1].split(", ")
        if cells[1].startswith("all but "):
            named = sorted(everyone - set(cells[1].removeprefix("all but ").split(", ")))
        for option in re.findall(r"`(--[a-z0-9-]+)`", cells[0]):
            for command in named:
                found[command].add(option)
    return found


def test_the_table_of_options_is_that_of_help(capsys: pytest.CaptureFixture[str]) -> None:
    for command, documented in documented_options().items():
        real = options_of(command, capsys).keys()
        assert documented <= real, f"{command} has no {documented - real}"
        assert real <= documented, f"{command}: {real - documented} is missing"


def test_every_option_that_is_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    there = {"--version", "--install-completion", "--show-completion"}
    for command in _programs_commands():
        there |= options_of(command, capsys).keys()
    text = re.sub(r"^\|[-|]+\|$", "", ENGLISH, flags=re.MULTILINE)

    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text)) <= there


def test_variables_are_as_documented(capsys: pytest.CaptureFixture[str]) -> None:
    for command in _programs_commands().keys() - {"simulate"}:
        for option, has_variable in options_of(command, capsys).items():
            if option != "--help":
                assert has_variable == (option not in WITHOUT_VARIABLE), f"{command} {option}"
    named = section(ENGLISH, "Options").split("These never come")[1].split("|")[0]
    assert set(re.findall(r"`(--[a-z-]+)`", named)) == WITHOUT_VARIABLE


@BOTH
def test_every_command_of_help_is_named(text: str) -> None:
    for command in _programs_commands():
        assert re.search(rf"`{command}[` ]", text), command


@BOTH
def test_the_two_tables_of_commands_name_all_of_them_and_no_others(text: str) -> None:
    rows = table(text, _titled(text, "Commands")) + table(text, _titled(text, AFTER))

    assert sorted(row[0].strip("`").split()[0] for row in rows) == sorted(_programs_commands())


# --- tables that the code has too ------------------------------------------------------------------------


def test_the_reasons_are_those_of_the_code() -> None:
    rows = tables(section(ENGLISH, "Outcomes and reasons"))[1]

    assert rows == [[each.outcome.value, f"`{each.value}`", each.sentence] for each in Reason]


def test_the_japanese_reasons_have_the_same_codes() -> None:
    rows = tables(section(JAPANESE, pair_of("Outcomes and reasons")))[1]

    assert [row[:2] for row in rows] == [[each.outcome.value, f"`{each.value}`"] for each in Reason]
    assert all(row[2] for row in rows)


@BOTH
def test_the_outcomes_are_those_of_the_code(text: str) -> None:
    title = _titled(text, "Outcomes and reasons")

    assert [row[0] for row in table(text, title)] == [f"`{each.value}`" for each in Outcome]


@BOTH
def test_the_exit_codes_are_those_of_the_code(text: str) -> None:
    title = _titled(text, "Exit codes")
    rows = table(text, title)

    assert [int(row[0]) for row in rows] == sorted(ExitCode)
    assert {int(row[0]) for row in table(text, _titled(text, "Troubleshooting"))} <= set(ExitCode)


@BOTH
def test_the_quotas_are_those_of_the_code(text: str) -> None:
    rows = {row[0]: (row[1], row[2]) for row in table(text, _titled(text, "How fast"))}

    assert rows.keys() == {each.value for each in PACED}
    for category in PACED:
        calls, rate = rows[category.value]
        assert float(rate) == QUOTAS[category].default_rps
        assert set(calls.split(", ")) == {op for op, counts in CATEGORY_OF.items() if counts is category}


@BOTH
def test_the_policies_columns_and_choices_are_those_of_the_code(text: str) -> None:
    policies = {row[0].strip("`") for row in table(text, _titled(text, "Verification policies"))}
    options = {row[0]: row[-1] for row in table(text, _titled(text, "Options"))}

    assert policies == set(VerificationPolicy)
    assert {each.value for each in LIFTABLE} <= set(codes(options["`--despite`"]))
    assert set(PhoneConflict) <= set(codes(options["`--phone-conflict`"]))


@BOTH
def test_the_names_of_columns_are_those_of_the_code(text: str) -> None:
    named = [names_of(names) for _, names in table(text, _titled(text, "Names of columns"))]
    usual = [codes(row[1]) for row in table(text, _titled(text, "The roster"))]

    assert named == [names_of(names) for names in ALIASES.values()]
    assert all(map(meaning_of, (name for row in usual for name in row if name not in {"true", "false"})))


@BOTH
def test_the_findings_of_check_are_those_of_the_code(text: str) -> None:
    levels, findings = tables(section(text, _titled(text, CHECK)))
    named = [re.sub(r"^(quota|usage)_.*", r"\1_CATEGORY", code) for code in Code]

    assert [row[0].strip("`") for row in levels] == list(Level)
    assert [row[0].strip("`") for row in findings] == list(dict.fromkeys(named))
    assert {level for row in findings for level in row[1].split(", ")} <= set(Level)


@BOTH
def test_the_decision_table_has_twelve_lines(text: str) -> None:
    rows = table(text, _titled(text, "Which wins"))

    assert [row[0].removesuffix(" *") for row in rows] == [str(number) for number in range(1, 13)]
    named = {code for row in rows for code in codes(row[-1])}
    assert named <= set(Reason)


@BOTH
def test_the_policy_document_is_what_the_program_prints(
    text: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    title = _titled(text, "Permissions")
    (command,) = commands(section(text, title))
    (document,) = (body for language, body in blocks(section(text, title)) if language == "json")
    program, *arguments = command.line.replace("\\\n", " ").split()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    assert program == "migrate-mfa"
    assert main(arguments) == 0
    assert capsys.readouterr().out == document


def test_one_policy_is_enough_for_the_commands_that_the_readme_names() -> None:
    enough = {each.action for each in permissions_of("run")}
    said = section(ENGLISH, "Permissions").split("It is enough for")[1].split("Each of these")[0]

    for command in set(codes(said)) - {"--deep"}:
        assert {each.action for each in permissions_of(command, deep=True)} <= enough, command


def test_the_summary_has_the_members_of_the_code(tmp_path: Path, environment: dict[str, str]) -> None:
    (shown,) = (json.loads(body) for language, body in blocks(section(ENGLISH, "summary.json")))
    with background(_pool_of(["a@example.com"])) as running:
        settings = {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        done = subprocess.run(
            [sys.executable, "-m", "migrate_mfa", "audit", "--user-pool-id", POOL_ID, "--json"],
            cwd=tmp_path,
            env=environment | settings,
            stdout=subprocess.PIPE,
            check=True,
        )
    summary = json.loads(done.stdout)

    of_audits = {"coverage", "total", "users", "estimated_users", "list_complete"}
    assert list(shown) == [name for name in summary if name not in of_audits]
    assert all(f'`"{name}' in section(ENGLISH, "summary.json") for name in of_audits)
    assert shown["counts"].keys() == summary["counts"].keys()
    assert shown["version"] == summary["version"]


def test_the_progress_of_a_run_at_work_has_the_members_of_the_code(tmp_path: Path) -> None:
    (shown,) = (json.loads(body) for language, body in blocks(section(ENGLISH, "A run at work: status")))
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "run", 1_700_000_000.0)
        told = status(tmp_path)

    assert list(shown["progress"]) == list(told["progress"])


# --- the two languages, links, widths --------------------------------------------------------------------


def test_both_languages_have_the_same_structure() -> None:
    assert [level for level, _ in headings(ENGLISH)] == [level for level, _ in headings(JAPANESE)]
    assert [language for language, _ in blocks(ENGLISH)] == [language for language, _ in blocks(JAPANESE)]
    assert [len(rows) for rows in tables(ENGLISH)] == [len(rows) for rows in tables(JAPANESE)]


def test_both_languages_have_the_same_commands_and_documents() -> None:
    pairs = zip(blocks(ENGLISH), blocks(JAPANESE), strict=True)

    assert all(ours == theirs for ours, theirs in pairs if ours[0] != "text")


def test_both_languages_name_the_same_codes() -> None:
    assert set(codes(ENGLISH)) == set(codes(JAPANESE))


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", ["README.md", "README.ja.md", *SAMPLES])
def test_links_lead_somewhere(name: str) -> None:
    file = ROOT / name
    text = file.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s]+)\)", without_blocks(text))

    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        target = file.parent / path if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in {slug(title) for _, title in headings(target.read_text(encoding="utf-8"))}, link


@BOTH
def test_blocks_fit_a_terminal(text: str) -> None:
    wide = [
        line
        for language, body in blocks(text)
        if language in {"console", "text"}
        for line in body.splitlines()
        if sum(1 + (east_asian_width(char) in "WF") for char in line) > 80
    ]

    assert wide == []


def test_every_sample_is_described() -> None:
    text = (ROOT / "samples/README.md").read_text(encoding="utf-8")

    for file in (ROOT / "samples").iterdir():
        if file.name != "README.md":
            stem = re.sub(r"\.expected\.csv$", ".csv", file.name)
            assert f"`{stem}`" in text, file.name
