"""Apply one row: read the user, decide, write, read back, until there is nothing left to write.

The user is always read and decided again, whatever happened before: nothing, a crash, a lost answer, a change
by somebody else. So the same few lines start, resume and repair.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Decision, Plan, PreferFactor, UserState, Verdict
from migrate_mfa.domain.reasons import AWAIT_PROOF, WORTH_ANOTHER_TRY, Outcome, Reason
from migrate_mfa.domain.rollback import shows_late
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.holders import HeldByAnotherError
from migrate_mfa.engine.row_context import RowContext
from migrate_mfa.engine.row_endings import (
    GIVEN_AWAY,
    MAYBE_SENT,
    NOT_THE_SAME_USER,
    TAKEN,
    UNKNOWN,
    half_done,
    not_effective,
    of_failure,
)
from migrate_mfa.engine.row_writer import RowWriter
from migrate_mfa.engine.user_history import ENROLLING, UserHistory
from migrate_mfa.engine.write_gate import LOOKS_BEFORE_INTENT, WriteGate
from migrate_mfa.pacing.turns import Turns

if TYPE_CHECKING:
    from migrate_mfa.journal.write_store import LastWrite

READ_BACK_WAITS_S = (0.5, 1.0, 2.0)
"""How long to wait before each further read of a user who does not show a write yet."""
AGAIN_AFTER_S = 10.0
"""How long after an earlier process's write the user must not show it before the write is repeated."""
ROUNDS = 8
"""How often a write of unknown effect is followed by a read before the user is given up."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RowResult:
    """The verdict of a row, and whether its user was read (and so billed) and written to."""

    row: int
    verdict: Verdict
    read: bool
    wrote: bool


def apply_row(work: PlannedRow, context: RowContext) -> RowResult:
    """Do all work for one user, and record the result in the journal.

    Raises:
        Stopped: the run is ending; the row stays unprocessed.
        MigrateMfaError: the failure concerns every user.
    """
    with Turns(context.limiters, lambda: context.stop.check_drain(context.clock)) as turns:
        way = _RowRun(work, context, turns)
        try:
            verdict = way.go()
        except ApiError as error:
            verdict = of_failure(error)
        except HeldByAnotherError:
            verdict = GIVEN_AWAY if work.verb is PlannedBy.ROLLBACK else TAKEN
        except BaseException:
            way.writer.write_down()
            raise
    context.store.finish(work.row, verdict, context.clock.now(), way.state, done=way.writer.done)
    log.info("row", row=work.row, outcome=verdict.reason.outcome.value, reason=verdict.reason.value)
    return RowResult(work.row, verdict, read=way.state is not None, wrote=way.wrote)


class _RowRun:
    """The state of one user while the row is applied."""

    def __init__(self, work: PlannedRow, context: RowContext, turns: Turns) -> None:
        self._work = work
        self._context = context
        self._turns = turns
        self._passkey: bool | None = None
        self._gate = WriteGate(context.pool, context.sms, context.store.require_ours, context.clock)
        self._history = UserHistory(work, context.store, self._gate)
        self.writer = RowWriter(work, context, self._gate, self._history)
        self.state: UserState | None = None

    @property
    def wrote(self) -> bool:
        """Whether a write of this run may have been executed."""
        return self._history.wrote

    def go(self) -> Verdict:
        last = self._context.store.last_write(self._work.row) if self._work.wrote else None
        known_of_it = self._let_settle(last)
        self.writer.answer_lost = known_of_it == "unknown"
        self._turns.take(self._work.planned or [write.step for write in self._history.writes()])
        state, decision = self._look()
        if self._may_show_late(decision, last):
            state, decision = self._look()
        self.writer.answer_lost |= known_of_it == "intent" and self._history.touched(state)
        if ended := self._not_tried_again(decision):
            return ended
        if self._history.later_number(decision, state):
            state, decision = self._look_back()  # the read may have been out of date
        while self.writer.unsure < ROUNDS:
            state, decision = self._at_its_turn(state, self._history.wanted(state, decision))
            if isinstance(decision, Verdict):
                return self._final(decision)
            start, made = state, decision
            known = self.writer.write(made, start)
            if known is None:
                state, decision = self._look()
                continue
            state, decision = self._look_back()
            if not known and self._may_show_late(decision, self._context.store.last_write(self._work.row)):
                state, decision = self._look()
            decision = self._history.wanted(state, decision)
            if known and _is_undone(decision, start, made, state):
                return not_effective(self._work.verb, state)
            if ended := self._not_tried_again(decision):
                return ended
        return self._final(decision) if isinstance(decision, Verdict) else UNKNOWN

    def _look(self) -> tuple[UserState, Decision]:
        self._gate.renew()
        state = self._context.user_pool.user(self._work.username)
        self.state = state
        if state.sub != self._work.user_sub:
            return state, NOT_THE_SAME_USER
        self._history.saw(state)
        if state.mfa and self._has_passkey():
            state = replace(state, mfa=replace(state.mfa, passkey=True))
        self._gate.looked()
        return state, self._context.decide(self._work, state)

    def _at_its_turn(self, state: UserState, decision: Decision) -> tuple[UserState, Decision]:
        """Take the turns for the writes, then read the user again."""
        for _ in range(LOOKS_BEFORE_INTENT):
            if isinstance(decision, Verdict):
                break
            if self._turns.cover(decision.steps) and not self._gate.stale:
                break
            self._turns.take(decision.steps)
            state, decision = self._look()
            decision = self._history.wanted(state, decision)
        return state, decision

    def _has_passkey(self) -> bool:
        """Whether the user has a passkey; read once per user, and only if SMS MFA is to be switched on."""
        if not (self._gate.facts.passkeys_at_risk and self._work.verb in ENROLLING):
            return False
        if self._passkey is None:
            self._passkey = self._context.user_pool.has_passkey(self._work.username)
        return self._passkey

    def _look_back(self) -> tuple[UserState, Decision]:
        """Read the user until the write shows, or until the longest time that this can take.

        An outdated read during a rollback looks like a change by somebody else, so it is repeated. So is a
        read with a number that is not ours: the user may have verified it just before it was overwritten.

        A write that may have sent an SMS is repeated only after all these reads, so an outdated read cannot
        cause a second SMS.
        """
        state, decision = self._look()
        for wait in READ_BACK_WAITS_S:
            settled = isinstance(decision, Verdict) and decision.reason is not Reason.CHANGED_BY_OTHERS
            theirs = state.proven_phone in self._history.proved_by_user()
            if settled and not theirs and not self._history.lost_factor(state):
                break
            self._context.stop.sleep(self._context.clock, wait)
            state, decision = self._look()
        return state, decision

    def _let_settle(self, last: "LastWrite | None") -> str:
        """A dead process may have sent a write just before; wait for it as long as for our own writes.

        The time of an intent without a result is not known, but it is before our start.

        Returns:
            What is known of the write; empty if the operator has started another try since.
        """
        if last is None:
            return ""
        at = self._context.store.begun if last.result == "intent" else last.at
        age = self._context.clock.now() - at
        self._context.stop.sleep(self._context.clock, max(0.0, sum(READ_BACK_WAITS_S) - max(age, 0.0)))
        return "" if self._work.was in WORTH_ANOTHER_TRY else last.result

    def _may_show_late(self, decision: Decision, last: "LastWrite | None") -> bool:
        """Wait before repeating a write that was surely made, or may have sent a code from a dead process.

        Any other write that may have been made is repeated at once: a second one changes nothing.

        Returns:
            Whether it waited, so that the user must be read again.
        """
        if last is None or isinstance(decision, Verdict):
            return False
        made = {write.step for write in self._history.writes() if write.sure}
        died = last.result == "intent"
        again = made.intersection(decision.steps) or (died and self._gate.sends_code(decision))
        at = self._context.store.begun if died else last.at
        left = min(at + AGAIN_AFTER_S - self._context.clock.now(), AGAIN_AFTER_S)
        if not again or left <= 0:
            return False
        self._turns.take(())
        self._context.stop.sleep(self._context.clock, left)
        self._turns.take(decision.steps)
        return True

    def _not_tried_again(self, decision: Decision) -> Verdict | None:
        """The verdict if the last write does not show and must not be repeated, else None."""
        if isinstance(decision, Verdict):
            return None
        maybe_sent = self.writer.answer_lost and self._gate.sends_code(decision)
        refusal = self.writer.refusal
        if refusal is not None and refusal[0] in decision.steps:
            return of_failure(refusal[1], maybe_sent=maybe_sent)
        return MAYBE_SENT if maybe_sent else None

    def _final(self, verdict: Verdict) -> Verdict:
        """The verdict of the row: `already_enrolled` becomes `promoted` or `enrolled` if that is why."""
        if (unknown := self._history.unknown_then) is not None:
            would_be = self._context.decide(self._work, unknown)
            skipped = isinstance(would_be, Verdict) and would_be.reason.outcome is Outcome.SKIPPED
            verdict = would_be if isinstance(would_be, Verdict) and skipped else verdict
        written = self._history.made if self._work.verb is not PlannedBy.RUN else self.wrote
        if written and self._work.verb in ENROLLING and verdict.reason.outcome is Outcome.SKIPPED:
            return half_done(verdict)
        if verdict.reason is not Reason.ALREADY_ENROLLED:
            return verdict
        if self._work.was in AWAIT_PROOF:
            return replace(verdict, reason=Reason.PROMOTED)
        return replace(verdict, reason=Reason.ENROLLED) if self.wrote else verdict


def _is_undone(decision: Decision, start: UserState, made: Plan, state: UserState) -> bool:
    """Whether a write does not show: it would be repeated, or the user still looks as before it.

    A step that restores something that the write has taken is not a repetition.
    """
    if isinstance(decision, Plan):
        gives_back = isinstance(decision.steps[0], PreferFactor) or decision.ends is Reason.PHONE_DIFFERS
        return decision.steps == made.steps or not gives_back
    return decision.reason is Reason.CHANGED_BY_OTHERS and shows_late(state, start, made.steps)
