"""One user in this run: our looks and writes, what others did between them, and what we owe them for it."""

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
"""The commands that a journal starts with: its before-images are what they found."""


class UserHistory:
    """What is known of one user in addition to the last read: from earlier reads and writes, and the journal.

    `wrote` holds once a write of this run may have been executed, `made` once one of this process may have.
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
        """The user as decided, with a factor that was set up right before our write and is given back."""

    def saw(self, state: UserState) -> None:
        """The user was read just now."""
        if self.made and state.proven_phone:
            self._proved.add(state.proven_phone)

    def begun(self, step: Step, had: UserState) -> None:
        """A write was made, or may have been; `had` is the user before our first one."""
        if isinstance(step, StorePhone):
            self._stored_numbers().add(step.phone.e164)
        self.wrote = self.made = True
        self._had = had

    def writes(self) -> list[Write]:
        """The writes to this user so far, oldest first, without those that were refused."""
        return self._store.writes_of(self._work.row) if self.wrote else []

    def touched(self, state: UserState) -> bool:
        """Whether anything has changed the user since the look before our first write: we ourselves, perhaps.

        Who looks as before may have been sent a code by a process that died, and have removed the number.
        """
        before = self._store.before_image(self._work.user_sub)
        return before is not None and before.modified != state.modified

    def wanted(self, state: UserState, decision: Decision) -> Decision:
        """Additional steps: first give back what our writes have taken."""
        if number := self._overwritten(state):
            return Plan((StorePhone(Phone(number), verified=True),), Reason.PHONE_DIFFERS)
        if self.made and self.proved_by_user() and isinstance(decision, Plan):
            return PROVED_MEANWHILE
        decision = self.later_number(decision, state) or decision
        lost = self.lost_factor(state)
        return Plan((PreferFactor(lost),), _ending(decision)) if lost else decision

    def later_number(self, decision: Decision, state: UserState) -> Verdict | None:
        """Leave the user the number that they entered after this run had stored its own.

        Storing over it would take it from them. Where they have removed it, storing it again takes nothing,
        but must not send a second SMS.
        """
        if not (isinstance(decision, Plan) and self.wrote and self._enrolls):
            return None
        harm = state.phone is not None or self._gate.sends_code(decision)
        if not (harm and any(isinstance(step, StorePhone) for step in decision.steps)):
            return None
        before = self._store.before_image(self._work.user_sub) or self.had_before(state)
        return CHANGED_SINCE if changed_since(before, state, self.writes()) else None

    def learn(self, plan: Plan, state: UserState, had: UserState) -> None:
        """Keep what only a look after our write has shown as the user's from before it."""
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
        """The user before our first write, where this command's own journal knows it; else as just seen.

        What a user gave up between a run and its reconcile or rollback was not taken by us.
        """
        if self._had is not None:
            return self._had
        resumed = self.wrote and self._work.verb in _FIRST
        return (self._store.before_image(self._work.user_sub) if resumed else None) or state

    def lost_factor(self, state: UserState) -> str | None:
        """A factor that our write took from the user, or demoted, who gets it back.

        Whether an omitted block leaves that factor alone is implied but not stated by the API reference of
        AdminSetUserMFAPreference. One that is new beside our preference was set up after the last look: SMS
        is preferred because our write came after that.
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
        """Numbers that looks after our first write have shown as verified, and that are not ours."""
        if not self._proved or self._had is None or not self._enrolls:
            return set()
        return self._proved - (self._stored_numbers() - self._returned) - {self._had.proven_phone or ""}

    def _stored_numbers(self) -> set[str]:
        """Numbers that this run has stored for the user, or may have; the journal is asked once at most."""
        if self._stored is None:
            before = self._store.writes_of(self._work.row) if self._work.wrote else []
            self._stored = {each.step.phone.e164 for each in before if isinstance(each.step, StorePhone)}
        return self._stored

    def _overwritten(self, state: UserState) -> str | None:
        """A number that the user proved right before our write, as a late look has shown."""
        theirs = self.proved_by_user()
        return min(theirs, default=None) if theirs and state.proven_phone not in theirs else None


def _ending(decision: Decision) -> Reason:
    return decision.ends if isinstance(decision, Plan) else decision.reason
