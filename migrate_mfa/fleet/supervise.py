"""Runs the targets of one lane in sequence, each by the ordinary command in its own process.

The command itself holds the locks of its run directory and its lane. A supervisor only starts it and waits,
so an engine may run a supervisor twice or stop it: the second command ends with 6 while the first one works,
and a command without its supervisor drains.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import AlreadyRun, ExitCode, RollbackUnfinished
from migrate_mfa.fleet import last_word
from migrate_mfa.fleet.place import LOGS, RESULTS, LocalPlace, Place, open_place, result_of
from migrate_mfa.fleet.retry import Again, Ended, after
from migrate_mfa.fleet.standing import Progress, end_of, mark_of, read_summary, working
from migrate_mfa.fleet.unit import Job, Result, State, Unit

if TYPE_CHECKING:
    from migrate_mfa.ports import Clock

_LOOK_S = 0.2
_RIVAL_S = 2.0
"""How often to look whether another command still works on a target."""
_TAIL = 20_000
"""The bytes of a target's output that are kept in a bucket."""
_SIGNALLED = frozenset({ExitCode.SIGINT, ExitCode.SIGTERM})
_ORDINARY = frozenset({ExitCode.DONE, ExitCode.SOME_FAILED, ExitCode.NOT_MET, ExitCode.LIMIT}) | _SIGNALLED
"""The exit codes that need no further explanation."""
_FIRST: Mapping[str, str] = {RollbackUnfinished.__name__: "rollback", AlreadyRun.__name__: "run"}
"""The verb that must come first, by the error that refused another one."""
_FOLLOWS: Mapping[str, str] = {"rollback": "to roll back", "reconcile": "to reconcile"}
"""The verbs that need a run, in words of a message."""


def supervise(
    unit: Unit, asked: Callable[[], bool] = lambda: False, clock: "Clock | None" = None
) -> tuple[Result, ...]:
    """Run the targets of one lane.

    Each result is also written to the run directory of the fleet at once. A target that already has a result
    of this invocation is not run again.

    Args:
        unit: the lane and its targets.
        asked: whether to end; then the command at work drains, and no other one is started.
        clock: the time.

    Raises:
        MigrateMfaError: the run directory of the fleet cannot be used.
        OSError: no process can be started.
    """
    place, clock = open_place(unit.where), clock or SystemClock()
    return tuple(_Supervisor(unit, job, place, asked, clock).run() for job in unit.jobs)


@dataclass(slots=True)
class _Supervisor:
    unit: Unit
    job: Job
    place: Place
    asked: Callable[[], bool]
    clock: "Clock"
    ended: list[Ended] = field(default_factory=list)
    error: str = ""
    first: str = ""

    def run(self) -> Result:
        """Start the command until no retry is due."""
        found = result_of(self.place, self.job.name)
        if found and found.ends(self.unit.invocation):
            return found
        with _log(self.place, self.job.name) as log:
            state = self._state(log)
        if state is State.NO_RUN:
            self.error = f"Nothing was run here, so there is nothing {_FOLLOWS[self.unit.verb]}."
        return self._note(state)

    def _note(self, state: State, *, begins: bool = False) -> Result:
        """Write the state of the target to the run directory of the fleet."""
        tells = self.ended and state is not State.NO_RUN  # without a run, the code would look like a failure
        result = Result(
            name=self.job.name,
            state=state,
            exit_code=self.ended[-1].exit_code if tells else None,
            error=self.error,
            tries=len(self.ended),
            verb=self.unit.verb,
            invocation=self.unit.invocation,
            ended_at=self.clock.now(),
            mark=mark_of(read_summary(self.place, self.job.name)),
            begins=begins,
            first="" if begins else self.first,
        )
        self.place.write(f"{RESULTS}/{self.job.name}.json", json.dumps(result.as_dict()).encode())
        return result

    def _state(self, log: "IO[bytes]") -> State:
        while self._is_free():
            self._note(State.WAITING, begins=True)
            self.ended.append(self._command(log))
            match after(self.ended, self.unit.patience):
                case Again(pause_s):
                    self._note(State.WAITING)
                    self._pause(pause_s)
                case state:
                    return state
        return State.INTERRUPTED

    def _is_free(self) -> bool:
        """Wait until no other command works on the target; False if asked to end."""
        before, told = self.error, False
        while not self.asked() and (rival := self._rival()) is not None:
            if not told:
                told = True
                who = f" It is {rival.who}." if rival.who else ""
                self.error = f"Another command works on {self.place.named(self.job.name)}.{who}"
                self._note(State.WAITING)
            self._pause(_RIVAL_S)
        if self.asked():
            return False
        self.error = before
        return True

    def _rival(self) -> Progress | None:
        """The progress of another command that works on the target, if there is one."""
        return working(self.place, self.job.name) if self.unit.works_in_run_dir else None

    def _pause(self, seconds: float) -> None:
        until = self.clock.monotonic() + seconds
        while (left := until - self.clock.monotonic()) > 0 and not self.asked():
            self.clock.sleep(min(left, _LOOK_S))

    def _command(self, log: "IO[bytes]") -> Ended:
        """Run the command once."""
        before = read_summary(self.place, self.job.name)
        code, asked, word = self._process(log.fileno())
        after_it = read_summary(self.place, self.job.name)
        began = after_it != before
        if began and code in _SIGNALLED:
            done = end_of(after_it)
            code = code if done is None else done
        self.error = word.get("message", "").partition("\n")[0] or self._untold(code)
        self.first = _FIRST.get(word.get("error", ""), "")
        if code == ExitCode.POOL_NOT_READY and word:
            self.error += f" See {self._log_name}."
        return Ended(
            exit_code=code,
            asked=asked,
            began=began,
            owned=code == ExitCode.RUN_DIRECTORY and self._rival() is not None,
            ended_by=word.get("error", ""),
            needs_run=self.unit.verb in _FOLLOWS,
        )

    def _untold(self, code: int) -> str:
        """The reason for an end that the command itself did not report."""
        if code < 0:
            return f"Its command was killed ({signal.Signals(-code).name})."
        return "" if code in _ORDINARY else f"Its command ended with {code}; see {self._log_name}."

    @property
    def _log_name(self) -> str:
        return self.place.named(LOGS, f"{self.job.name}.log")

    def _process(self, output: int) -> tuple[int, bool, Mapping[str, str]]:
        """Run the command; returns its exit code, whether it was asked to end, and its last word.

        The end of its standard input, also by the death of this process, asks it to end.
        """
        listen, speak = os.pipe()
        try:
            try:
                child = self._started(output, speak)
            finally:
                os.close(speak)
            asked = False
            try:
                while child.poll() is None:
                    if not asked and self.asked():
                        asked = True
                        _let_go(child)
                    self.clock.sleep(_LOOK_S)
            finally:
                _let_go(child)
                child.wait()
            return child.returncode, asked, last_word.read(listen)
        finally:
            os.close(listen)

    def _started(self, output: int, speak: int) -> "subprocess.Popen[bytes]":
        ours = ("--exit-with-parent", "--last-word-to", str(speak))
        return subprocess.Popen(
            [sys.executable, "-m", "migrate_mfa", *ours, *self.job.words],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(speak,),
            start_new_session=True,
        )


def _let_go(child: "subprocess.Popen[bytes]") -> None:
    if child.stdin is not None:
        with suppress(OSError):
            child.stdin.close()


@contextmanager
def _log(place: Place, name: str) -> "Iterator[IO[bytes]]":
    """The file for the output of a target's commands; for a bucket, its last part is uploaded afterwards.

    On this machine that file has no name, so a supervisor that is killed leaves none.
    """
    if isinstance(place, LocalPlace):
        with place.log(name).open("ab") as log:
            yield log
        return
    with tempfile.TemporaryFile() as log:
        yield log
        log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL))
        place.write(f"{LOGS}/{name}.log", log.read())
