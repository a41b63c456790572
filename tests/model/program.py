"""The whole program in this process, on a simulated Cognito, under a clock that nobody waits for.

Calls go through boto3 up to the moment of sending; then the simulator answers them. One user comes after the
other, so the same commands give the same calls. A stop, or the death of the process, comes at a chosen write.
"""

from __future__ import annotations

import shutil
from collections import Counter
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, Any, Final

import pytest
import typer
import typer.main
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from migrate_mfa import invocation
from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.engine import apply_row
from migrate_mfa.journal.connection import connect
from migrate_mfa.main import main
from migrate_mfa.simulator.account.clock import Clock
from migrate_mfa.simulator.files.edits import apply_edit
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.control import pool_state
from migrate_mfa.simulator.server.service import Service
from migrate_mfa.stop import Stop, StopCause
from tests.commands.support import POOL_ID, WRITES
from tests.support.clock import FakeClock
from tests.support.policies import act_as

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from migrate_mfa.simulator.server.call import Reply

ENDPOINT: Final = "http://127.0.0.1:9"
"""Nobody listens there: a call that did not stay in this process would fail."""
KILLED: Final = -9
_CLOCKS: Final = ("session", "workflows.check", "reports.from_journal", "journal.lock")


_GET_COMMAND: Final = typer.main.get_command


class _Died(BaseException):
    """The process is dead: whatever it would still do does not happen."""


@dataclass(frozen=True, slots=True)
class Halt:
    """What befalls the process at its `at`-th write, or call: before that is carried out, or right after."""

    how: str
    """`sigint`, `sigterm` or `kill`."""
    at: int
    after: bool
    of_all: bool = False
    """Whether reads count too."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, what it said, its writes, and the codes that it had sent."""

    code: int
    said: str
    writes: int
    codes: Counter[str]


@dataclass
class Program:
    """The command line, one command after the other; `service` holds the pool."""

    service: Service
    clock: FakeClock
    folder: Path
    halt: Halt | None = None
    stop: Stop | None = None
    writes: int = 0
    calls: int = 0
    _run_dir: Path | None = None
    _died: bool = False
    commands: int = field(default=0)

    def __call__(self, run_dir: Path, command: str, *options: object, halt: Halt | None = None) -> Ended:
        """Run one command line to its end."""
        self.halt, self.stop, self.writes, self.calls = halt, None, 0, 0
        self._run_dir, self._died = run_dir, False
        self.commands += 1
        before, said = len(self.service.world.outbox.messages), StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            try:
                sure = () if command == "plan" else ("--yes",)
                code = main([command, *map(str, options), "--run-dir", str(run_dir), *sure])
            except _Died:
                code = KILLED
        if code == KILLED or self._died:
            self._be_dead(run_dir)
            code = KILLED
        sent = self.service.world.outbox.messages[before:]
        codes = Counter(each.sub for each in sent if each.medium == "SMS")
        return Ended(code, said.getvalue(), self.writes, codes)

    @property
    def _left(self) -> Path:
        """What a dead process leaves."""
        return self.folder / "left"

    def edit(self, **document: Any) -> None:
        """Change users or the pool from outside."""
        apply_edit(self.service.world, document)

    def users(self) -> dict[str, dict[str, Any]]:
        """The pool as it is, by sub."""
        return deepcopy(pool_state(self.service.world.pools[POOL_ID]))

    def send(self, request: Any, **_: object) -> AWSResponse:
        """Botocore's `before-send`: the simulator's answer, so that nothing is sent."""
        if self._died:
            raise _Died
        target = _text(request.headers.get("X-Amz-Target"))
        write = target.partition(".")[2] in WRITES
        self.writes += write
        self.calls += 1
        halt = self.halt if self._is_due(write=write) else None
        if halt and not halt.after:
            self._halt(halt)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else body
        reply = self.service.answer_json(target, body) if target else self.service.answer_query(body)
        if halt and halt.after:
            self._halt(halt)
        return self._answer(request, reply)

    def _is_due(self, *, write: bool) -> bool:
        if self.halt is None:
            return False
        return (self.calls if self.halt.of_all else write and self.writes) == self.halt.at

    def _halt(self, halt: Halt) -> None:
        if halt.how != "kill":
            if self.stop is not None:
                self.stop.request(StopCause(halt.how))
            return
        assert self._run_dir is not None
        self._died = True
        shutil.rmtree(self._left, ignore_errors=True)
        if self._run_dir.exists():
            shutil.copytree(self._run_dir, self._left)
        raise _Died

    def _be_dead(self, run_dir: Path) -> None:
        """What was on disk when the process died is all that there is of it."""
        shutil.rmtree(run_dir, ignore_errors=True)
        if self._left.exists():
            shutil.copytree(self._left, run_dir)
        (run_dir / "journal.sqlite-shm").unlink(missing_ok=True)

    def _answer(self, request: Any, reply: Reply) -> AWSResponse:
        if reply.drop:
            raise ConnectionClosedError(endpoint_url=request.url)
        if reply.delay == float("inf"):
            raise ReadTimeoutError(endpoint_url=request.url)
        if reply.delay:
            self.clock.sleep(reply.delay)
        headers = HTTPHeaders.from_pairs([("content-type", reply.content_type)])
        return AWSResponse(request.url, reply.status, headers, _Raw(reply.body))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self._body


class _Wire:
    """Where the clients of this process send to: making clients takes longer than a command."""

    program: Program | None = None

    def send(self, request: Any, **more: Any) -> AWSResponse:
        assert self.program is not None
        return self.program.send(request, **more)


_WIRE: Final = _Wire()


class _OneAws(Aws):
    """The tool's own, but for the clients: each is made once, and sends to this process."""

    _made: dict[tuple[str, str | None], Any]

    def client(self, service: str, region: str | None = None) -> Any:
        made = self.__dict__.setdefault("_made", {})
        if (service, region) not in made:
            client = super().client(service, region)
            events: Any = client.meta.events
            events.register_last("before-send", _WIRE.send)
            made[service, region] = client
        return made[service, region]


@cache
def _aws(target: AwsTarget) -> _OneAws:
    return _OneAws(target)


@cache
def _user_pool(aws: Aws) -> CognitoUserPool:
    return CognitoUserPool(aws)


@contextmanager
def program(document: Mapping[str, Any], folder: Path) -> Iterator[Program]:
    """The program beside a pool of its own."""
    clock = FakeClock(monotonic=1_000.0, now=1_800_000_000.0)
    world = load_world(document, folder, Clock(1.0, clock.now, clock.monotonic))
    made = Program(Service(world, {}, keep_ledger=False), clock, folder)

    def a_stop() -> Stop:
        made.stop = Stop()
        return made.stop

    with pytest.MonkeyPatch.context() as patch:
        _here(patch)
        patch.setattr("migrate_mfa.journal.run_dir._COMMON", folder)  # a lane of one's own
        _quickly(patch)
        for module in _CLOCKS:
            patch.setattr(f"migrate_mfa.{module}.SystemClock", lambda: clock)
        patch.setattr("migrate_mfa.journal.lock._CLOCK", clock)
        patch.setattr("migrate_mfa.session.Stop", a_stop)
        _WIRE.program = made
        try:
            yield made
        finally:
            _WIRE.program = None


def _here(patch: pytest.MonkeyPatch) -> None:
    waits, again = apply_row.READ_BACK_WAITS_S, apply_row.AGAIN_AFTER_S
    act_as(patch, ("testing", "testing"))
    for module in (apply_row, invocation):
        patch.setattr(module, "READ_BACK_WAITS_S", waits)  # it costs no time here
    patch.setattr(apply_row, "AGAIN_AFTER_S", again)
    patch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    patch.setattr("migrate_mfa.session.Aws", lambda target, **_: _aws(target))
    patch.setattr("migrate_mfa.session.CognitoUserPool", _user_pool)


def _quickly(patch: pytest.MonkeyPatch) -> None:
    """Leave out what has tests of its own: durability, the deadline of a call, the check before a run.

    One user comes after the other, so the order of the calls is always the same.
    """
    patch.setattr("migrate_mfa.engine.execute.window_size", lambda _: 1)
    patch.setattr("migrate_mfa.journal.database.connect", _relaxed(connect))
    patch.setattr("migrate_mfa.aws.session.within", lambda _, work: work())
    patch.setattr("migrate_mfa.commands.run._check_first", lambda _: None)
    for name in ("migrate_mfa.main.get_command", "typer.main.get_command"):
        patch.setattr(name, _command)


@cache
def _command(app: typer.Typer) -> Any:
    return _GET_COMMAND(app)


def _relaxed(connect: Callable[..., sqlite3.Connection]) -> Callable[..., sqlite3.Connection]:
    def relaxed(path: Path, *, read_only: bool) -> sqlite3.Connection:
        connection = connect(path, read_only=read_only)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    return relaxed


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
