"""The demonstration: the real commands over the rosters of samples/, against an embedded Cognito."""

import csv
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from migrate_mfa.adapters.journal import NAME as JOURNAL
from migrate_mfa.adapters.run_directory import RUNS
from migrate_mfa.cli.output import write
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError
from migrate_mfa.domain.words import counted

_PLACES = (Path(__file__).resolve().parents[2] / "samples", Path("samples").resolve())
SAMPLES = next((place for place in _PLACES if (place / "pool.json").is_file()), _PLACES[0])
PREFIX = "extra"
_ROSTERS = (("clean", "attested"), ("messy-excel-jp", "by-code"), ("every-reason", "attested"))


class Target(StrEnum):
    """Which embedded Cognito to use."""

    SIMULATOR = "simulator"
    MOTO = "moto"


@dataclass(frozen=True, slots=True)
class Stage:
    """A running Cognito with the pool of the samples.

    `known` are its declared differences from the real one: (roster, row) → outcome and reason.
    """

    endpoint: str
    pool_id: str
    known: Mapping[tuple[str, int], tuple[str, str]]


def demonstrate(main: Callable[[list[str]], int], *, on: Target, users: int, run_dir: Path | None) -> None:
    """Run the whole job: audit, plan, three rosters written by hand, one of `users` generated users, audit.

    Raises:
        InputUnusable: the samples are not there.
        MigrateMfaError: a row did not end as it was expected to, by hand, beside the sample.
    """
    if not SAMPLES.is_dir():
        raise InputUnusable("The samples are not here.", "Run the demo in a checkout: make demo")
    Path(RUNS).mkdir(exist_ok=True, mode=0o700)
    directory = run_dir or Path(tempfile.mkdtemp(prefix="demo-", dir=RUNS))
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private_environment(), _stage(on, users) as stage:
        _tell(f"A Cognito of our own ({on}) answers at {stage.endpoint}; nothing leaves this machine.")
        show = _Show(main, stage, directory)
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

    def __init__(self, main: Callable[[list[str]], int], stage: Stage, directory: Path) -> None:
        self._main = main
        self._stage = stage
        self._directory = directory
        self._pool = ["--user-pool-id", stage.pool_id, "--endpoint-url", stage.endpoint]

    def audit(self, what: str) -> None:
        _tell(f"— {what}")
        self._run(["audit", *self._pool, "--run-dir", str(self._directory / "audit"), "--quiet"])

    def migrate(self, name: str, policy: str, *, plan_first: bool = False) -> None:
        _tell(f"— the roster {name}.csv")
        self._apply(SAMPLES / f"{name}.csv", name, policy, plan_first=plan_first)

    def many(self, users: int) -> None:
        roster = self._directory / f"{PREFIX}.csv"
        with roster.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["email", "phone_number"])
            writer.writerows((extra_email(number), f"+81801{number:07d}") for number in range(users))
        _tell(f"— {counted(users, 'more user')}")
        self._apply(roster, PREFIX, "attested")

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
            int(line["row"]): self._stage.known.get(
                (name, int(line["row"])), (line["outcome"], line["reason"])
            )
            for line in read_csv(SAMPLES / f"{name}.expected.csv")
        }
        found = endings(self._directory / name)
        wrong = {row: (expected.get(row), found.get(row)) for row in expected.keys() | found.keys()}
        wrong = {row: both for row, both in wrong.items() if both[0] != both[1]}
        if wrong:
            raise MigrateMfaError(f"{name}.csv did not end as expected, by row (expected, found): {wrong}")
        return len(found)


def endings(run_dir: Path) -> dict[int, tuple[str, str]]:
    """Outcome and reason of every row of a run."""
    connection = sqlite3.connect(run_dir / JOURNAL)
    try:
        found = connection.execute("SELECT row, outcome, COALESCE(reason, '') FROM rows").fetchall()
    finally:
        connection.close()
    return {row: (outcome, reason) for row, outcome, reason in found}


def read_csv(path: Path) -> list[dict[str, str]]:
    """A CSV of the samples, as dictionaries."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def extra_email(number: int) -> str:
    """The address of a generated user."""
    return f"{PREFIX}{number:07d}@example.com"


@contextmanager
def _stage(on: Target, users: int) -> Iterator[Stage]:
    document: dict[str, Any] = json.loads((SAMPLES / "pool.json").read_text(encoding="utf-8"))
    if on is Target.MOTO:
        from migrate_mfa.cli.demo_moto import moto_stage

        with moto_stage(document, [extra_email(number) for number in range(users)]) as stage:
            yield stage
        return
    from migrate_mfa.simulator import background

    document["pools"][0]["generate"] = {"count": users, "prefix": PREFIX, "email_verified": 1.0}
    with background(document) as running:
        yield Stage(running.endpoint, str(running.pools[0]["id"]), {})


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
