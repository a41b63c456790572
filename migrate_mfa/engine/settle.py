"""One user's way: read, decide, write, read back, until there is nothing left to write.

Whatever happened before - nothing, a crash, a lost answer, somebody else's change - the user is read and
decided again, so the same few lines start, resume and repair.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
)
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import Verb, Work
from migrate_mfa.engine.scan import pages
from migrate_mfa.ports import Clock, Directory, Filter

if TYPE_CHECKING:
    from migrate_mfa.adapters.work_store import WorkStore
    from migrate_mfa.engine.stop import Stop

READ_BACK_WAITS_S = (0.5, 1.0, 2.0)
"""How long to wait before each further look at a user who does not show a write yet."""
ROUNDS = 8
"""How often a write whose effect is unknown is settled by a read before the user is given up."""
log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What it takes to settle a user; `decide` says what this command wants of one."""

    directory: Directory
    store: "WorkStore"
    decide: Callable[[Work, UserState], Decision]
    pool: PoolFacts
    clock: Clock
    stop: "Stop"


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
        self.state: UserState | None = None
        self.wrote = work.wrote
        self.done: int | None = None

    def go(self) -> Verdict:
        self._let_the_last_write_settle()
        state, decision = self._look()
        had = self._had_before(state)
        lost = self._lost_factor(had, state)
        for _ in range(ROUNDS):
            if lost:
                decision = Plan((PreferFactor(lost),), _ending(decision))
            if isinstance(decision, Verdict):
                return self._final(decision)
            known, given_back = self._write(decision, state), lost
            state, decision = self._look_back(had)
            lost = self._lost_factor(had, state)
            if known and (lost == given_back if lost else isinstance(decision, Plan)):
                return Verdict(Reason.NOT_EFFECTIVE, _what_is_left(self._work.verb, state))
        if isinstance(decision, Verdict) and not lost:
            return self._final(decision)
        return Verdict(Reason.GAVE_UP, "It stayed unknown whether Cognito had made the change.")

    def write_down(self) -> None:
        """Journal that the last write was carried out, if that was not done yet."""
        if self.done is not None:
            self._tools.store.wrote(self.done, "done", self._tools.clock.now())
            self.done = None

    def _look(self) -> tuple[UserState, Decision]:
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
        if self._passkey is None:
            asked = self._tools.pool.passkeys_at_risk and self._work.verb in _ENROLLING
            self._passkey = asked and self._tools.directory.has_passkey(self._work.username)
        return self._passkey

    def _look_back(self, had: UserState) -> tuple[UserState, Decision]:
        """Look until the write shows, or for as long as it may take to show.

        A write that may have sent an SMS is repeated only after all these looks, so a late read cannot make
        a user get a second one.
        """
        state, decision = self._look()
        for wait in READ_BACK_WAITS_S:
            if isinstance(decision, Verdict) and not self._lost_factor(had, state):
                break
            self._tools.stop.sleep(self._tools.clock, wait)
            state, decision = self._look()
        return state, decision

    def _let_the_last_write_settle(self) -> None:
        """A process that died may have sent a write just now; give it the time that we give our own."""
        last = self._tools.store.last_write(self._work.row) if self._work.wrote else None
        if last is None:
            return
        age = self._tools.clock.now() - last.at
        self._tools.stop.sleep(self._tools.clock, max(0.0, sum(READ_BACK_WAITS_S) - max(age, 0.0)))

    def _write(self, plan: Plan, state: UserState) -> bool:
        """Make the plan's writes in order. Says whether the effect of all of them is known."""
        store, now = self._tools.store, self._tools.clock.now
        self.write_down()
        intent = store.decide(self._work, state, plan, now())
        for position, step in enumerate(plan.steps):
            try:
                self._spare_its_holder(step)
                self._make(step)
            except _HeldByAnotherError:
                store.wrote(intent, "refused", now())
                raise
            except ApiError as error:
                unsure = error.effect is Effect.UNKNOWN
                store.wrote(intent, "unknown" if unsure else "refused", now())
                self.wrote = self.wrote or unsure
                if unsure:
                    return False
                raise
            except NotAllowed as error:
                if isinstance(error.__cause__, ApiError) and error.__cause__.operation in _WRITES:
                    store.wrote(intent, "refused", now())  # turned away at the door: nothing was executed
                raise
            self.wrote = True
            if position + 1 < len(plan.steps):
                intent = store.wrote_and_goes_on(intent, self._work, plan.steps[position + 1], now())
        self.done = intent
        return True

    def _spare_its_holder(self, step: Step) -> None:
        """Look who has a number, right before it is stored as verified where numbers sign people in.

        As an alias, the number is taken from whoever has it verified, without an error ("Customizing
        sign-in attributes", Cognito Developer Guide). The plan looked too, but that may be hours ago.

        Raises:
            _HeldByAnotherError: another local user has the number.
        """
        how = self._tools.pool.phone_sign_in
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
            return verdict
        if self._work.was in _PROVED_BY_USER:
            return replace(verdict, reason=Reason.PROMOTED)
        return replace(verdict, reason=Reason.ENROLLED) if self.wrote else verdict


def _what_is_left(verb: Verb, state: UserState) -> str:
    """Why SMS MFA still counts as on after it was switched off, where we know."""
    legacy_only = state.mfa is not None and state.mfa.legacy_sms and not state.mfa.enabled
    return _LEGACY if verb is Verb.DISABLE and legacy_only else ""


_LEGACY = "Only MFAOptions, the setting of the legacy AdminSetUserSettings, still names SMS."


class _HeldByAnotherError(Exception):
    """The number to be stored as verified is another user's: this user goes without it."""


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
