"""One user's way: read, decide, write, read back, until there is nothing left to write.

Whatever happened before - nothing, a crash, a lost answer, somebody else's change - the user is read and
decided again, so the same few lines start, resume and repair.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import TYPE_CHECKING, assert_never

import structlog

from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import (
    SMS_MFA,
    ClearPhone,
    Decision,
    MarkUnverified,
    MfaMode,
    MfaState,
    Phone,
    PhoneSignIn,
    Plan,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rollback import Write, changed_since, none_shows, shows_late
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.holders import is_held
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.engine.verdicts import (
    CHANGED_SINCE,
    GIVEN_AWAY,
    MAYBE_SENT,
    NOT_THE_SAME_USER,
    PROVED_MEANWHILE,
    TAKEN,
    UNKNOWN,
    half_done,
    not_effective,
    of_failure,
)
from migrate_mfa.engine.write_gate import NotMadeError, WriteGate
from migrate_mfa.pacing.turns import Turns
from migrate_mfa.ports import Clock, UserPool

if TYPE_CHECKING:
    from migrate_mfa.journal.write_store import WorkStore
    from migrate_mfa.pacing.limiter import RateLimiter
    from migrate_mfa.stop import Stop

READ_BACK_WAITS_S = (0.5, 1.0, 2.0)
"""How long to wait before each further look at a user who does not show a write yet."""
AGAIN_AFTER_S = 10.0
"""How long a user has to be without what an earlier process stored before it is stored again."""
HOLDERS_HOLD_S = 10.0
"""How long a look at who has a number counts: where that look is slow, the one at the user comes after it."""
_LOOKS = 3
"""How often a decision is renewed because its turns came late, before it is made as it is."""
ROUNDS = 8
"""How often a write whose effect is unknown is settled by a read before the user is given up."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowContext:
    """What it takes to settle a user; `decide` says what this command wants of one."""

    user_pool: UserPool
    store: "WorkStore"
    decide: Callable[[PlannedRow, UserState], Decision]
    pool: LivePool
    clock: Clock
    stop: "Stop"
    sms: SmsAllowance
    refusals: Refusals = field(default_factory=Refusals)
    limiters: Mapping[Category, "RateLimiter"] = field(default_factory=dict)
    """The limiters behind `directory`, by which a write waits before the read that decides it."""


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
        except _HeldByAnotherError:
            verdict = GIVEN_AWAY if work.verb is PlannedBy.ROLLBACK else TAKEN
        except BaseException:
            way.write_down()
            raise
    context.store.finish(work.row, verdict, context.clock.now(), way.state, done=way.done)
    log.info("row", row=work.row, outcome=verdict.reason.outcome.value, reason=verdict.reason.value)
    return RowResult(work.row, verdict, read=way.state is not None, wrote=way.wrote)


class _RowRun:
    """The state of one user's way. `wrote` holds once a write of this run may have been executed.

    `done` is the intent of the last write, which was carried out but is not journaled as that yet: it goes
    with the end of the row, which mostly comes next, in one commit. A process that dies in between finds an
    intent without a result, as one does that dies before the answer, and looks at the user first.
    """

    def __init__(self, work: PlannedRow, context: RowContext, turns: Turns) -> None:
        self._work = work
        self._context = context
        self._turns = turns
        self._passkey: bool | None = None
        self._gate = WriteGate(context.pool, context.sms, context.store.require_ours, context.clock)
        self._refusal: tuple[Step, ApiError] | None = None
        self._answer_lost = False
        self._unsure = 0
        self._made = False
        self._looked_for: dict[Phone, float] = {}
        self._had: UserState | None = None
        self._proved: set[str] = set()
        self._returned: set[str] = set()
        self._unknown_then: UserState | None = None
        self.state: UserState | None = None
        self.wrote = work.wrote
        self.done: int | None = None

    def go(self) -> Verdict:
        last = self._let_the_last_write_settle()
        self._answer_lost = last == "unknown"
        self._turns.take(self._work.planned or [write.step for write in self._writes()])
        state, decision = self._look()
        if self._may_show_late(decision):
            state, decision = self._look()
        self._answer_lost |= last == "intent" and self._touched(state)
        if ended := self._not_tried_again(decision):
            return ended
        if self._later_number(decision, state):
            state, decision = self._look_back()  # perhaps the read was late
        while self._unsure < ROUNDS:
            state, decision = self._at_its_turn(state, self._wanted(state, decision))
            if isinstance(decision, Verdict):
                return self._final(decision)
            start, made = state, decision
            known = self._write(made, start)
            if known is None:
                state, decision = self._look()
                continue
            state, decision = self._look_back()
            if not known and self._may_show_late(decision):
                state, decision = self._look()
            decision = self._wanted(state, decision)
            if known and _is_undone(decision, start, made, state):
                return not_effective(self._work.verb, state)
            if ended := self._not_tried_again(decision):
                return ended
        return self._final(decision) if isinstance(decision, Verdict) else UNKNOWN

    def write_down(self) -> None:
        """Journal that the last write was carried out, if that was not done yet."""
        if self.done is not None:
            self._context.store.record_result(self.done, "done", self._context.clock.now())
            self.done = None

    def _look(self) -> tuple[UserState, Decision]:
        self._gate.renew()
        state = self._context.user_pool.user(self._work.username)
        self.state = state
        if state.sub != self._work.user_sub:
            return state, NOT_THE_SAME_USER
        if self._made and state.proven_phone:
            self._proved.add(state.proven_phone)
        if state.mfa and self._has_passkey():
            state = replace(state, mfa=replace(state.mfa, passkey=True))
        self._gate.looked()
        return state, self._context.decide(self._work, state)

    def _at_its_turn(self, state: UserState, decision: Decision) -> tuple[UserState, Decision]:
        """Have the turns of what is to be written, and a look at the user after they had come."""
        for _ in range(_LOOKS):
            if isinstance(decision, Verdict):
                break
            if self._turns.cover(decision.steps) and not self._gate.stale:
                break
            self._turns.take(decision.steps)
            state, decision = self._look()
            decision = self._wanted(state, decision)
        return state, decision

    def _wanted(self, state: UserState, decision: Decision) -> Decision:
        """What is to be done, beside what the command says: give back first what our writes have taken."""
        if number := self._overwritten(state):
            return Plan((StorePhone(Phone(number), verified=True),), Reason.PHONE_DIFFERS)
        if self._made and self._proved_by_user() and isinstance(decision, Plan):
            return PROVED_MEANWHILE
        decision = self._later_number(decision, state) or decision
        lost = self._lost_factor(state)
        return Plan((PreferFactor(lost),), _ending(decision)) if lost else decision

    def _has_passkey(self) -> bool:
        """Asked once for each user, and only where SMS MFA is to be switched on."""
        if not (self._gate.facts.passkeys_at_risk and self._work.verb in _ENROLLING):
            return False
        if self._passkey is None:
            self._passkey = self._context.user_pool.has_passkey(self._work.username)
        return self._passkey

    def _later_number(self, decision: Decision, state: UserState) -> Verdict | None:
        """Leave the user the number that they entered after this run had stored its own.

        Storing over it would take it from them. Where they have removed it, storing it again takes nothing,
        but must not send a second SMS.
        """
        if not (isinstance(decision, Plan) and self.wrote and self._work.verb in _ENROLLING):
            return None
        harm = state.phone is not None or self._gate.sends_code(decision)
        if not (harm and any(isinstance(step, StorePhone) for step in decision.steps)):
            return None
        before = self._context.store.before_image(self._work.user_sub) or self._had_before(state)
        return CHANGED_SINCE if changed_since(before, state, self._writes()) else None

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
            theirs = state.proven_phone in self._proved_by_user()
            if settled and not theirs and not self._lost_factor(state):
                break
            self._context.stop.sleep(self._context.clock, wait)
            state, decision = self._look()
        return state, decision

    def _touched(self, state: UserState) -> bool:
        """Whether anything has changed the user since the look before our first write: we ourselves, perhaps.

        Who looks as before may have been sent a code by a process that died, and have removed the number.
        """
        before = self._context.store.before_image(self._work.user_sub)
        return before is not None and before.modified != state.modified

    def _let_the_last_write_settle(self) -> str:
        """A process that died may have sent a write just now; give it the time that we give our own.

        When an intent without a result was sent is not known, but a dead process sends nothing: it was before
        our start.

        Returns:
            What is known of it; nothing where the operator has asked to try again since.
        """
        last = self._context.store.last_write(self._work.row) if self._work.wrote else None
        if last is None:
            return ""
        at = self._context.store.begun if last.result == "intent" else last.at
        age = self._context.clock.now() - at
        self._context.stop.sleep(self._context.clock, max(0.0, sum(READ_BACK_WAITS_S) - max(age, 0.0)))
        return "" if self._work.was in _ENDED_UNKNOWN else last.result

    def _may_show_late(self, decision: Decision) -> bool:
        """Wait before what is surely done, or may have been sent as a code by who died, is repeated.

        Any other write that may have been carried out is made again without more ado: twice is once.

        Returns:
            Whether it did wait, so that the user has to be read again.
        """
        last = self._context.store.last_write(self._work.row) if self.wrote else None
        if last is None or isinstance(decision, Verdict):
            return False
        made = {write.step for write in self._writes() if write.sure}
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
        maybe_sent = self._answer_lost and self._gate.sends_code(decision)
        if self._refusal is not None and self._refusal[0] in decision.steps:
            return of_failure(self._refusal[1], maybe_sent=maybe_sent)
        return MAYBE_SENT if maybe_sent else None

    def _write(self, plan: Plan, state: UserState) -> bool | None:
        """Make the plan's writes in order.

        Returns:
            Whether the effect of all of them is known; None where not even the first was made.
        """
        store, now = self._context.store, self._context.clock.now
        self.write_down()
        self._gate.count_code(plan, [write.step for write in self._writes()])
        had = self._had_before(state)
        self._learn_what_came_meanwhile(plan, state, had)
        intent = store.record_intent(self._work, state, plan, now())
        for position, step in enumerate(plan.steps):
            try:
                self._spare_its_holder(step)
                with self._gate.held():
                    self._make(step)
            except (_HeldByAnotherError, NotMadeError) as why:
                store.record_result(intent, "refused", now())
                self._gate.uncount_code(step)
                if not isinstance(why, NotMadeError):
                    raise
                if why.problem is not None:
                    raise why.problem from None
                return False if position else None
            except ApiError as error:
                if self._failed(step, intent, error, had):
                    return False
                raise
            except NotAllowed as error:
                if isinstance(error.__cause__, ApiError) and error.__cause__.operation in _WRITES:
                    store.record_result(
                        intent, "refused", now()
                    )  # turned away at the door: nothing was executed
                raise
            self._begun(had)
            self._context.refusals.accepted()
            if position + 1 < len(plan.steps):
                intent = store.record_result_and_next(intent, self._work, plan.steps[position + 1], now())
        self.done = intent
        return True

    def _failed(self, step: Step, intent: int, error: ApiError, had: UserState) -> bool:
        """Journal that a write was answered with an error. Says whether it may have been executed."""
        unsure = error.may_have_stored
        self._refusal = (step, error) if error.effect is Effect.REFUSED else None
        self._context.store.record_result(
            intent, "unknown" if unsure else "refused", self._context.clock.now()
        )
        self._answer_lost = unsure
        if unsure:
            self._unsure += 1
            self._begun(had)
        else:
            self._gate.uncount_code(step)
        self._context.refusals.refused(self._work.row, error)
        return unsure

    def _begun(self, had: UserState) -> None:
        """A write was made, or may have been."""
        self.wrote = self._made = True
        self._had = had

    def _learn_what_came_meanwhile(self, plan: Plan, state: UserState, had: UserState) -> None:
        """Keep what only a look after our write has shown as the user's from before it."""
        writes = self._writes() if self._work.verb in _ENROLLING else []
        kept = self._context.store.before_image(self._work.user_sub) if writes else None
        if kept and none_shows(kept, state, writes):
            self._context.store.correct_before_image(state)
        match plan.steps:
            case (PreferFactor(factor),) if had.mfa and factor not in had.mfa.others:
                factors = MfaState(enabled=had.mfa.others | {factor}, preferred=factor)
                self._unknown_then = replace(had, mfa=factors)
        if number := self._overwritten(state):
            self._returned.add(number)
            before = self._context.store.before_image(self._work.user_sub) or had
            before = replace(before, phone=number, phone_verified=True)
            self._context.store.correct_before_image(before)

    def _writes(self) -> list[Write]:
        return self._context.store.writes_of(self._work.row) if self.wrote else []

    def _spare_its_holder(self, step: Step) -> None:
        """Look who has a number, right before it is stored as verified where numbers sign people in.

        Raises:
            _HeldByAnotherError: another local user has the number.
        """
        how = self._gate.facts.phone_sign_in
        if how is PhoneSignIn.NO or not (isinstance(step, StorePhone) and step.verified):
            return
        if self._context.clock.monotonic() - self._looked_for.get(step.phone, -inf) < HOLDERS_HOLD_S:
            return
        named = self._context.store.users_with(step.phone, self._work.user_sub)
        if is_held(self._context.user_pool, step.phone, how, self._work.user_sub, named):
            raise _HeldByAnotherError
        self._looked_for[step.phone] = self._context.clock.monotonic()

    def _make(self, step: Step) -> None:
        match step:
            case StorePhone(phone, verified):
                self._context.user_pool.store_phone(self._work.username, phone, verified=verified)
            case SetSmsMfa(enabled, preferred):
                self._context.user_pool.set_sms_mfa(self._work.username, enabled=enabled, preferred=preferred)
            case MarkUnverified(phone):
                self._context.user_pool.mark_unverified(self._work.username, phone)
            case ClearPhone():
                self._context.user_pool.clear_phone(self._work.username)
            case PreferFactor(factor):
                self._context.user_pool.prefer_factor(self._work.username, factor)
            case _:
                assert_never(step)

    def _had_before(self, state: UserState) -> UserState:
        """The user before our first write, where this command's own journal knows it; else as just seen.

        What a user gave up between a run and its reconcile or rollback was not taken by us.
        """
        if self._had is not None:
            return self._had
        resumed = self.wrote and self._work.verb in _FIRST
        return (self._context.store.before_image(self._work.user_sub) if resumed else None) or state

    def _lost_factor(self, state: UserState) -> str | None:
        """A factor that our write took from the user, or demoted, who gets it back.

        Whether an omitted block leaves that factor alone is implied but not stated by the API reference of
        AdminSetUserMFAPreference. One that is new beside our preference was set up after the last look: SMS
        is preferred because our write came after that.
        """
        had = self._had_before(state)
        unseen = self._gate.facts.mfa is MfaMode.ON  # there AdminGetUser may show no factors
        if unseen or state.sub != self._work.user_sub or not (had.mfa and state.mfa):
            return None
        lost = had.mfa.others - state.mfa.others
        if not lost and state.mfa.preferred == SMS_MFA and (new := state.mfa.others - had.mfa.others):
            ours = SetSmsMfa(enabled=True, preferred=True)
            lost = new if any(write.step == ours for write in self._writes()) else lost
        return had.mfa.preferred if had.mfa.preferred in lost else min(lost, default=None)

    def _proved_by_user(self) -> set[str]:
        """Numbers that looks after our first write have shown as verified, and that are not ours."""
        if not self._proved or self._had is None or self._work.verb not in _ENROLLING:
            return set()
        stored = (write.step for write in self._writes())
        ours = {step.phone.e164 for step in stored if isinstance(step, StorePhone)}
        return self._proved - (ours - self._returned) - {self._had.proven_phone or ""}

    def _overwritten(self, state: UserState) -> str | None:
        """A number that the user proved right before our write, as a late look has shown."""
        theirs = self._proved_by_user()
        return min(theirs, default=None) if theirs and state.proven_phone not in theirs else None

    def _final(self, verdict: Verdict) -> Verdict:
        """What is already so was `promoted` by the user's proof, or `enrolled` by our writes."""
        if self._unknown_then is not None:
            would_be = self._context.decide(self._work, self._unknown_then)
            skipped = isinstance(would_be, Verdict) and would_be.reason.outcome is Outcome.SKIPPED
            verdict = would_be if isinstance(would_be, Verdict) and skipped else verdict
        written = self._made if self._work.verb is not PlannedBy.RUN else self.wrote
        if written and self._work.verb in _ENROLLING and verdict.reason.outcome is Outcome.SKIPPED:
            return half_done(verdict)
        if verdict.reason is not Reason.ALREADY_ENROLLED:
            return verdict
        if self._work.was in _PROVED_BY_USER:
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


class _HeldByAnotherError(Exception):
    """The number to be stored as verified is another user's: this user goes without it."""


_WRITES = frozenset({"AdminUpdateUserAttributes", "AdminSetUserMFAPreference"})


def _ending(decision: Decision) -> Reason:
    return decision.ends if isinstance(decision, Plan) else decision.reason


_FIRST = frozenset({PlannedBy.RUN, PlannedBy.DISABLE})
"""The commands that a journal starts with: its before-images are what they found."""
_ENROLLING = frozenset({PlannedBy.RUN, PlannedBy.RECONCILE, PlannedBy.REPAIR})
_ENDED_UNKNOWN = frozenset({Reason.GAVE_UP, Reason.REJECTED})
"""Rows that said so when they ended: who gives the command again means it."""
_PROVED_BY_USER = frozenset({Reason.AWAITING_CODE, Reason.AWAITING_FIRST_SIGN_IN})
