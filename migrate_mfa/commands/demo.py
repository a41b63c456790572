"""demo: the real commands over the rosters of samples/, against a simulated Cognito."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from migrate_mfa.cli import option_values
from migrate_mfa.cli.options import PREFIX, Group, Option
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.domain.reasons import Outcome

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from migrate_mfa.simulator import Running

_SAMPLES = Path(__file__).resolve().parents[1] / "samples"
"""Part of the package; in a checkout, links to its samples/."""
_PREFIX = "extra"
_ROSTERS = (("clean", "attested"), ("messy-excel-jp", "by-code"), ("every-reason", "attested"))


@dataclass(frozen=True, kw_only=True)
class Showing(Group):
    """How many users, and where the run directories go."""

    run_dir: Annotated[
        Path | None,
        Option(
            help="Where the run directories go (default: a new folder in ./migrate-mfa-runs).",
            metavar="DIR",
            parser=option_values.folder,
        ),
    ] = None
    users: Annotated[
        int, Option(help="Number of generated users in addition to the samples.", least=1, variable=False)
    ] = 200


def demo_of(main: Callable[[list[str]], int]) -> Callable[[Showing], ExitCode]:
    """Make the command, which calls the program with one command line after another."""

    def demo(showing: Showing) -> ExitCode:
        """Do the whole job on sample users against a simulated Cognito. Needs no AWS account.

        Examples:
            migrate-mfa demo
            migrate-mfa demo --users 1000 --run-dir demo
        """
        _demonstrate(main, showing.users, showing.run_dir)
        return ExitCode.DONE

    return demo


def _demonstrate(main: Callable[[list[str]], int], users: int, run_dir: Path | None) -> None:
    """Run the whole job: audit, plan, three handwritten rosters, one of `users` generated users, audit.

    Raises:
        MigrateMfaError: a row did not end as the handwritten file beside the sample expects.
    """
    import tempfile

    from migrate_mfa.journal.run_dir import RUNS

    samples = _samples()
    Path(RUNS).mkdir(exist_ok=True, mode=0o700)
    directory = run_dir or Path(tempfile.mkdtemp(prefix="demo-", dir=RUNS))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private_environment(), _background(users, samples) as cognito:
        _tell(f"A simulated Cognito answers at {cognito.endpoint}.\nNothing leaves this machine.")
        show = _Show(main, cognito, samples, directory)
        show.audit()
        show.migrate("clean", "attested")
        _tell("Three more rosters, without what run prints:")
        for name, policy in _ROSTERS[1:]:
            show.briefly(samples / f"{name}.csv", policy)
        show.briefly(_extra(users, directory), "attested")
        show.audit()
        checked = sum(show.check(name) for name, _ in _ROSTERS)
    _summarize(directory, samples, checked)


def _extra(users: int, directory: Path) -> Path:
    """A roster of this many generated users."""
    import csv

    roster = directory / f"{_PREFIX}.csv"
    with roster.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["email", "phone_number"])
        writer.writerows(
            (f"{_PREFIX}{number:07d}@example.com", f"+81801{number:07d}") for number in range(users)
        )
    return roster


def _summarize(directory: Path, samples: Path, checked: int) -> None:
    """Print a table of the rosters, and what to try next."""
    names = [*(name for name, _ in _ROSTERS), _PREFIX]
    _tell("The rosters of this demo\n------------------------")
    write(f"{'roster':<20}{'rows':>6}" + "".join(f"{each.value:>10}" for each in _OUTCOMES))
    for name in names:
        outcomes = Counter(outcome for outcome, _ in _endings(directory / name).values())
        counts = "".join(f"{outcomes[each.value]:>10}" for each in _OUTCOMES)
        write(f"{f'{name}.csv':<20}{outcomes.total():>6}{counts}")
    write(f"All {checked} rows of the samples ended as samples/*.expected.csv says.")
    shown, program = os.path.relpath(directory / "every-reason"), _program()
    _tell("Try next:")
    write(f"  {program} report --run-dir {shown}")
    write(f"  {program} guide tour")
    write(f"  {program} simulate --pool-file {os.path.relpath(samples / 'pool.json')} --port 8451")
    write(f"In a browser, open the report:\n  {shown}/report/report.html")


_OUTCOMES = (Outcome.VERIFIED, Outcome.PENDING, Outcome.FAILED, Outcome.SKIPPED)


def _program() -> str:
    """The command that starts this program: its name if the shell finds it, else its path."""
    import shutil

    called = Path(sys.argv[0])
    if shutil.which("migrate-mfa") or called.name != "migrate-mfa":
        return "migrate-mfa"
    return os.path.relpath(called)


class _Show:
    """Prints each command and runs it."""

    def __init__(
        self, main: Callable[[list[str]], int], cognito: "Running", samples: Path, directory: Path
    ) -> None:
        self._main = main
        self._samples = samples
        self._directory = directory
        for name, value in (
            ("USER_POOL_ID", str(cognito.pools[0]["id"])),
            ("ENDPOINT_URL", cognito.endpoint),
            ("PHONE_COUNTRY", "JP"),
            ("MAX_FAILURES", "100%"),
            ("QUOTA_SHARE", "1"),
            ("QUIET", "true"),
        ):
            os.environ[f"{PREFIX}{name}"] = value
            write(f"$ export {PREFIX}{name}={value}")

    def audit(self) -> None:
        self._run(["audit", *self._in("audit")])

    def migrate(self, name: str, policy: str) -> None:
        """Plan, then run, with their whole output."""
        roster = self._samples / f"{name}.csv"
        arguments = [str(roster), "--verification", policy, *self._in(name)]
        self._run(["plan", *arguments])
        self._run(["run", *arguments, "--yes"])

    def briefly(self, roster: Path, policy: str) -> None:
        """Run without its output: the table at the end has the counts."""
        arguments = [str(roster), "--verification", policy, *self._in(roster.stem)]
        with redirect_stdout(StringIO()) as out, redirect_stderr(out):
            code = self._main(["run", *arguments, "--yes"])
        meaning = ": some rows failed" if code == ExitCode.SOME_FAILED else ""
        write(f"\n{_shown(['run', *arguments, '--yes'])}\n(exit code {code}{meaning})")
        if code not in {ExitCode.DONE, ExitCode.SOME_FAILED}:
            write(out.getvalue())

    def _in(self, name: str) -> list[str]:
        return ["--run-dir", str(self._directory / name)]

    def _run(self, arguments: list[str]) -> None:
        write(f"\n{_shown(arguments)}")
        code = self._main(arguments)
        write(f"(exit code {code})")

    def check(self, name: str) -> int:
        """Compare a run with the handwritten expectation. Returns the number of rows."""
        expected = {
            int(line["row"]): (line["outcome"], line["reason"])
            for line in _read_csv(self._samples / f"{name}.expected.csv")
        }
        found = _endings(self._directory / name)
        wrong = {row: (expected.get(row), found.get(row)) for row in expected.keys() | found.keys()}
        wrong = {row: both for row, both in wrong.items() if both[0] != both[1]}
        if wrong:
            raise MigrateMfaError(f"{name}.csv did not end as expected, by row (expected, found): {wrong}")
        return len(found)


def _shown(arguments: list[str]) -> str:
    """A command line with relative paths; a long one has one option on each line."""
    words = [os.path.relpath(each) if each.startswith("/") else each for each in arguments]
    line = f"$ migrate-mfa {' '.join(words)}"
    return line if len(line) <= _WIDTH else line.replace(" --", " \\\n    --")


_WIDTH = 80


def _endings(run_dir: Path) -> dict[int, tuple[str, str]]:
    """Outcome and reason of every row of a run."""
    import sqlite3

    from migrate_mfa.journal.database import NAME

    session = sqlite3.connect(run_dir / NAME)
    try:
        found = session.execute("SELECT row, outcome, COALESCE(reason, '') FROM rows").fetchall()
    finally:
        session.close()
    return {row: (outcome, reason) for row, outcome, reason in found}


def _read_csv(path: Path) -> list[dict[str, str]]:
    """A CSV file of the samples, as dictionaries."""
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _samples() -> Path:
    """The folder of the samples: in the package; in a checkout, the target of its links."""
    return (_SAMPLES / "pool.json").resolve().parent


def _background(users: int, samples: Path) -> "AbstractContextManager[Running]":
    """A simulator with the pool of the samples, and this many generated users."""
    import json

    from migrate_mfa.simulator import background

    document: dict[str, Any] = json.loads((samples / "pool.json").read_text(encoding="utf-8"))
    document["pools"][0]["generate"] = {"count": users, "prefix": _PREFIX, "email_verified": 1.0}
    return background(document)


@contextmanager
def _private_environment() -> Iterator[None]:
    """Keep the operator's AWS settings out of the demo, and the demo's out of the environment."""
    kept = dict(os.environ)
    for name in list(os.environ):
        if name.startswith(("AWS_", "MIGRATE_MFA_")):
            del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def _tell(text: str) -> None:
    write(f"\n{text}")
