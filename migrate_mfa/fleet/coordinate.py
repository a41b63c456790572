"""The coordinator: gives lanes to an engine, places lost lanes again, and watches the progress.

It keeps no state of its own: all progress is in the run directories of the targets. It can therefore be
killed and started again on any machine.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import MigrateMfaError, RunDirectoryError
from migrate_mfa.fleet.place import Place, result_of
from migrate_mfa.fleet.standing import Progress, Standing, read_summary, standing_of, working
from migrate_mfa.fleet.unit import TROUBLED, Job, Result, State, Unit

if TYPE_CHECKING:
    from migrate_mfa.fleet.engines import Engine
    from migrate_mfa.ports import Clock
    from migrate_mfa.stop import Stop

_TICK_S = 1.0
_RATE_S = 15.0
"""The time over which users per second are counted."""
_MOST_TOLD = 200
_MOST_LOOKS = 50
"""The most targets to read in one tick; in a bucket each one is a request."""
Lost = Future[tuple[Result, ...]]


@dataclass(slots=True)
class _Placed:
    """A lane that an engine has."""

    unit: Unit
    losses: int = 0
    head: int = 0
    """The index of the first job that may still be at work."""


@dataclass(slots=True)
class Coordination:
    """One invocation of a verb over some lanes."""

    units: Sequence[Unit]
    engine: "Engine"
    place: Place
    clock: "Clock"
    stop: "Stop"
    say: Callable[[str], None]
    show: Callable[[Mapping[str, Standing]], None]
    standings: dict[str, Standing] = field(default_factory=dict)
    _placed: dict[Lost, _Placed] = field(default_factory=dict)
    _reasons: dict[str, str] = field(default_factory=dict)
    """The last printed reason for a retry, by target."""
    _begun: set[str] = field(default_factory=set)
    """The targets whose progress is that of this fleet's own command."""
    _turn: int = 0

    def run(self) -> None:
        """Run until every target is finished, set aside, or interrupted."""
        for unit in self.units:
            waits = Standing(state=State.WAITING, verb=unit.verb)
            self.standings |= dict.fromkeys((job.name for job in unit.jobs), waits)
        for unit in self.units:
            if refused := self._submit(_Placed(unit)):
                self._give_up(unit, unit.jobs, refused, State.SET_ASIDE)
        try:
            while self._placed:
                done, _ = wait(self._placed, timeout=_TICK_S, return_when=FIRST_COMPLETED)
                for future in done:
                    self._ended(future, self._placed.pop(future))
                if self.stop.requested:
                    self.engine.drain()
                self._look()
                self.show(self.standings)
        except BaseException:
            self.engine.drain()
            raise

    def _submit(self, placed: _Placed) -> str:
        """Give a lane to the engine; returns the reason if the engine does not take it."""
        try:
            self._placed[self.engine.submit(placed.unit)] = placed
        except Exception as error:  # noqa: BLE001 - an engine may raise anything
            return _why(error)
        return ""

    def _ended(self, future: Lost, placed: _Placed) -> None:
        try:
            results = future.result()
        except BaseException as error:  # noqa: BLE001 - likewise; also a cancellation by the engine
            self._lost(placed, error)
            return
        for each in results:
            self._note(each)

    def _lost(self, placed: _Placed, error: BaseException) -> None:
        """Handle a lost lane: place its unfinished targets again, or set them aside."""
        unit = placed.unit
        left = [job for job in unit.jobs if not self._found(job.name, unit.invocation)]
        why, final = _why(error), isinstance(error, RunDirectoryError)
        again = placed.losses + 1 < unit.patience.tries and not final
        if left and again and not self.stop.requested:
            refused = self._submit(_Placed(replace(unit, jobs=tuple(left)), placed.losses + 1))
            if not refused:
                self.say(f"{unit.lane}: {why} Its targets are placed again.")
                return
            why = refused
        state = State.INTERRUPTED if self.stop.requested and not final else State.SET_ASIDE
        self._give_up(unit, left, why, state)

    def _give_up(self, unit: Unit, jobs: Sequence[Job], why: str, state: State) -> None:
        for job in jobs:
            lost = Result(name=job.name, state=state, error=why, verb=unit.verb, ended_at=self.clock.now())
            self._note(lost)

    def _found(self, name: str, invocation: str) -> bool:
        """Whether a target has ended, even if its worker was lost."""
        try:
            result = result_of(self.place, name)
        except MigrateMfaError:
            return False
        if result is None or not result.ends(invocation):
            if result is not None and result.invocation == invocation:
                self._waits(result)
            return False
        self._note(result)
        return True

    def _note(self, result: Result) -> None:
        before = self.standings[result.name]
        if before.state not in {State.WAITING, State.RUNNING}:
            return
        self.standings[result.name] = standing_of(result, self._summary(result.name), None)
        if result.state in TROUBLED:
            code = "" if result.exit_code is None else f", exit code {result.exit_code}"
            self.say(f"{result.name}: {result.state.words}{code}. {result.error}".rstrip())

    def _waits(self, result: Result) -> None:
        """Show a target that waits or is tried again, and print the reason once."""
        said = result.error or f"Its command ended with {result.exit_code}."
        if not result.begins and self._reasons.get(result.name) != said:
            self._reasons[result.name] = said
            self.say(f"{result.name} {'is tried again' if result.tries else 'waits'}. {said}")
        self.standings[result.name] = Standing(
            state=State.WAITING, exit_code=result.exit_code, error=result.error, verb=result.verb
        )

    def _summary(self, name: str) -> Mapping[str, object]:
        try:
            return read_summary(self.place, name)
        except MigrateMfaError:
            return {}

    def _look(self) -> None:
        """Read the progress of the targets at work; if there are many lanes, in turns."""
        busy = [each for future, each in self._placed.items() if self.engine.begun(future)]
        begin = self._turn % len(busy) if busy else 0
        turn = [*busy[begin:], *busy[:begin]][:_MOST_LOOKS]
        self._turn = begin + len(turn)
        for placed in turn:
            try:
                self._look_at(placed)
            except MigrateMfaError:
                return  # only a display; the next tick tries again

    def _look_at(self, placed: _Placed) -> None:
        for number, job in enumerate(placed.unit.jobs[placed.head :], placed.head):
            progress = working(self.place, job.name) if placed.unit.works_in_run_dir else None
            if progress is not None and self._is_ours(job.name, placed.unit.invocation):
                placed.head = number
                running = Standing(state=State.RUNNING, verb=placed.unit.verb, progress=progress)
                self.standings[job.name] = running
                return
            self._begun.discard(job.name)
            if not self._found(job.name, placed.unit.invocation):
                return

    def _is_ours(self, name: str, invocation: str) -> bool:
        """Whether the command at work on a target is this fleet's; otherwise the fleet waits for it."""
        if name not in self._begun:
            result = result_of(self.place, name)
            if result is not None and result.invocation == invocation and result.begins:
                self._begun.add(name)
        return name in self._begun


def _why(error: BaseException) -> str:
    """The reason for a loss: our own message, or the kind of the error and the first line of its text."""
    if isinstance(error, MigrateMfaError):
        return error.message
    first = str(error).partition("\n")[0][:_MOST_TOLD]
    return f"Its worker was lost ({': '.join(filter(None, [type(error).__name__, first]))})."


class Speed:
    """Users per second, from the progress that commands note regularly."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def see(self, standings: Mapping[str, Standing]) -> None:
        """Record the progress of the targets at work."""
        working_now = dict(_counted(standings))
        for name in self._seen.keys() - working_now.keys():
            del self._seen[name]
        for name, progress in working_now.items():
            seen = self._seen.setdefault(name, deque())
            done = progress.done or 0
            if seen and done < seen[-1][1]:
                seen.clear()  # another stage
            if not seen or progress.at > seen[-1][0]:
                seen.append((progress.at, done))
            while seen[-1][0] - seen[0][0] > _RATE_S and len(seen) > 2:  # noqa: PLR2004 - a rate has two ends
                seen.popleft()

    def of(self, name: str) -> float | None:
        """Users per second of one target; None before it is known."""
        seen = self._seen.get(name)
        if not seen or seen[-1][0] <= seen[0][0]:
            return None
        return (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])

    @property
    def total(self) -> float | None:
        """Users per second of all targets; None if none is known."""
        known = [rate for name in self._seen if (rate := self.of(name)) is not None]
        return sum(known) if known else None


def _counted(standings: Mapping[str, Standing]) -> Iterator[tuple[str, Progress]]:
    for name, each in standings.items():
        if each.progress is not None and each.progress.done is not None:
            yield name, each.progress
