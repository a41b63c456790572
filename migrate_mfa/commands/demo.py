"""The demonstration: the real commands over the rosters of samples/, against an embedded Cognito."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, InputUnusable, MigrateMfaError
from migrate_mfa.domain.formatting import counted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from migrate_mfa.simulator import Running

_PREFIX = "extra"
_ROSTERS = (("clean", "attested"), ("messy-excel-jp", "by-code"), ("every-reason", "attested"))


@dataclass(frozen=True, kw_only=True)
class Showing(Group):
    """How much is shown, and where it stays."""

    run_dir: Annotated[
        Path | None,
        Option(help="Where the run directories go (default: a new one in ./migrate-mfa-runs)."),
    ] = None
    users: Annotated[
        int, Option(help="Generated users beside those of the samples.", least=1, variable=False)
    ] = 200


def demo_of(main: Callable[[list[str]], int]) -> Callable[[Showing], ExitCode]:
    """The verb, which gives the program one command line after another."""

    def demo(showing: Showing) -> ExitCode:
        """The whole job on sample rosters against an embedded Cognito; nothing to configure."""
        _demonstrate(main, showing.users, showing.run_dir)
        return ExitCode.DONE

    return demo


def _demonstrate(main: Callable[[list[str]], int], users: int, run_dir: Path | None) -> None:
    """Run the whole job: audit, plan, three rosters written by hand, one of `users` generated users, audit.

    Raises:
        InputUnusable: the samples are not there.
        MigrateMfaError: a row did not end as it was expected to, by hand, beside the sample.
    """
    import tempfile

    from migrate_mfa.journal.run_dir import RUNS

    samples = _samples()
    Path(RUNS).mkdir(exist_ok=True, mode=0o700)
    directory = run_dir or Path(tempfile.mkdtemp(prefix="demo-", dir=RUNS))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private_environment(), _background(users, samples) as cognito:
        _tell(f"A Cognito of our own answers at {cognito.endpoint}; nothing leaves this machine.")
        show = _Show(main, cognito, samples, directory)
        show.audit("who lacks a verified phone, before")
        show.migrate("clean", "attested", plan_first=True)
        for name, policy in _ROSTERS[1:]:
            show.migrate(name, policy)
        show.many(users)
        show.audit("and after")
        checked = sum(show.check(name) for name, _ in _ROSTERS)
    _tell(f"All {checked} rows of the samples ended as written beside them (samples/*.expected.csv).")
    _tell(f"The run directories are in {directory}; the Cognito of this demo is gone.")


class _Show:
    """Prints each command, and runs it."""

    def __init__(
        self, main: Callable[[list[str]], int], cognito: "Running", samples: Path, directory: Path
    ) -> None:
        self._main = main
        self._samples = samples
        self._directory = directory
        pool_id = str(cognito.pools[0]["id"])
        self._pool = ["--user-pool-id", pool_id, "--endpoint-url", cognito.endpoint]

    def audit(self, what: str) -> None:
        _tell(f"— {what}")
        self._run(["audit", *self._pool, "--run-dir", str(self._directory / "audit"), "--quiet"])

    def migrate(self, name: str, policy: str, *, plan_first: bool = False) -> None:
        _tell(f"— the roster {name}.csv")
        self._apply(self._samples / f"{name}.csv", name, policy, plan_first=plan_first)

    def many(self, users: int) -> None:
        roster = self._directory / f"{_PREFIX}.csv"
        import csv

        with roster.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "phone_number"])
            writer.writerows(
                (f"{_PREFIX}{number:07d}@example.com", f"+81801{number:07d}") for number in range(users)
            )
        _tell(f"— {counted(users, 'more user')}")
        self._apply(roster, _PREFIX, "attested")

    def _apply(self, roster: Path, name: str, policy: str, *, plan_first: bool = False) -> None:
        arguments = [str(roster), *self._pool, "--run-dir", str(self._directory / name), "--quiet"]
        arguments += ["--verification", policy, "--phone-country", "JP", "--max-failures", "100%"]
        arguments += ["--quota-share", "1.0"]
        if plan_first:
            self._run(["plan", *arguments])
        self._run(["run", *arguments, "--yes"])

    def _run(self, arguments: list[str]) -> None:
        shown = " ".join(os.path.relpath(each) if each.startswith("/") else each for each in arguments)
        write(f"\n$ migrate-mfa {shown}")
        code = self._main(arguments)
        write(f"(exit code {code})")

    def check(self, name: str) -> int:
        """Compare a run with what was expected by hand. Returns the number of rows."""
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
    """A CSV of the samples, as dictionaries."""
    import csv

    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _samples() -> Path:
    """Where the samples are: in the checkout, or in this directory.

    Raises:
        InputUnusable: in neither.
    """
    for place in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (place / "samples" / "pool.json").is_file():
            return place / "samples"
    raise InputUnusable("The samples are not here.", "Run the demo in a checkout: make demo")


def _background(users: int, samples: Path) -> "AbstractContextManager[Running]":
    """A simulator with the pool of the samples, and so many generated users."""
    import json

    from migrate_mfa.simulator import background

    document: dict[str, Any] = json.loads((samples / "pool.json").read_text(encoding="utf-8"))
    document["pools"][0]["generate"] = {"count": users, "prefix": _PREFIX, "email_verified": 1.0}
    return background(document)


@contextmanager
def _private_environment() -> Iterator[None]:
    """Nothing of the operator's AWS settings may reach the demo, and the other way round."""
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
