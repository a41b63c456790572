"""Documents as tests read them: blocks, commands, headings, tables; and a terminal that runs commands."""

import json
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migrate_mfa.commands.guide import TOPICS
from tests.support.in_process import run_here
from tests.support.terminal import typing

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "migrate_mfa" / "guide"
TRANSLATED = sorted(path.stem for path in (GUIDE / "ja").glob("*.md"))
POOL_ID, PROFILE, PORT = "ap-northeast-1_AbCdEfGhI", "my-admin-profile", "8451"
_OF_A_SHELL = re.compile(r"[|&;<>$*`]")
PROMPT = "Type the pool's name to go on:"


def read(name: str) -> str:
    """A document by its path in the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def topic(name: str, language: str = "en") -> str:
    """A topic of the guide."""
    folder = GUIDE if language == "en" else GUIDE / language
    return (folder / f"{name}.md").read_text(encoding="utf-8")


ENGLISH, JAPANESE = read("README.md"), read("README.ja.md")
PAIRS = [(ENGLISH, JAPANESE), *((topic(name), topic(name, "ja")) for name in TRANSLATED)]
"""Each document that exists in both languages."""
ALL = {"README.md": ENGLISH, "README.ja.md": JAPANESE}
ALL |= {f"migrate_mfa/guide/{name}.md": topic(name) for name in TOPICS}
ALL |= {f"migrate_mfa/guide/ja/{name}.md": topic(name, "ja") for name in TRANSLATED}


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


def codes(text: str) -> list[str]:
    """Everything in backquotes."""
    return re.findall(r"`([^`\n]+)`", without_blocks(text))


def a_pool(emails: Sequence[str]) -> dict[str, Any]:
    """A pool file with the users of these addresses, in the pool of the documents."""
    document: dict[str, Any] = json.loads(read("samples/pool.json"))
    pool = document["pools"][0]
    users = [
        {"Username": email.split("@")[0], "Attributes": {"email": email, "email_verified": "true"}}
        for email in emails
    ]
    return document | {"pools": [pool | {"id": POOL_ID, "users": users}]}


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
            code, said = self._ended(self._here(command.line), stdin)
        assert code == expected, f"{command.line}\n{said}"
        assert (PROMPT in said) == bool(answers)
        lines = iter(said.splitlines())
        for shown in command.shown:
            if shown != "..." and not shown.startswith(PROMPT):
                assert shown in lines, f"{command.line}\ndoes not print, or not in this order: {shown}"

    def _ended(self, line: str, stdin: int | None) -> tuple[int, str]:
        """Exit code and all output: of the program itself in this process, of anything else from a shell."""
        program, *words = shlex.split(line.replace("\\\n", " "))
        if program == "migrate-mfa" and not _OF_A_SHELL.search(line):
            code, said, _ = run_here(
                words, folder=self.folder, environment=self._environment, stdin=stdin, together=True
            )
            return code, said
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL if stdin is None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout


@contextmanager
def _typing(answers: Sequence[str]) -> Iterator[int | None]:
    """A terminal on which the answers are typed, or nothing to read from."""
    if not answers:
        yield None
        return
    (answer,) = answers
    with typing(f"{answer}\n") as stdin:
        yield stdin
