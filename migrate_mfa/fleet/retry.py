"""Decides what follows the end of a target's command: the target is done, tried again, or set aside."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from migrate_mfa.domain.errors import (
    Busy,
    CostLimitExceeded,
    ExitCode,
    NoRun,
    NotPlanned,
    SmsLimitExceeded,
    TooManyFailures,
)
from migrate_mfa.fleet.unit import TROUBLED, Patience, State

_BY_CODE: Mapping[int, State] = {
    ExitCode.DONE: State.FINISHED,
    ExitCode.SOME_FAILED: State.FINISHED,
    ExitCode.NOT_MET: State.FINISHED,
    ExitCode.POOL_NOT_READY: State.NOT_READY,
    ExitCode.LIMIT: State.LIMITED,  # the operator's own limit: trying again would exceed it
}
_GUARDS = frozenset(each.__name__ for each in (TooManyFailures, SmsLimitExceeded, CostLimitExceeded))
"""The limits that end a command with 8 so that a person decides; a retry would bypass them."""

_NOTHING = frozenset({NoRun.__name__, NotPlanned.__name__})
"""What commands report of a directory in which no user was written to; a reconcile of a plan ends with 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one command of a target ended."""

    exit_code: int
    """If negative, the number of the signal that killed it."""
    asked: bool = False
    """Whether it was asked to end."""
    began: bool = True
    """Whether it has written to its run directory."""
    owned: bool = False
    """Whether another command works on the target, such as that of a supervisor that an engine lost."""
    ended_by: str = ""
    """The name of the error that ended it, by its own report; empty if it could not report."""
    needs_run: bool = False
    """Whether it needs a run, and has nothing to do without one."""


@dataclass(frozen=True, slots=True)
class Again:
    """The target is tried again after some seconds."""

    pause_s: float


def after(ended: Sequence[Ended], patience: Patience) -> Again | State:
    """The decision after a target's last command.

    Args:
        ended: its commands in this invocation, in their order.
        patience: how often and after how long.
    """
    last = ended[-1]
    if last.needs_run and last.ended_by in _NOTHING:
        return State.NO_RUN
    if (state := _BY_CODE.get(last.exit_code)) is not None:
        return state
    if last.asked and _is_killed(last.exit_code):
        return State.INTERRUPTED
    if _may_end_better(ended, patience):
        return State.INTERRUPTED if last.asked else Again(patience.pause_s)
    out_of_reach = last.exit_code in {ExitCode.NOT_ALLOWED, ExitCode.STOPPED} and not last.began
    return State.UNREACHABLE if out_of_reach else State.SET_ASIDE


def _may_end_better(ended: Sequence[Ended], patience: Patience) -> bool:
    if _is_busy(ended[-1]):
        busy = sum(_is_busy(each) and not each.owned for each in ended)
        return busy * patience.pause_s <= patience.busy_s
    return _is_lost(ended[-1]) and sum(map(_is_lost, ended)) < patience.tries


def _is_busy(ended: Ended) -> bool:
    """Whether another command had the target or its lane; no other cause of 6 passes by itself."""
    return ended.exit_code == ExitCode.RUN_DIRECTORY and ended.ended_by == Busy.__name__


def _is_lost(ended: Ended) -> bool:
    """Whether a retry may succeed: killed, ended by a signal that nobody asked for, or out of reach.

    A command that could not renew its lease ends at once with 6, without a report of its error.
    """
    if ended.exit_code == ExitCode.RUN_DIRECTORY:
        return not ended.ended_by
    if _is_killed(ended.exit_code):
        return True
    return ended.exit_code == ExitCode.STOPPED and ended.ended_by not in _GUARDS


def _is_killed(exit_code: int) -> bool:
    """Whether a signal ended it, with or without a report."""
    return exit_code < 0 or exit_code in {ExitCode.SIGTERM, ExitCode.SIGINT, _KILLED}


_KILLED = 137
"""The exit code of a shell or a container's init after SIGKILL."""


def exit_code_of(targets: Iterable[tuple[State, int | None]]) -> ExitCode:
    """The exit code of a fleet: the gravest of its targets.

    If no target has a run, the run directory of the fleet is probably wrong.
    """
    targets = list(targets)
    if targets and all(state is State.NO_RUN for state, _ in targets):
        return ExitCode.RUN_DIRECTORY
    found = {_of_target(state, code) for state, code in targets}
    return next((each for each in _GRAVEST_FIRST if each in found), ExitCode.DONE)


_GRAVEST_FIRST = (ExitCode.STOPPED, ExitCode.SOME_FAILED, ExitCode.NOT_MET, ExitCode.LIMIT)


def _of_target(state: State, code: int | None) -> ExitCode:
    if state in TROUBLED:
        return ExitCode.STOPPED
    match state:
        case State.FINISHED:
            return ExitCode(code or 0)
        case State.LIMITED:
            return ExitCode.LIMIT
        case _:
            return ExitCode.DONE
