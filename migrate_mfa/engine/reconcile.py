"""reconcile: users who have verified their number since, and enrolled users who are no longer protected.

ListUsers shows whose attributes or UserLastModifiedDate have changed since our last read; only those users
are read with AdminGetUser. If nothing has changed, ListUsers is the only cost.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

import structlog

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import (
    Decision,
    MfaMode,
    PhoneSignIn,
    Plan,
    PoolFacts,
    SetSmsMfa,
    StorePhone,
    UserState,
    Verdict,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import WORTH_ANOTHER_TRY, Outcome, Reason
from migrate_mfa.domain.rows import Drift, PlannedBy, Revisited
from migrate_mfa.engine.concurrent import rolling
from migrate_mfa.engine.plan import BATCH, choose_reading
from migrate_mfa.engine.scan import batches, look_up, user_if_there
from migrate_mfa.ports import Clock, Filter, Progress, ProgressUpdate, UserPool

if TYPE_CHECKING:
    from migrate_mfa.journal.reconcile_store import ReconcileStore
    from migrate_mfa.stop import Stop

WAITS_FOR_MAX_SMS = (
    "That was over when reconcile looked: "
    "the user waits for --max-sms now, as storing the number sends a code."
)
log = structlog.get_logger()


class DriftKind(StrEnum):
    """How an enrolled user can stop being protected."""

    USER_GONE = "user_gone"
    NO_PHONE = "no_phone"
    PHONE_UNVERIFIED = "phone_unverified"
    MFA_OFF = "mfa_off"


class Reconciler:
    """Compares the results of a run with the pool."""

    def __init__(
        self,
        store: "ReconcileStore",
        user_pool: UserPool,
        *,
        pool: PoolFacts,
        decide: Callable[[Revisited, UserState], Decision],
        clock: Clock,
        progress: Progress,
        stop: "Stop",
    ) -> None:
        self._store = store
        self._user_pool = user_pool
        self._pool = pool
        self._decide = decide
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self.held_back = 0
        self.unread = 0
        """Users whose present state is unknown, because AdminGetUser failed for them."""

    def look(self) -> None:
        """Read all users of interest, by a scan or by look-ups, whichever is cheaper."""
        self._store.forget_looks()
        rows = self._store.interest()
        reading = choose_reading(rows, replace(self._pool, phone_sign_in=PhoneSignIn.NO))
        self._progress.say(f"{reading.why}.")
        if reading.scan:
            self._scan()
        after = 0
        while batch := self._store.unseen(after, BATCH):
            for (row, _), users in rolling(Category.USER_LIST, lambda each: self._look_up(each[1]), batch):
                self._store.see(users)
                self._tick("looking up users", row)
            after = batch[-1][0]

    def reopen_pending(self, sms_left: int) -> Counter[Reason]:
        """Decide pending rows again, and those that failed; their plans are left for the loop that writes.

        Rows that would need more codes than `sms_left` stay as they are and are counted in `held_back`. A
        failed repair is not decided again: only --repair writes to users who have lost their protection.

        Returns:
            Rows that have a new result at once, by their new reason.
        """
        ended: Counter[Reason] = Counter()
        for each in self._revisited(unchanged=False):
            if each.outcome is Outcome.VERIFIED or each.drifting:
                continue
            if not each.changed and each.reason not in WORTH_ANOTHER_TRY:
                continue
            decision = self._decide(each, each.new) if each.new else Verdict(Reason.USER_NOT_FOUND)
            if isinstance(decision, Plan):
                if _sends_code(decision, self._pool):
                    if sms_left <= 0:
                        self.held_back += 1
                        self._store.explain(each.row, WAITS_FOR_MAX_SMS)
                        continue
                    sms_left -= 1
                self._store.reopen([each.row], decision, PlannedBy.RECONCILE)
                continue
            self._end(each, decision, ended)
        return ended

    def _end(self, each: Revisited, verdict: Verdict, ended: Counter[Reason]) -> None:
        proved = verdict.reason is Reason.ALREADY_ENROLLED
        verdict = Verdict(Reason.PROMOTED) if proved else verdict
        if verdict.reason is not each.reason:
            ended[verdict.reason] += 1
            self._store.end(each.row, verdict, self._clock.now(), each.new)
        if each.new is not None:
            self._store.accept([each.new])

    def suspects(self, *, deep: bool) -> Iterator[Revisited]:
        """Enrolled rows whose users must be read to see whether they are still protected."""
        for each in self._revisited(unchanged=deep):
            if each.drifting or (each.outcome is Outcome.VERIFIED and (deep or each.changed)):
                yield each

    def count_suspects(self, *, deep: bool) -> int:
        """How many users `find_drift` would read."""
        return sum(1 for each in self.suspects(deep=deep) if each.new is not None)

    def find_drift(self, *, deep: bool) -> tuple[int, int]:
        """Read the suspected users, and record those who have drifted.

        Returns:
            How many users were read, and how many of them now have another verified number. That is the
            user's own choice and not drift.
        """
        read = renumbered = 0
        chunk: list[Revisited] = []
        for each in self.suspects(deep=deep):
            chunk.append(each)
            if len(chunk) == BATCH:
                one, two = self._read(chunk)
                read, renumbered = read + one, renumbered + two
                chunk.clear()
        one, two = self._read(chunk)
        return read + one, renumbered + two

    def _read(self, chunk: list[Revisited]) -> tuple[int, int]:
        states: list[UserState] = []
        drifts, fine, renumbered = [], [], 0
        for each, state in rolling(Category.USER_READ, self._state, chunk):
            if isinstance(state, ApiError):
                log.warning("user_not_read", operation=state.operation, code=state.code, row=each.row)
                self.unread += 1
                continue
            states += [state] if state else []
            kind = drift_kind(state, each.sub, self._pool)
            if kind is None:
                fine.append(each.sub)
                renumbered += state is not None and state.phone != each.old.phone
            else:
                drifts.append(Drift(each.row, each.sub, each.username, kind.value, DRIFT_DETAILS[kind]))
        self._store.note_drift(drifts, fine, self._clock.now())
        self._store.accept(states)
        self._tick("reading changed users", chunk[-1].row if chunk else 0)
        return sum(each.new is not None for each in chunk), renumbered

    def _state(self, each: Revisited) -> UserState | ApiError | None:
        try:
            return None if each.new is None else user_if_there(self._user_pool, each.username)
        except ApiError as error:
            return error

    def _revisited(self, *, unchanged: bool) -> Iterator[Revisited]:
        after = 0
        while batch := self._store.revisited(after, BATCH, unchanged=unchanged):
            yield from batch
            after = batch[-1].row
            self._stop.check()

    def _scan(self) -> None:
        estimated = self._pool.estimated_users
        for batch in batches(
            self._user_pool, estimated, BATCH, lambda seen: self._tick("reading the pool", seen, estimated)
        ):
            self._store.see(batch)

    def _look_up(self, sub: str) -> list[UserState]:
        return look_up(self._user_pool, Filter("sub", sub))

    def _tick(self, stage: str, done: int, total: int | None = None) -> None:
        self._progress.show(ProgressUpdate(stage=stage, done=done, total=total))
        self._stop.check()


def _sends_code(plan: Plan, pool: PoolFacts) -> bool:
    stores = any(isinstance(step, StorePhone) and not step.verified for step in plan.steps)
    return stores and pool.code_sms_on_unverified_write


def drift_kind(state: UserState | None, sub: str, pool: PoolFacts) -> DriftKind | None:
    """The drift of an enrolled user, or None."""
    if state is None or state.sub != sub:
        return DriftKind.USER_GONE
    if state.phone is None:
        return DriftKind.NO_PHONE
    if not state.phone_verified:
        return DriftKind.PHONE_UNVERIFIED
    in_effect = pool.mfa is MfaMode.ON or (state.mfa is not None and state.mfa.sms_in_effect)
    return None if in_effect else DriftKind.MFA_OFF


DRIFT_DETAILS = {
    DriftKind.USER_GONE: "The user is no longer in the pool.",
    DriftKind.NO_PHONE: "The number is gone.",
    DriftKind.PHONE_UNVERIFIED: "The number is no longer verified.",
    DriftKind.MFA_OFF: (
        "SMS MFA was switched off after the run, perhaps by your help desk; --repair switches it on again."
    ),
}

REPAIR = Plan((SetSmsMfa(enabled=True, preferred=True),), Reason.ENROLLED)
"""The plan of a repair; before a write, the user is read and decided again."""
