"""What end-to-end tests share: the program as an operator has it, pools for the simulator, run results.

A command runs in this process, in a clean environment and with pipes for streams, against a Cognito behind
real HTTP. What is killed, signalled or measured is a process of its own: `Cli.start` and `Cli.child`.
"""

from __future__ import annotations

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.support import warm_process
from tests.support.in_process import run_here
from tests.support.journal_invariants import WATCH

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from migrate_mfa.simulator import Running
    from tests.support.clock import QuickClock

ROOT: Final = Path(__file__).resolve().parents[2]
SAMPLES: Final = ROOT / "samples"
POOL_ID: Final = "ap-northeast-1_Members01"
POOL_NAME: Final = "members"
ROLE: Final = {"SnsCallerArn": "arn:aws:iam::123456789012:role/cognito-sms", "ExternalId": "members"}
LEGACY_SMS: Final = [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}]
SENDS_CODES: Final = {"AutoVerifiedAttributes": ["email", "phone_number"]}
"""A pool's config in which storing an unverified number sends its user a code."""
FAST: Final = {"UserRead": 2000, "UserUpdate": 1000, "UserResourceUpdate": 1000, "UserList": 500}
"""Quotas that leave the speed to the machine; the tool learns them as it would AWS's."""
WRITES: Final = frozenset({"AdminUpdateUserAttributes", "AdminSetUserMFAPreference"})
OUTCOMES: Final = ("verified", "pending", "failed", "skipped", "unprocessed")
PATIENCE_S: Final = 90.0
_POLL_S: Final = 0.005

Ending = tuple[str, str]
"""Outcome and reason."""


def recovery(*names: str) -> dict[str, Any]:
    """AccountRecoverySetting with these mechanisms, in order."""
    mechanisms = [{"Priority": place, "Name": name} for place, name in enumerate(names, 1)]
    return {"RecoveryMechanisms": mechanisms}


def a_member(
    name: str, *, phone: str | None = None, verified: bool = False, **members: Any
) -> dict[str, Any]:
    """A confirmed user of a pool file with a verified e-mail address; `members` replace what is there."""
    attributes = {"email": f"{name}@example.com", "email_verified": "true"}
    if phone is not None:
        attributes |= {"phone_number": phone, "phone_number_verified": str(verified).lower()}
    return {"Username": name, "Attributes": attributes, **members}


def members_of(names: Iterable[str]) -> list[dict[str, Any]]:
    """A member without a number for each name."""
    return [a_member(name) for name in names]


def pool_document(
    users: Iterable[Mapping[str, Any]] = (),
    *,
    config: Mapping[str, Any] | None = None,
    quotas: Mapping[str, float] = FAST,
    generate: Mapping[str, Any] | None = None,
    pool_id: str = POOL_ID,
    **members: Any,
) -> dict[str, Any]:
    """A pool file with one pool: OPTIONAL MFA by SMS, e-mail as alias, any case; `config` changes that.

    A member of `config` that is None is left out.
    """
    settings: dict[str, Any] = {
        "MfaConfiguration": "OPTIONAL",
        "AliasAttributes": ["email"],
        "UsernameConfiguration": {"CaseSensitive": False},
        "AccountRecoverySetting": recovery("verified_email"),
        "SmsConfiguration": ROLE,
    } | dict(config or {})
    pool = {
        "id": pool_id,
        "name": POOL_NAME,
        "config": {name: value for name, value in settings.items() if value is not None},
        "users": list(users),
    }
    if generate is not None:
        pool["generate"] = dict(generate)
    return {"quotas": dict(quotas), "pools": [pool], **members}


def phone_of(number: int) -> str:
    """A mobile number of the Japanese numbering plan, another one for each `number`."""
    return f"+8190{10_000_000 + number}"


def write_roster(
    path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = ("email", "phone_number")
) -> Path:
    """Write a roster as a spreadsheet would."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path


def roster_of(folder: Path, names: Iterable[str], name: str = "roster.csv") -> Path:
    """A roster that names members by e-mail address, each with the number of its place, `phone_of`."""
    rows = [(f"{each}@example.com", phone_of(place)) for place, each in enumerate(names)]
    return write_roster(folder / name, rows)


@dataclass(frozen=True, slots=True)
class Done:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Everything that a person at the terminal saw."""
        return self.out + self.err

    def json(self) -> dict[str, Any]:
        """The document on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(slots=True)
class Cli:
    """The program as an operator has it: its directory, its environment, its pool."""

    cwd: Path
    endpoint: str | None = None
    pool_id: str = POOL_ID
    environment: dict[str, str] = field(default_factory=dict)
    clock: QuickClock | None = None
    watch: Callable[[], object] = field(default=lambda: None)
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __call__(self, *arguments: object, stdin: str | bytes | int | None = None) -> Done:
        """Run one command line to its end; `--endpoint-url` comes from the environment."""
        given = stdin.encode() if isinstance(stdin, str) else stdin
        ended = run_here(
            [str(each) for each in arguments],
            folder=self.cwd,
            environment=self.env(),
            stdin=given,
            clock=self.clock,
            watch=self.watch,
        )
        return Done(*ended)

    def child(self, *arguments: object, timeout: float = PATIENCE_S, cold: bool = False) -> Done:
        """Run one command line to its end in a process of its own; `cold` as for `start`."""
        child = self.start(*arguments, cold=cold)
        try:
            out, err = child.communicate(timeout=timeout)
        finally:
            child.kill()
            child.wait()
        if all(each.poll() is not None for each in self._started):
            WATCH.look_below(self.cwd)
        return Done(child.returncode, out.decode(), err.decode())

    def start(
        self, *arguments: object, stdin: int = subprocess.DEVNULL, cold: bool = False, **more: Any
    ) -> subprocess.Popen[bytes]:
        """Start one command line; the caller ends it. `cold`: the start of an interpreter belongs to it."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        child = (subprocess.Popen if cold else warm_process.start)(
            [sys.executable, "-m", "migrate_mfa", *map(str, arguments)],
            cwd=self.cwd,
            env=self.env(),
            stdin=stdin,
            **pipes,
        )
        self._started.append(child)
        return child

    def close(self) -> None:
        """End what was started and still runs: after a test that failed, it would fail another one."""
        for child in self._started:
            if child.poll() is None:
                child.kill()
                child.communicate()

    def env(self) -> dict[str, str]:
        """An environment without anything of this machine's AWS settings."""
        kept = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        scratch = self.cwd / "scratch"
        scratch.mkdir(exist_ok=True)
        endpoint = {"AWS_ENDPOINT_URL": self.endpoint} if self.endpoint else {}
        return {
            **kept,
            "PATH": os.environ["PATH"],
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **endpoint,
            **self.environment,
        }

    def plan(self, roster: object, run_dir: object, *options: object, **more: Any) -> Done:
        """`plan` of this pool."""
        return self("plan", roster, *self._usual(run_dir), *options, **more)

    def run(self, roster: object, run_dir: object, *options: object, **more: Any) -> Done:
        """`run` of this pool, with --yes."""
        return self("run", roster, *self._usual(run_dir), "--yes", *options, **more)

    def running(self, roster: object, run_dir: object, *options: object) -> subprocess.Popen[bytes]:
        """`run` of this pool with --yes, not waited for."""
        return self.start("run", roster, *self._usual(run_dir), "--yes", *options)

    def _usual(self, run_dir: object) -> tuple[object, ...]:
        return ("--user-pool-id", self.pool_id, "--run-dir", run_dir, "--quota-share", "1.0", "--quiet")


def assert_code(done: Done, code: int) -> None:
    """The exit code, and what was said where it is another one."""
    assert done.code == code, f"exit {done.code}, not {code}\n{done.said}"


def wait_until(holds: Callable[[], bool], what: str, patience_s: float = 30.0) -> None:
    """Look until something holds."""
    until = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < until, f"waited {patience_s:g} s in vain for: {what}"
        time.sleep(_POLL_S)  # noqa: TID251 - real processes need real time


def end(child: subprocess.Popen[bytes], number: signal.Signals) -> Done:
    """Send a signal and wait for the end."""
    child.send_signal(number)
    out, err = child.communicate(timeout=PATIENCE_S)
    return Done(child.returncode, out.decode(), err.decode())


def endings(run_dir: Path) -> dict[int, Ending]:
    """Outcome and reason of every row of a run, by its number, as the journal has them."""
    connection = sqlite3.connect(run_dir / "journal.sqlite")
    try:
        found = connection.execute("SELECT row, outcome, COALESCE(reason, '') FROM rows").fetchall()
    finally:
        connection.close()
    return {row: (outcome, reason) for row, outcome, reason in found}


def ends(run_dir: Path) -> Counter[Ending]:
    """How many rows ended each way."""
    return Counter(endings(run_dir).values())


def report(run_dir: Path, outcome: str) -> list[dict[str, str]]:
    """One outcome CSV, as a plain reader of CSV sees it."""
    with (run_dir / "report" / f"{outcome}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def summary(run_dir: Path) -> dict[str, Any]:
    """The last pass's summary.json."""
    found: dict[str, Any] = json.loads((run_dir / "report" / "summary.json").read_text(encoding="utf-8"))
    return found


def words(text: str) -> str:
    """What was said, however it was folded."""
    return " ".join(text.split())


def state(running: Running, pool_id: str = POOL_ID) -> dict[str, dict[str, Any]]:
    """The pool as it is: every user by Username."""
    users = running.control("state")[pool_id]
    return {user["Username"]: user for user in users.values()}


def mfa_of(running: Running, name: str) -> tuple[list[str], str | None]:
    """A user's factors, and the preferred one."""
    user = state(running)[name]
    return user["UserMFASettingList"], user["PreferredMfaSetting"]


def state_hash(running: Running) -> str:
    """A digest of all that the simulator holds, without dates."""
    return str(running.control("state-hash")["hash"])


def sms(running: Running) -> dict[str, int]:
    """Text messages by sub."""
    return {sub: sent["count"] for sub, sent in running.control("sms").items()}


def calls(running: Running) -> Counter[str]:
    """Calls by operation since the ledger was last reset."""
    return Counter(call["op"] for call in running.control("ledger")["calls"])


def untouched(running: Running) -> bool:
    """Nothing was written, nobody was read one by one."""
    return not {*WRITES, "AdminGetUser"} & calls(running).keys()


def writes(running: Running) -> int:
    """Writing calls since the ledger was last reset, as far as the counters tell."""
    by_category = running.control("stats")["by_category"]
    return sum(
        number
        for category in ("UserUpdate", "UserResourceUpdate")
        for number in by_category.get(category, {}).values()
    )
