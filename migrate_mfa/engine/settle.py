"""One user's way: read, decide, write, read back, until there is nothing left to write.

Whatever happened before - nothing, a crash, a lost answer, somebody else's change - the user is read and
decided again, so the same few lines start, resume and repair.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, assert_never

import structlog

from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import ApiError, Effect, user_reason
from migrate_mfa.domain.model import (
    ClearPhone,
    Decision,
    MarkUnverified,
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
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import Verb, Work
from migrate_mfa.domain.undo import changed_since, shows_late
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.refusals import Refusals
from migrate_mfa.engine.scan import pages
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.engine.write_gate import NotMadeError, WriteGate
from migrate_mfa.ports import Clock, Directory, Filter

if TYPE_CHECKING:
    from migrate_mfa.adapters.work_store import WorkStore
    from migrate_mfa.engine.stop import Stop

READ_BACK_WAITS_S = (0.5, 1.0, 2.0)
"""How long to wait before each further look at a user who does not show a write yet."""
AGAIN_AFTER_S = 10.0
"""How long a user has to be without what an earlier process stored before it is stored again."""
ROUNDS = 8
"""How often a write whose effect is unknown is settled by a read before the user is given up."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What it takes to settle a user; `decide` says what this command wants of one."""

    directory: Directory
    store: "WorkStore"
    decide: Callable[[Work, UserState], Decision]
    pool: LivePool
    clock: Clock
    stop: "Stop"
    sms: SmsAllowance
    refusals: Refusals = field(default_factory=Refusals)


@dataclass(frozen=True, slots=True)
class Settled:
    """How a row ended, and whether its user was read (and so billed) and written to."""

    verdict: Verdict
    read: bool
    wrote: bool


def settle(work: Work, tools: Tools) -> Settled:
    """Do everything for one user, and journal how it ended.

    Raises:
        Stopped: the run is ending; the row stays unprocessed.
        MigrateMfaError: the failure concerns every user.
    """
    way = _Way(work, tools)
    try:
        verdict = way.go()
    except ApiError as error:
        verdict = _blame(error)
    except _HeldByAnotherError:
        verdict = _GIVEN_AWAY if work.verb is Verb.ROLLBACK else _TAKEN
    except BaseException:
        way.write_down()
        raise
    tools.store.finish(work.row, verdict, tools.clock.now(), way.state, done=way.done)
    log.info("row", row=work.row, outcome=verdict.reason.outcome.value, reason=verdict.reason.value)
    return Settled(verdict, read=way.state is not None, wrote=way.wrote)


class _Way:
    """The state of one user's way. `wrote` holds once a write of this run may have been executed.

    `done` is the intent of the last write, which was carried out but is not journaled as that yet: it goes
    with the end of the row, which mostly comes next, in one commit. A process that dies in between finds an
    intent without a result, as one does that dies before the answer, and looks at the user first.
    """

    def __init__(self, work: Work, tools: Tools) -> None:
        self._work = work
        self._tools = tools
        self._passkey: bool | None = None
        self._gate = WriteGate(tools.pool, tools.sms, tools.store.require_ours)
        self._refusal: tuple[Step, ApiError] | None = None
        self._answer_lost = False
        self.state: UserState | None = None
        self.wrote = work.wrote
        self.done: int | None = None

    def go(self) -> Verdict:
        self._answer_lost = self._let_the_last_write_settle()
        state, decision = self._look()
        if self._may_show_late(decision):
            state, decision = self._look()
        if ended := self._not_tried_again(decision):
            return ended
        had = self._had_before(state)
        if self._later_number(decision, state, had):
            state, decision = self._look_back(had)  # perhaps the read was late
        lost = self._lost_factor(had, state)
        for _ in range(ROUNDS):
            decision = self._later_number(decision, state, had) or decision
            if lost:
                decision = Plan((PreferFactor(lost),), _ending(decision))
            if isinstance(decision, Verdict):
                return self._final(decision)
            start, made = state, decision
            known, given_back = self._write(made, start), lost
            state, decision = self._look_back(had)
            lost = self._lost_factor(had, state)
            undone = isinstance(decision, Plan) or _is_late(decision, start, made, state)
            if known and (lost == given_back if lost else undone):
                return Verdict(Reason.NOT_EFFECTIVE, _what_is_left(self._work.verb, state))
            if ended := self._not_tried_again(decision):
                return ended
        if isinstance(decision, Verdict) and not lost:
            return self._final(decision)
        return Verdict(Reason.GAVE_UP, "It stayed unknown whether Cognito had made the change.")

    def write_down(self) -> None:
        """Journal that the last write was carried out, if that was not done yet."""
        if self.done is not None:
            self._tools.store.wrote(self.done, "done", self._tools.clock.now())
            self.done = None

    def _look(self) -> tuple[UserState, Decision]:
        self._gate.renew()
        state = self._tools.directory.user(self._work.username)
        self.state = state
        if state.sub != self._work.user_sub:
            gone = Verdict(Reason.USER_NOT_FOUND, "The user was deleted, and another one made in its place.")
            return state, gone
        if state.mfa and self._has_passkey():
            state = replace(state, mfa=replace(state.mfa, passkey=True))
        return state, self._tools.decide(self._work, state)

    def _has_passkey(self) -> bool:
        """Asked once for each user, and only where SMS MFA is to be switched on."""
        if not (self._gate.facts.passkeys_at_risk and self._work.verb in _ENROLLING):
            return False
        if self._passkey is None:
            self._passkey = self._tools.directory.has_passkey(self._work.username)
        return self._passkey

    def _later_number(self, decision: Decision, state: UserState, had: UserState) -> Verdict | None:
        """Leave the user the number that they entered after this run had stored its own.

        Storing over it would take it from them. Where they have removed it, storing it again takes nothing,
        but must not send a second SMS.
        """
        if not (isinstance(decision, Plan) and self.wrote and self._work.verb in _ENROLLING):
            return None
        harm = state.phone is not None or self._gate.sends_code(decision)
        if not (harm and any(isinstance(step, StorePhone) for step in decision.steps)):
            return None
        before = self._tools.store.before_image(self._work.user_sub) or had
        changed = changed_since(before, state, self._tools.store.writes_of(self._work.row))
        return _CHANGED_SINCE if changed else None

    def _look_back(self, had: UserState) -> tuple[UserState, Decision]:
        """Look until the write shows, or for as long as it may take to show.

        A rollback that reads late finds what looks like the change of somebody else, and looks again.

        A write that may have sent an SMS is repeated only after all these looks, so a late read cannot make
        a user get a second one.
        """
        state, decision = self._look()
        for wait in READ_BACK_WAITS_S:
            settled = isinstance(decision, Verdict) and decision.reason is not Reason.CHANGED_BY_OTHERS
            if settled and not self._lost_factor(had, state):
                break
            self._tools.stop.sleep(self._tools.clock, wait)
            state, decision = self._look()
        return state, decision

    def _let_the_last_write_settle(self) -> bool:
        """A process that died may have sent a write just now; give it the time that we give our own.

        When an intent without a result was sent is not known, but a dead process sends nothing: it was before
        our start.

        Returns:
            Whether its answer was lost, and nobody has asked to try again since.
        """
        last = self._tools.store.last_write(self._work.row) if self._work.wrote else None
        if last is None:
            return False
        at = self._tools.store.begun if last.result == "intent" else last.at
        age = self._tools.clock.now() - at
        self._tools.stop.sleep(self._tools.clock, max(0.0, sum(READ_BACK_WAITS_S) - max(age, 0.0)))
        return last.result == "unknown" and self._work.was not in _ENDED_UNKNOWN

    def _may_show_late(self, decision: Decision) -> bool:
        """Wait before what an earlier process did, or may have sent as a code, is done again.

        Any other write that it may have sent is made again without more ado: twice is once.

        Returns:
            Whether it did wait, so that the user has to be read again.
        """
        last = self._tools.store.last_write(self._work.row) if self._work.wrote else None
        if last is None or isinstance(decision, Verdict):
            return False
        made = {write.step for write in self._tools.store.writes_of(self._work.row) if write.sure}
        died = last.result == "intent"
        again = made.intersection(decision.steps) or (died and self._gate.sends_code(decision))
        at = self._tools.store.begun if died else last.at
        left = min(at + AGAIN_AFTER_S - self._tools.clock.now(), AGAIN_AFTER_S)
        if not again or left <= 0:
            return False
        self._tools.stop.sleep(self._tools.clock, left)
        return True

    def _not_tried_again(self, decision: Decision) -> Verdict | None:
        """How the row ends where the last write does not show and must not be repeated."""
        if isinstance(decision, Verdict):
            return None
        maybe_sent = self._answer_lost and self._gate.sends_code(decision)
        if self._refusal is not None and self._refusal[0] in decision.steps:
            blamed = _blame(self._refusal[1])
            return replace(blamed, detail=f"{blamed.detail} {_SENT_ALL_THE_SAME}") if maybe_sent else blamed
        return Verdict(Reason.GAVE_UP, _MAYBE_SENT) if maybe_sent else None

    def _write(self, plan: Plan, state: UserState) -> bool:
        """Make the plan's writes in order. Says whether the effect of all of them is known."""
        store, now = self._tools.store, self._tools.clock.now
        self.write_down()
        self._gate.count_code(plan, self._steps_before())
        intent = store.decide(self._work, state, plan, now())
        for position, step in enumerate(plan.steps):
            try:
                self._spare_its_holder(step)
                with self._gate.held():
                    self._make(step)
            except (_HeldByAnotherError, NotMadeError) as why:
                store.wrote(intent, "refused", now())
                self._gate.uncount_code(step)
                if isinstance(why, NotMadeError):
                    return self._not_made(why)
                raise
            except ApiError as error:
                unsure = error.may_have_stored
                self._refusal = (step, error) if error.effect is Effect.REFUSED else None
                store.wrote(intent, "unknown" if unsure else "refused", now())
                self.wrote = self.wrote or unsure
                self._answer_lost = unsure
                if not unsure:
                    self._gate.uncount_code(step)
                self._tools.refusals.refused(self._work.row, error)
                if unsure:
                    return False
                raise
            except NotAllowed as error:
                if isinstance(error.__cause__, ApiError) and error.__cause__.operation in _WRITES:
                    store.wrote(intent, "refused", now())  # turned away at the door: nothing was executed
                raise
            self.wrote = True
            self._tools.refusals.accepted()
            if position + 1 < len(plan.steps):
                intent = store.wrote_and_goes_on(intent, self._work, plan.steps[position + 1], now())
        self.done = intent
        return True

    def _steps_before(self) -> list[Step]:
        return [write.step for write in self._tools.store.writes_of(self._work.row)] if self.wrote else []

    def _not_made(self, why: NotMadeError) -> bool:
        """Decide again, or end the run, for what the pool has become."""
        if why.problem is not None:
            raise why.problem from None
        return False

    def _spare_its_holder(self, step: Step) -> None:
        """Look who has a number, right before it is stored as verified where numbers sign people in.

        As an alias, the number is taken from whoever has it verified, without an error ("Customizing
        sign-in attributes", Cognito Developer Guide). The plan looked too, but that may be hours ago.

        Raises:
            _HeldByAnotherError: another local user has the number.
        """
        how = self._gate.facts.phone_sign_in
        if how is PhoneSignIn.NO or not (isinstance(step, StorePhone) and step.verified):
            return
        for user in self._holders(step.phone):
            if user.phone_verified or how is PhoneSignIn.USERNAME:
                raise _HeldByAnotherError

    def _holders(self, phone: Phone) -> Iterator[UserState]:
        """The other local users who have a number."""
        for users in pages(self._tools.directory, Filter("phone_number", phone.e164)):
            yield from (user for user in users if user.sub != self._work.user_sub and not user.federated)

    def _make(self, step: Step) -> None:
        match step:
            case StorePhone(phone, verified):
                self._tools.directory.store_phone(self._work.username, phone, verified=verified)
            case SetSmsMfa(enabled, preferred):
                self._tools.directory.set_sms_mfa(self._work.username, enabled=enabled, preferred=preferred)
            case MarkUnverified(phone):
                self._tools.directory.mark_unverified(self._work.username, phone)
            case ClearPhone():
                self._tools.directory.clear_phone(self._work.username)
            case PreferFactor(factor):
                self._tools.directory.prefer_factor(self._work.username, factor)
            case _:
                assert_never(step)

    def _had_before(self, state: UserState) -> UserState:
        """The user before our first write, where this command's own journal knows it; else as just seen.

        What a user gave up between a run and its reconcile or rollback was not taken by us.
        """
        resumed = self.wrote and self._work.verb in _FIRST
        return (self._tools.store.before_image(self._work.user_sub) if resumed else None) or state

    def _lost_factor(self, had: UserState, state: UserState) -> str | None:
        """A factor that our write took from the user, who gets it back.

        Whether an omitted block leaves that factor alone is implied but not stated by the API reference of
        AdminSetUserMFAPreference.
        """
        if state.sub != self._work.user_sub or not (had.mfa and state.mfa):
            return None
        lost = had.mfa.others - state.mfa.others
        return had.mfa.preferred if had.mfa.preferred in lost else min(lost, default=None)

    def _final(self, verdict: Verdict) -> Verdict:
        """What is already so was `promoted` by the user's proof, or `enrolled` by our writes."""
        if verdict.reason is not Reason.ALREADY_ENROLLED:
            return self._half_done(verdict) or verdict
        if self._work.was in _PROVED_BY_USER:
            return replace(verdict, reason=Reason.PROMOTED)
        return replace(verdict, reason=Reason.ENROLLED) if self.wrote else verdict

    def _half_done(self, verdict: Verdict) -> Verdict | None:
        """How a row ends that was written to and would be `skipped` now, which says that it was not."""
        if not (self.wrote and self._work.verb is Verb.RUN and verdict.reason.outcome is Outcome.SKIPPED):
            return None
        return Verdict(Reason.HALF_DONE, f"{verdict.reason.sentence} {verdict.detail}".strip())


def _is_late(decision: Decision, start: UserState, made: Plan, state: UserState) -> bool:
    """Whether what looks like the change of somebody else is the user before our own write."""
    changed = isinstance(decision, Verdict) and decision.reason is Reason.CHANGED_BY_OTHERS
    return changed and shows_late(state, start, made.steps)


def _what_is_left(verb: Verb, state: UserState) -> str:
    """Why SMS MFA still counts as on after it was switched off, where we know."""
    legacy_only = state.mfa is not None and state.mfa.legacy_sms and not state.mfa.enabled
    return _LEGACY if verb is Verb.DISABLE and legacy_only else ""


_LEGACY = "Only MFAOptions, the setting of the legacy AdminSetUserSettings, still names SMS."


_MAYBE_SENT = (
    "The answer to the write that sends a code was lost, and the user does not show it. Sending it again "
    "could be a second SMS, so that is left to you: run the same command again."
)


_SENT_ALL_THE_SAME = (
    "A code may have been sent all the same: the next run of the same command sends one more."
)
_ENDED_UNKNOWN = frozenset({Reason.GAVE_UP, Reason.REJECTED})
"""Rows that said so when they ended: who gives the command again means it."""


class _HeldByAnotherError(Exception):
    """The number to be stored as verified is another user's: this user goes without it."""


_CHANGED_SINCE = Verdict(
    Reason.PHONE_DIFFERS, "The number was changed after this run had stored its own; it was not stored again."
)
_TAKEN = Verdict(Reason.PHONE_TAKEN, "Another user of the pool has this number.")
_GIVEN_AWAY = Verdict(
    Reason.CHANGED_BY_OTHERS,
    "The old number is another user's by now, so the present one stays; SMS MFA is as before the run.",
)


_WRITES = frozenset({"AdminUpdateUserAttributes", "AdminSetUserMFAPreference"})


def _ending(decision: Decision) -> Reason:
    return decision.ends if isinstance(decision, Plan) else decision.reason


_FIRST = frozenset({Verb.RUN, Verb.DISABLE})
"""The commands that a journal starts with: its before-images are what they found."""
_ENROLLING = frozenset({Verb.RUN, Verb.RECONCILE, Verb.REPAIR})
_PROVED_BY_USER = frozenset({Reason.AWAITING_CODE, Reason.AWAITING_FIRST_SIGN_IN})


def _blame(error: ApiError) -> Verdict:
    """The verdict of a call that this user's row did not survive."""
    if error.effect is not Effect.REFUSED:
        return Verdict(Reason.GAVE_UP, f"{error.operation} kept failing with {error.code}.")
    return Verdict(
        user_reason(error.code), f"{error.operation}: {error.code}. {scrub(error.message)}".strip()
    )
