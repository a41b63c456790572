"""One user in this run: our reads and writes, changes by others in between, and what must be restored."""

from dataclasses import replace
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import (
    SMS_MFA,
    Decision,
    MfaMode,
    MfaState,
    Phone,
    Plan,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import Write, changed_since, none_shows
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.row_endings import CHANGED_SINCE, PROVED_MEANWHILE
from migrate_mfa.engine.write_gate import WriteGate

if TYPE_CHECKING:
    from migrate_mfa.journal.write_store import WorkStore

ENROLLING = frozenset({PlannedBy.RUN, PlannedBy.RECONCILE, PlannedBy.REPAIR})
_FIRST = frozenset({PlannedBy.RUN, PlannedBy.DISABLE})
"""The first command of a journal: the before-images are the states that it found."""


class UserHistory:
    """What earlier reads and writes and the journal tell about one user, in addition to the last read.

    `wrote` is true once a write of this run may have been executed, `made` once one of this process may have.
    """

    def __init__(self, work: PlannedRow, store: "WorkStore", gate: WriteGate) -> None:
        self._work = work
        self._store = store
        self._gate = gate
        self._enrolls = work.verb in ENROLLING
        self._had: UserState | None = None
        self._stored: set[str] | None = None
        self._proved: set[str] = set()
        self._returned: set[str] = set()
        self.wrote = work.wrote
        self.made = False
        self.unknown_then: UserState | None = None
        """The user as decided, plus a factor that was set up just before our write and is restored."""

    def saw(self, state: UserState) -> None:
        """Record the user as just read."""
        if self.made and state.proven_phone:
            self._proved.add(state.proven_phone)

    def begun(self, step: Step, had: UserState) -> None:
        """Record that a write was made, or may have been; `had` is the user before our first write."""
        if isinstance(step, StorePhone):
            self._stored_numbers().add(step.phone.e164)
        self.wrote = self.made = True
        self._had = had

    def writes(self) -> list[Write]:
        """The writes to this user so far, oldest first, without those that were refused."""
        return self._store.writes_of(self._work.row) if self.wrote else []

    def touched(self, state: UserState) -> bool:
        """Whether the user has changed since the read before our first write, perhaps by our write.

        Even a user who looks as before may have changed: a dead process may have sent a code, and the user
        may have removed the number.
        """
        before = self._store.before_image(self._work.user_sub)
        return before is not None and before.modified != state.modified

    def wanted(self, state: UserState, decision: Decision) -> Decision:
        """The decision, or steps that come first: they restore what our writes have taken from the user."""
        if number := self._overwritten(state):
            return Plan((StorePhone(Phone(number), verified=True),), Reason.PHONE_DIFFERS)
        if self.made and self.proved_by_user() and isinstance(decision, Plan):
            return PROVED_MEANWHILE
        decision = self.later_number(decision, state) or decision
        lost = self.lost_factor(state)
        return Plan((PreferFactor(lost),), _ending(decision)) if lost else decision

    def later_number(self, decision: Decision, state: UserState) -> Verdict | None:
        """The verdict if somebody has changed the number after this run stored its own; the new one stays.

        If they have removed the number, it may be stored again, but not if that sends a second SMS.
        """
        if not (isinstance(decision, Plan) and self.wrote and self._enrolls):
            return None
        harm = state.phone is not None or self._gate.sends_code(decision)
        if not (harm and any(isinstance(step, StorePhone) for step in decision.steps)):
            return None
        before = self._store.before_image(self._work.user_sub) or self.had_before(state)
        return CHANGED_SINCE if changed_since(before, state, self.writes()) else None

    def learn(self, plan: Plan, state: UserState, had: UserState) -> None:
        """Correct the state from before our write, if only a read after the write has shown it."""
        writes = self.writes() if self._enrolls else []
        kept = self._store.before_image(self._work.user_sub) if writes else None
        if kept and none_shows(kept, state, writes):
            self._store.correct_before_image(state)
        match plan.steps:
            case (PreferFactor(factor),) if had.mfa and factor not in had.mfa.others:
                factors = MfaState(enabled=had.mfa.others | {factor}, preferred=factor)
                self.unknown_then = replace(had, mfa=factors)
        if number := self._overwritten(state):
            self._returned.add(number)
            before = self._store.before_image(self._work.user_sub) or had
            before = replace(before, phone=number, phone_verified=True)
            self._store.correct_before_image(before)

    def had_before(self, state: UserState) -> UserState:
        """The user before our first write if this command's journal has it, else as just read.

        A factor that a user removed between a run and its reconcile or rollback was not taken by our writes.
        """
        if self._had is not None:
            return self._had
        resumed = self.wrote and self._work.verb in _FIRST
        return (self._store.before_image(self._work.user_sub) if resumed else None) or state

    def lost_factor(self, state: UserState) -> str | None:
        """A factor that our write removed or demoted, to be restored; else None.

        The API reference of AdminSetUserMFAPreference implies, but does not state, that an omitted block
        leaves its factor unchanged. A factor that is new beside our preference was set up after our last
        read, and SMS is preferred only because our write came later.
        """
        had = self.had_before(state)
        unseen = self._gate.facts.mfa is MfaMode.ON  # there AdminGetUser may show no factors
        if unseen or state.sub != self._work.user_sub or not (had.mfa and state.mfa):
            return None
        lost = had.mfa.others - state.mfa.others
        if not lost and state.mfa.preferred == SMS_MFA and (new := state.mfa.others - had.mfa.others):
            ours = SetSmsMfa(enabled=True, preferred=True)
            lost = new if any(write.step == ours for write in self.writes()) else lost
        return had.mfa.preferred if had.mfa.preferred in lost else min(lost, default=None)

    def proved_by_user(self) -> set[str]:
        """Numbers that reads after our first write have shown as verified, and that are not ours."""
        if not self._proved or self._had is None or not self._enrolls:
            return set()
        return self._proved - (self._stored_numbers() - self._returned) - {self._had.proven_phone or ""}

    def _stored_numbers(self) -> set[str]:
        """Numbers that this run has stored for the user, or may have; the journal is read at most once."""
        if self._stored is None:
            before = self._store.writes_of(self._work.row) if self._work.wrote else []
            self._stored = {each.step.phone.e164 for each in before if isinstance(each.step, StorePhone)}
        return self._stored

    def _overwritten(self, state: UserState) -> str | None:
        """A number that the user verified just before our write, as a later read has shown."""
        theirs = self.proved_by_user()
        return min(theirs, default=None) if theirs and state.proven_phone not in theirs else None


def _ending(decision: Decision) -> Reason:
    return decision.ends if isinstance(decision, Plan) else decision.reason
