"""The plan: every row of the roster against the pool, without any call that bills a dormant user."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Protocol

import structlog

from migrate_mfa.domain.decide import decide, wished_phone
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import (
    Candidate,
    Decision,
    PhoneSignIn,
    Policy,
    PoolFacts,
    Rejection,
    Rivalry,
    UserState,
    Verdict,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.resolve import IdentityKind, resolve
from migrate_mfa.domain.rows import Resolved, Verb
from migrate_mfa.domain.words import counted
from migrate_mfa.engine.rolling import rolling
from migrate_mfa.engine.scan import PAGE, batches, pages
from migrate_mfa.ports import Clock, Directory, Filter, Progress, Standing

if TYPE_CHECKING:
    from migrate_mfa.adapters.plan_store import PlanStore
    from migrate_mfa.adapters.roster import Roster
    from migrate_mfa.engine.stop import Stop

BATCH = 1000
log = structlog.get_logger()


class Decide(Protocol):
    """`domain.decide.decide`, or another command's answer to the same question."""

    def __call__(
        self,
        candidate: Candidate,
        state: UserState,
        *,
        pool: PoolFacts,
        policy: Policy,
        rivalry: Rivalry | None = None,
    ) -> Decision:
        """What should happen to one user."""
        ...


@dataclass(frozen=True, slots=True)
class Reading:
    """How the pool is read: by a scan of everything, or by one look-up for each row, and at what cost."""

    scan: bool
    scan_calls: int
    lookup_calls: int

    @property
    def why(self) -> str:
        """The choice and its reason, in one sentence."""
        chosen, other = ("a scan", "look-ups") if self.scan else ("look-ups", "a scan")
        costs = (self.scan_calls, self.lookup_calls) if self.scan else (self.lookup_calls, self.scan_calls)
        return (
            f"reading the pool by {chosen}: about {counted(costs[0], 'call')}, where {other} would take "
            f"{costs[1]:,}"
        )


def choose_reading(rows: int, pool: PoolFacts) -> Reading:
    """Take the cheaper way; a row needs two look-ups where its number could sign somebody else in."""
    calls_a_row = 1 if pool.phone_sign_in is PhoneSignIn.NO else 2
    scan = max(1, ceil(pool.estimated_users / PAGE))
    lookups = rows * calls_a_row
    return Reading(scan=scan < lookups, scan_calls=scan, lookup_calls=lookups)


class Planner:
    """Makes the plan in the journal, stage by stage; each stage streams."""

    def __init__(
        self,
        store: "PlanStore",
        directory: Directory,
        *,
        pool: PoolFacts,
        policy: Policy,
        clock: Clock,
        progress: Progress,
        stop: "Stop",
        decide: Decide = decide,
        verb: Verb = Verb.RUN,
    ) -> None:
        self._store = store
        self._directory = directory
        self._pool = pool
        self._policy = policy
        self._clock = clock
        self._progress = progress
        self._stop = stop
        self._decide = decide
        self._verb = verb

    def ingest(self, roster: "Roster") -> int:
        """Take the roster into the journal. Returns the number of records."""
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
        """Find the users of all undecided rows, the cheaper way, and resolve the rows."""
        reading = choose_reading(rows, self._pool)
        self._progress.say(f"{reading.why}.")
        log.info("pool_reading", scan=reading.scan, calls=min(reading.scan_calls, reading.lookup_calls))
        if reading.scan:
            self._scan()
        self._tick("sorting the users")
        self._store.index_users()
        self._resolve(scanned=reading.scan)
        self._compare_identities(scanned=reading.scan)
        return reading

    def decide_all(self) -> None:
        """Rows 4 to 12 of the decision table for all resolved rows."""
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
                        rivalry=each.rivalry,
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
            self._directory, estimated, BATCH, lambda seen: self._tick("reading the pool", seen, estimated)
        ):
            self._store.add_users(batch)
        log.info("pool_scanned", users=self._store.count_users())

    def _users_of(self, candidate: Candidate) -> list[UserState]:
        """All users that one row could mean or, where numbers sign people in, that hold its number."""
        users: list[UserState] = []
        for position, (kinds, value) in enumerate(identities(candidate)):
            if position and any(self._named_by(user, kinds, value) for user in users):
                continue  # a weaker identity that agrees needs no call of its own
            found = [user for kind in kinds for user in self._find_in_pool(Filter.by(kind, value))]
            if not found and position == 0:
                return []
            users += found
        if self._pool.phone_sign_in is not PhoneSignIn.NO:
            wishes = {wished_phone(candidate, user, self._policy) for user in users}
            for wish in sorted(phone.e164 for phone in wishes if phone):
                users += self._find_in_pool(Filter("phone_number", wish))
        return users

    def _named_by(self, user: UserState, kinds: tuple[IdentityKind, ...], value: str) -> bool:
        own = {
            IdentityKind.SUB: user.sub,
            IdentityKind.USERNAME: user.username,
            IdentityKind.EMAIL: user.email,
        }
        if self._pool.case_sensitive:
            return any(own[kind] == value for kind in kinds)
        return any((own[kind] or "").casefold() == value.casefold() for kind in kinds)

    def _find_in_pool(self, only: Filter) -> list[UserState]:
        try:
            return [user for page in pages(self._directory, only) for user in page]
        except ApiError as error:
            if error.effect is not Effect.REFUSED:
                raise
            # A value that Cognito does not take as an identity is nobody's; one cell must not end the plan.
            log.warning("lookup_refused", operation=error.operation, code=error.code)
            return []

    def _found(self, candidate: Candidate) -> list[list[UserState]]:
        return found_by(candidate, self._store)

    def _resolve(self, *, scanned: bool) -> None:
        """Find each row's user, by a look-up where there was no scan or the scan did not find one."""
        after, last = 0, self._store.last_row()
        self._tick("finding each row's user", after, last)
        while batch := self._store.unresolved(after, BATCH):
            named = [(each, self._found(each) if scanned else []) for each in batch]
            missing = [each for each, found in named if not (found and found[0])]
            self._look_up(missing, lambda row: self._tick("finding each row's user", row, last))
            self._write_down(
                [(each, found if found and found[0] else self._found(each)) for each, found in named]
            )
            after = batch[-1].at.row
            self._tick("finding each row's user", after, last)

    def _compare_identities(self, *, scanned: bool) -> None:
        """Row 1 before row 2 of the decision table: a row that names two users is worse than its number."""
        after, last = 0, self._store.last_row()
        while batch := self._store.wrong_numbers(after, BATCH):
            missing = [each for each in batch if not (scanned and self._found(each)[0])]
            self._look_up(missing, lambda row: self._tick("comparing identities", row, last))
            ends = [(each.at.row, resolve(self._found(each))) for each in batch]
            worse = [(row, end) for row, end in ends if isinstance(end, Verdict)]
            self._store.decide(
                [(row, end) for row, end in worse if end.reason is Reason.BAD_ROW], self._clock.now()
            )
            after = batch[-1].at.row

    def _look_up(self, missing: Iterable[Candidate], tick: Callable[[int], None]) -> None:
        for candidate, users in rolling(Category.USER_LIST, self._users_of, missing):
            self._store.add_users(users)
            tick(candidate.at.row)

    def _write_down(self, named: Sequence[tuple[Candidate, Sequence[Sequence[UserState]]]]) -> None:
        resolved: list[Resolved] = []
        verdicts: list[tuple[int, Decision]] = []
        for candidate, found in named:
            user = resolve(found)
            if isinstance(user, Verdict):
                verdicts.append((candidate.at.row, user))
            else:
                resolved.append(self._wish(candidate, user))
        self._store.resolve(resolved)
        self._store.decide(verdicts, self._clock.now())

    def _wish(self, candidate: Candidate, user: UserState) -> Resolved:
        wish = wished_phone(candidate, user, self._policy)
        trust = self._policy.trust(candidate.vouched)
        return Resolved(candidate.at.row, user.sub, wish.e164 if wish else None, trust.value)

    def _tick(self, stage: str, done: int | None = None, total: int | None = None) -> None:
        self._progress.show(Standing(stage=stage, done=done, total=total))
        self._stop.check()


def found_by(candidate: Candidate, store: "PlanStore") -> list[list[UserState]]:
    """For each identity of the row, whom it names among the users read so far."""
    return [
        list({user.sub: user for kind in kinds for user in store.find(kind, value)}.values())
        for kinds, value in identities(candidate)
    ]


def named_by(row: Candidate | Rejection, store: "PlanStore") -> UserState | None:
    """The user of a journal whom a row names, of whatever roster."""
    found = resolve(found_by(row, store)) if isinstance(row, Candidate) else None
    return found if isinstance(found, UserState) else None


def count_lifted(store: "PlanStore", *, pool: PoolFacts, policy: Policy) -> Counter[Reason]:
    """How many planned users `--despite` lets in, by the reason that would have kept each of them out."""
    careful = replace(policy, despite=frozenset())
    lifted: Counter[Reason] = Counter()
    after = 0
    while policy.despite and (batch := store.planned(after, BATCH)):
        for each in batch:
            decision = decide(each.candidate, each.state, pool=pool, policy=careful, rivalry=each.rivalry)
            lifted.update([decision.reason] if isinstance(decision, Verdict) else ())
        after = batch[-1].candidate.at.row
    return lifted


def users_named(name: str, store: "PlanStore") -> set[str]:
    """The subs of all users of a journal who have this sub, Username or e-mail address."""
    return {user.sub for kind in IdentityKind for user in store.find(kind, name)}


def identities(candidate: Candidate) -> Sequence[tuple[tuple[IdentityKind, ...], str]]:
    """A row's identities, strongest first; an address in the username column may be either kind."""
    found: list[tuple[tuple[IdentityKind, ...], str]] = []
    if candidate.sub:
        found.append(((IdentityKind.SUB,), candidate.sub))
    if candidate.username:
        address = "@" in candidate.username
        kinds = (IdentityKind.EMAIL, IdentityKind.USERNAME) if address else (IdentityKind.USERNAME,)
        found.append((kinds, candidate.username))
    if candidate.email:
        found.append(((IdentityKind.EMAIL,), candidate.email))
    return found
