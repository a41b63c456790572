"""The plan: compare every row of the roster with the pool, without any call that makes a user billed."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Protocol

import structlog

from migrate_mfa.domain.decide import decide, target_phone
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import (
    Candidate,
    Decision,
    NumberClaims,
    PhoneSignIn,
    Policy,
    PoolFacts,
    UserState,
    Verdict,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import Naming, identities, resolve
from migrate_mfa.domain.rows import PlannedBy, Resolved
from migrate_mfa.engine.concurrent import rolling
from migrate_mfa.engine.find_users import Finder, found_by
from migrate_mfa.engine.recognition import ENOUGH, Recognition
from migrate_mfa.engine.scan import PAGE, batches
from migrate_mfa.ports import Clock, Progress, ProgressUpdate, UserPool

if TYPE_CHECKING:
    from migrate_mfa.journal.plan_store import PlanStore
    from migrate_mfa.roster.file import Roster
    from migrate_mfa.stop import Stop

BATCH = 1000
log = structlog.get_logger()


class Decide(Protocol):
    """`domain.decide.decide`, or another command's decision function."""

    def __call__(
        self,
        candidate: Candidate,
        state: UserState,
        *,
        pool: PoolFacts,
        policy: Policy,
        claims: NumberClaims | None = None,
    ) -> Decision:
        """Decide what should happen to one user."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How the pool is read: by a scan of all users or by a look-up for each row, with the calls of both."""

    scan: bool
    scan_calls: int
    lookup_calls: int

    @property
    def why(self) -> str:
        """The choice and its reason, in one sentence."""
        if self.scan:
            about = counted(self.scan_calls, "call")
            other = f"looking up each row would take {self.lookup_calls:,}"
            return f"The users are found by reading the whole pool: about {about} ({other})"
        about = counted(self.lookup_calls, "call")
        other = f"reading the whole pool would take {self.scan_calls:,}"
        return f"The users are found by looking up each row: about {about} ({other})"


def choose_reading(rows: int, pool: PoolFacts) -> Reading:
    """Choose the cheaper way. A row needs two look-ups if users sign in with numbers."""
    calls_a_row = 1 if pool.phone_sign_in is PhoneSignIn.NO else 2
    scan = max(1, ceil(pool.estimated_users / PAGE))
    lookups = rows * calls_a_row
    return Reading(scan=scan < lookups, scan_calls=scan, lookup_calls=lookups)


class Planner:
    """Makes the plan in the journal, in stages; each stage streams its rows."""

    def __init__(
        self,
        store: "PlanStore",
        user_pool: UserPool,
        *,
        pool: PoolFacts,
        policy: Policy,
        clock: Clock,
        progress: Progress,
        stop: "Stop",
        decide: Decide = decide,
        verb: PlannedBy = PlannedBy.RUN,
        naming: Naming | None = None,
        may_find_nobody: bool = False,
    ) -> None:
        self._store = store
        self._user_pool = user_pool
        self._pool = pool
        self._policy = policy
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self._decide = decide
        self._verb = verb
        self._naming = naming or Naming(phone_sign_in=pool.phone_sign_in)
        self._finder = Finder(user_pool, pool=pool, policy=policy, naming=self._naming)
        self._recognition = Recognition(pool, self._naming, sure=may_find_nobody)

    def ingest(self, roster: "Roster") -> int:
        """Copy the roster into the journal. Returns the number of records."""
        batch, count = [], 0
        self._tick("reading the roster", count)
        for record in roster.records():
            batch.append(record)
            count += 1
            if len(batch) == BATCH:
                self._store.add_records(batch, self._clock.now())
                batch.clear()
                self._tick("reading the roster", count)
        self._store.add_records(batch, self._clock.now())
        log.info("roster_read", rows=count)
        return count

    def read_pool(self, rows: int) -> Reading:
        """Find the users of all undecided rows, in the cheaper way, and resolve the rows.

        Raises:
            InputUnusable: the roster seems to belong to another pool.
        """
        reading = choose_reading(rows, self._pool)
        self._progress.say(f"{reading.why}.")
        log.info("pool_reading", scan=reading.scan, calls=min(reading.scan_calls, reading.lookup_calls))
        if reading.scan:
            self._scan()
        self._tick("sorting the users")
        self._store.index_users()
        if reading.scan:
            self._resolve_scanned()
        self._resolve_looked_up(scanned=reading.scan)
        self._compare_identities(scanned=reading.scan)
        return reading

    def decide_all(self) -> None:
        """Decide all resolved rows: rows 4 to 12 of the decision table."""
        self._tick("comparing the rows")
        self._store.compare_rows(self._clock.now())
        if self._pool.phone_sign_in is not PhoneSignIn.NO:
            self._store.mark_rivals()
        after, last = 0, self._store.last_row()
        self._tick("deciding", after, last)
        while batch := self._store.undecided(after, BATCH):
            decisions: list[tuple[int, Decision]] = [
                (
                    each.candidate.at.row,
                    self._decide(
                        each.candidate,
                        each.state,
                        pool=self._pool,
                        policy=self._policy,
                        claims=each.claims,
                    ),
                )
                for each in batch
            ]
            self._store.decide(decisions, self._clock.now(), self._verb)
            after = batch[-1].candidate.at.row
            self._tick("deciding", after, last)
        self._tick("forgetting users of no row")
        self._store.forget_strangers()

    def _scan(self) -> None:
        estimated = self._pool.estimated_users
        self._tick("reading the pool", 0, estimated)
        for batch in batches(
            self._user_pool, estimated, BATCH, lambda seen: self._tick("reading the pool", seen, estimated)
        ):
            self._store.add_users(batch)
        log.info("pool_scanned", users=self._store.count_users())

    def _found_by(self, candidate: Candidate) -> list[list[UserState]]:
        return found_by(candidate, self._store, self._naming)

    def _resolve_scanned(self) -> None:
        """Find the users of rows among the users of the scan."""
        last = self._store.last_row()
        for batch in self._batches(self._store.unresolved):
            named = [(each, found) for each in batch if (found := self._found_by(each)) and found[0]]
            self._recognition.note(found=bool(named))
            self._write_down(named)
            self._tick("finding each row's user", batch[-1].at.row, last)

    def _resolve_looked_up(self, *, scanned: bool) -> None:
        """Look up the users of all remaining rows."""
        left, done = self._store.count_unresolved(), 0
        if scanned and left:
            self._progress.say(
                f"{counted(left, 'row matches', 'rows match')} no user of the scan. Looking each one up, in "
                "case the user is new."
            )
        self._recognition.note(found=self._store.somebody_named())
        for batch in self._batches(self._store.unresolved):
            tick = partial(self._tick_on, "looking rows up", done, left)
            refused = self._look_up(batch, tick, scanned=scanned)
            self._write_down([(each, self._found_by(each)) for each in batch if each.at.row not in refused])
            done += len(batch)
            self._tick("looking rows up", done, left)

    def _batches(self, rows: Callable[[int, int], list[Candidate]]) -> Iterator[list[Candidate]]:
        after = 0
        while batch := rows(after, BATCH):
            yield batch
            after = batch[-1].at.row

    def _compare_identities(self, *, scanned: bool) -> None:
        """Row 1 before row 2 of the decision table: two users in one row are worse than a bad number."""
        done = 0
        for batch in self._batches(self._store.wrong_numbers):
            missing = [each for each in batch if not (scanned and self._found_by(each)[0])]
            tick = partial(self._tick_on, "comparing identities", done, None)
            self._look_up(missing, tick, scanned=scanned)
            done += len(batch)
            ends = [(each.at.row, self._resolved(each, self._found_by(each))) for each in batch]
            worse = [(row, end) for row, end in ends if isinstance(end, Verdict)]
            self._store.decide(
                [(row, end) for row, end in worse if end.reason is Reason.BAD_ROW], self._clock.now()
            )

    def _look_up(
        self, missing: Iterable[Candidate], tick: Callable[[int], None], *, scanned: bool
    ) -> set[int]:
        """Look up the users of some rows. Returns rows that have ended because they cannot be looked up."""
        refused: dict[int, Verdict] = {}
        look = partial(self._finder.users_of, scanned=scanned)
        for done, (candidate, users) in enumerate(rolling(Category.USER_LIST, look, missing), 1):
            row = candidate.at.row
            if isinstance(users, Verdict):
                refused[row] = users
            else:
                self._store.add_users(users)
                self._notice(row, found=bool(users), scanned=scanned)
            tick(done)
        self._store.decide(refused.items(), self._clock.now())
        return set(refused)

    def _notice(self, row: int, *, found: bool, scanned: bool) -> None:
        """Record a look-up, and stop if the roster seems to belong to another pool.

        Rows may be sorted, with those of former users first. So without a scan, a sample of the remaining
        rows is tried too.

        Raises:
            InputUnusable: none of the rows looked up so far names a user.
        """
        if not self._recognition.doubts(found=found):
            return
        sample = [] if scanned else self._sample(row)
        for _, users in rolling(Category.USER_LIST, self._finder.users_of, sample):
            self._recognition.doubts(found=bool(users) and not isinstance(users, Verdict))
        self._recognition.require_somebody(self._store.count_users() if scanned else None)

    def _sample(self, after: int) -> list[Candidate]:
        """A sample of the remaining rows of the roster."""
        step = (self._store.last_row() - after) / ENOUGH
        found = [row for n in range(ENOUGH) for row in self._store.unresolved(after + int(n * step), 1)]
        return list({row.at.row: row for row in found}.values())

    def _write_down(self, named: Sequence[tuple[Candidate, Sequence[Sequence[UserState]]]]) -> None:
        resolved: list[Resolved] = []
        verdicts: list[tuple[int, Decision]] = []
        for candidate, found in named:
            user = self._resolved(candidate, found)
            if isinstance(user, Verdict):
                verdicts.append((candidate.at.row, user))
            else:
                resolved.append(self._wish(candidate, user))
        self._store.resolve(resolved)
        self._store.decide(verdicts, self._clock.now())

    def _resolved(self, candidate: Candidate, found: Sequence[Sequence[UserState]]) -> UserState | Verdict:
        return resolve(found, identities(candidate, self._naming))

    def _wish(self, candidate: Candidate, user: UserState) -> Resolved:
        target = target_phone(candidate, user, self._policy)
        trust = self._policy.for_row(candidate.claims_verified)
        return Resolved(candidate.at.row, user.sub, target.e164 if target else None, trust.value)

    def _tick_on(self, stage: str, before: int, total: int | None, more: int) -> None:
        self._tick(stage, before + more, total)

    def _tick(self, stage: str, done: int | None = None, total: int | None = None) -> None:
        self._progress.show(ProgressUpdate(stage=stage, done=done, total=total))
        self._stop.check()


def count_lifted(store: "PlanStore", *, pool: PoolFacts, policy: Policy) -> Counter[Reason]:
    """How many users are planned only because of `--despite`, by the reason that it overrides."""
    careful = replace(policy, despite=frozenset())
    lifted: Counter[Reason] = Counter()
    after = 0
    while policy.despite and (batch := store.planned(after, BATCH)):
        for each in batch:
            decision = decide(each.candidate, each.state, pool=pool, policy=careful, claims=each.claims)
            lifted.update([decision.reason] if isinstance(decision, Verdict) else ())
        after = batch[-1].candidate.at.row
    return lifted
