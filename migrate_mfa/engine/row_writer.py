"""The writes of one user's plans, made in order. Each is journaled before it is made and after its answer."""

from typing import assert_never

from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import (
    ClearPhone,
    MarkUnverified,
    Plan,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
)
from migrate_mfa.domain.rows import PlannedRow
from migrate_mfa.engine.holders import HeldByAnotherError, Holders
from migrate_mfa.engine.row_context import RowContext
from migrate_mfa.engine.user_history import UserHistory
from migrate_mfa.engine.write_gate import NotMadeError, WriteGate

_WRITES = frozenset({"AdminUpdateUserAttributes", "AdminSetUserMFAPreference"})


class RowWriter:
    """Makes one user's writes.

    `done` is the intent of the last write, which succeeded but is not yet journaled as done: that is
    committed together with the end of the row, which usually comes next. If the process dies in between, the
    journal has an intent without a result, as if it had died before the answer: the user is then read first.
    """

    def __init__(self, work: PlannedRow, context: RowContext, gate: WriteGate, history: UserHistory) -> None:
        self._work = work
        self._context = context
        self._gate = gate
        self._history = history
        self._holders = Holders(work, context)
        self.done: int | None = None
        self.refusal: tuple[Step, ApiError] | None = None
        """The last refused write and its error."""
        self.answer_lost = False
        """Whether the last write may have been executed without an answer."""
        self.unsure = 0
        """How many writes may have been executed without an answer."""

    def write(self, plan: Plan, state: UserState) -> bool | None:
        """Make the plan's writes in order.

        Returns:
            Whether the effect of all of them is known; None if not even the first was made.
        """
        store, now = self._context.store, self._context.clock.now
        self.write_down()
        self._gate.count_code(plan, [write.step for write in self._history.writes()])
        had = self._history.had_before(state)
        self._history.learn(plan, state, had)
        intent = store.record_intent(self._work, state, plan, now())
        for position, step in enumerate(plan.steps):
            try:
                self._holders.spare(step, self._gate.facts.phone_sign_in)
                with self._gate.held():
                    self._make(step)
            except (HeldByAnotherError, NotMadeError) as why:
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
                    store.record_result(intent, "refused", now())  # refused before it had any effect
                raise
            self._history.begun(step, had)
            self._context.refusals.accepted()
            if position + 1 < len(plan.steps):
                intent = store.record_result_and_next(intent, self._work, plan.steps[position + 1], now())
        self.done = intent
        return True

    def _failed(self, step: Step, intent: int, error: ApiError, had: UserState) -> bool:
        """Journal that a write was answered with an error. Returns whether it may have been executed."""
        unsure = error.may_have_stored
        self.refusal = (step, error) if error.effect is Effect.REFUSED else None
        self._context.store.record_result(
            intent, "unknown" if unsure else "refused", self._context.clock.now()
        )
        self.answer_lost = unsure
        if unsure:
            self.unsure += 1
            self._history.begun(step, had)
        else:
            self._gate.uncount_code(step)
        self._context.refusals.refused(self._work.row, error)
        return unsure

    def write_down(self) -> None:
        """Journal that the last write succeeded, if that was not done yet."""
        if self.done is not None:
            self._context.store.record_result(self.done, "done", self._context.clock.now())
            self.done = None

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
