"""One user's way: read, decide, write, read back, until there is nothing left to write.

Whatever happened before - nothing, a crash, a lost answer, somebody else's change - the user is read and
decided again, so the same few lines start, resume and repair.
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
"""How long to wait before each further read of a user that does not show a write yet."""
AGAIN_AFTER_S = 10.0
"""How long a user has to be without what an earlier process stored before it is stored again."""
ROUNDS = 8
"""How often a write whose effect is unknown is settled by a read before the user is given up."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RowResult:
    """How a row ended, and whether its user was read (and so billed) and written to."""

    row: int
    verdict: Verdict
    read: bool
    wrote: bool


def apply_row(work: PlannedRow, context: RowContext) -> RowResult:
    """Do everything for one user, and journal how it ended.

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
    """The state of one user's way."""

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
            state, decision = self._look_back()  # perhaps the read was late
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
        """Have the turns of what is to be written, and a look at the user after they had come."""
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
        """Asked once for each user, and only where SMS MFA is to be switched on."""
        if not (self._gate.facts.passkeys_at_risk and self._work.verb in ENROLLING):
            return False
        if self._passkey is None:
            self._passkey = self._context.user_pool.has_passkey(self._work.username)
        return self._passkey

    def _look_back(self) -> tuple[UserState, Decision]:
        """Look until the write shows, or for as long as it may take to show.

        A rollback that reads late finds what looks like the change of somebody else, and looks again. So
        does who sees a number that is not ours: perhaps the user proved it before it was overwritten.

        A write that may have sent an SMS is repeated only after all these looks, so a late read cannot make
        a user get a second one.
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
        """A process that died may have sent a write just now; give it the time that we give our own.

        When an intent without a result was sent is not known, but a dead process sends nothing: it was before
        our start.

        Returns:
            What is known of it; nothing where the operator has asked to try again since.
        """
        if last is None:
            return ""
        at = self._context.store.begun if last.result == "intent" else last.at
        age = self._context.clock.now() - at
        self._context.stop.sleep(self._context.clock, max(0.0, sum(READ_BACK_WAITS_S) - max(age, 0.0)))
        return "" if self._work.was in WORTH_ANOTHER_TRY else last.result

    def _may_show_late(self, decision: Decision, last: "LastWrite | None") -> bool:
        """Wait before what is surely done, or may have been sent as a code by who died, is repeated.

        Any other write that may have been carried out is made again without more ado: twice is once.

        Returns:
            Whether it did wait, so that the user has to be read again.
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
        """How the row ends where the last write does not show and must not be repeated."""
        if isinstance(decision, Verdict):
            return None
        maybe_sent = self.writer.answer_lost and self._gate.sends_code(decision)
        refusal = self.writer.refusal
        if refusal is not None and refusal[0] in decision.steps:
            return of_failure(refusal[1], maybe_sent=maybe_sent)
        return MAYBE_SENT if maybe_sent else None

    def _final(self, verdict: Verdict) -> Verdict:
        """What is already so was `promoted` by the user's proof, or `enrolled` by our writes."""
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
    """Whether a write does not show: it would be made again, or the user looks as before it still.

    To give back what it has taken is no repetition.
    """
    if isinstance(decision, Plan):
        gives_back = isinstance(decision.steps[0], PreferFactor) or decision.ends is Reason.PHONE_DIFFERS
        return decision.steps == made.steps or not gives_back
    return decision.reason is Reason.CHANGED_BY_OTHERS and shows_late(state, start, made.steps)
