"""rollback: undo a run for users whom nobody else has changed since."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice

from migrate_mfa.checks.preflight import require_optional_mfa, require_sms_mfa
from migrate_mfa.domain.errors import ExitCode, InputUnusable
from migrate_mfa.domain.forecast import forecast
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import Decision, Plan, PoolFacts, UserState, Verdict
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.resolve import Naming
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.find_users import named_by, users_named
from migrate_mfa.engine.plan import BATCH
from migrate_mfa.invocation import Invocation
from migrate_mfa.journal.rollback_store import RollbackStore
from migrate_mfa.ports import Progress
from migrate_mfa.reports.command_results import RollbackResult
from migrate_mfa.reports.overview import plan_name
from migrate_mfa.roster.file import Roster
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.consent import Writing
from migrate_mfa.workflows.planned_run import open_planned_run, was_applied

_VERBS = (PlannedBy.ROLLBACK,)
_RESTORE = Plan((), Reason.RESTORED)  # the writes are known once the user is read
_NAME_THEM = "Name them by sub, Username or e-mail address, as the roster or the report has them."


@contextmanager
def open_rollback(settings: Settings, progress: Progress, *, exclusive: bool = True) -> Iterator["Rollback"]:
    """Open a run directory for `rollback`; `exclusive` as for `connect`, raises like `open_planned_run`."""
    with open_planned_run(settings, "rollback", _VERBS, progress, exclusive=exclusive) as run:
        yield Rollback(run.invocation, run.roster)


@dataclass(slots=True)
class Rollback:
    """One invocation of `rollback`."""

    invocation: Invocation
    roster: Roster | None = None
    found: RollbackResult = field(default_factory=RollbackResult)
    _only_chosen: bool = False
    _named: frozenset[str] = frozenset()
    _not_given_back: bool = False
    left_alone: int = 0
    """How many of the users named with --user stay as they are, because somebody else changed them."""

    @property
    def has_run(self) -> bool:
        """Whether there is a run to undo."""
        return was_applied(self.invocation.journal)

    @property
    def store(self) -> RollbackStore:
        """The journal's store for rollback."""
        return RollbackStore(self.invocation.journal.database)

    def choose(self, names: Collection[str]) -> str:
        """Limit the rollback to the users of --user and of the roster, if any are given.

        Returns:
            A sentence about rows of the roster that name no user of this run; empty if there are none.

        Raises:
            InputUnusable: a --user, or every row of the roster, names no user of this run; or a --user names
                several.
        """
        named = [users_named(name, self.invocation.plans) for name in names]
        if unknown := [place for place, users in enumerate(named, 1) if not users]:
            which = f"--user number {', '.join(map(str, unknown))} of {len(named)}"
            raise InputUnusable(f"{which} does not match a user of this run. Nothing was undone.", _NAME_THEM)
        most = max(map(len, named), default=0)
        if most > 1:
            raise InputUnusable(
                f"One --user matches {most} users of this run.",
                "Name the one you mean by sub (user_sub in the report) or by Username.",
            )
        self._named = frozenset(sub for subs in named for sub in subs)
        self.store.choose(self._named)
        self._only_chosen = bool(names) or self.roster is not None
        return self._choose_from(self.roster) if self.roster is not None else ""

    def _choose_from(self, roster: Roster) -> str:
        plans, rows, other_users = self.invocation.plans, 0, 0
        records, naming = roster.records(), self._naming()
        while batch := list(islice(records, BATCH)):
            found = [named_by(each.row, plans, naming) for each in batch]
            self.store.choose(user.sub for user in found if user is not None)
            rows, other_users = rows + len(batch), other_users + found.count(None)
        if other_users == rows:
            raise InputUnusable("No row of the roster names a user of this run.", _NAME_THEM)
        self._note(replace(self.found, roster_rows_of_nobody=other_users))
        some = f"{other_users:,} of {counted(rows, 'row')} of the roster"
        return f"Not in this run: {some}." if other_users else ""

    def _naming(self) -> Naming:
        session = self.invocation.session
        country = session.settings.roster_options.phone_country
        return Naming(phone_sign_in=session.pool.phone_sign_in, phone_country=country)

    def require_ready(self) -> None:
        """Refuse a pool in which nothing can be undone, or which does not show what must be undone.

        Raises:
            PoolNotReady: names the setting.
        """
        self._refuse(self.invocation.session.pool)

    def _refuse(self, pool: PoolFacts) -> None:
        # If the pool requires MFA, AdminGetUser may show no factors: SMS MFA that is on would look undone.
        require_sms_mfa(pool)
        if self.store.wrote_mfa():
            require_optional_mfa(pool)

    def select(self, outcomes: Collection[Outcome]) -> None:
        """Plan to restore the users of this run, or those chosen, or those with these outcomes."""
        self.store.park_rollbacks()
        selected = self._selected(outcomes)
        while batch := list(islice(selected, BATCH)):
            self._plan_restores(batch)

    def count_selected(self, outcomes: Collection[Outcome]) -> int:
        """How many users `select` would plan to write to."""
        return sum(wrote for _, wrote in self._selected(outcomes))

    def writing(self, users: int) -> Writing:
        """What the operator is asked to agree to, for this many users, if each needs both writes."""
        session, steps = self.invocation.session, {"store_verified": users, "set_sms_mfa": users}
        now, rates, prices = session.clock.now(), session.rates, session.settings.prices
        return Writing(
            what="Restore these users to their state before the run.",
            users=users,
            ahead=forecast(users=users, steps=steps, pool=session.pool, rates=rates, now=now, prices=prices),
            plan=plan_name(self.invocation.meta()),
            risks=[
                "Users who had no SMS MFA before the run sign in without a code again.",
                "They are not enrolled again from this run directory; use a new --run-dir for that.",
                "Users whom somebody else has changed since stay as they are; the report names them.",
            ],
        )

    def _selected(self, outcomes: Collection[Outcome]) -> Iterator[tuple[int, bool]]:
        """Users that no rollback has reached yet; if there are none, those that one had to leave alone.

        So each repetition makes progress, whatever stopped the one before.
        """
        untouched = False
        for selected in self._could_be_given_back(outcomes, ended=False):
            untouched = True
            yield selected
        if not untouched:
            yield from self._could_be_given_back(outcomes, ended=True)

    def _could_be_given_back(
        self, outcomes: Collection[Outcome], *, ended: bool
    ) -> Iterator[tuple[int, bool]]:
        after = 0
        while batch := self.store.rollback_rows(after, BATCH, ended=ended, only_chosen=self._only_chosen):
            after = batch[-1][0]
            for row, wrote in batch:
                if not outcomes or self.store.outcome_of(row) in outcomes:
                    yield row, wrote

    def _plan_restores(self, batch: Collection[tuple[int, bool]]) -> None:
        self.store.reopen([row for row, wrote in batch if wrote], _RESTORE)
        nothing = [(row, Verdict(Reason.NOTHING_TO_RESTORE)) for row, wrote in batch if not wrote]
        self.invocation.plans.decide(nothing, self.invocation.session.clock.now(), PlannedBy.ROLLBACK)

    def apply(self) -> None:
        """Restore the selected users."""
        self.invocation.apply(self._restore, _VERBS, self._refuse)
        self._not_given_back = self.store.has_failed_rollbacks(only_chosen=self._only_chosen)
        self.left_alone = self.store.users_left(self._named, Reason.CHANGED_BY_OTHERS)
        if kept := self.store.numbers_kept():
            self._note(replace(self.found, numbers_kept=kept))

    def exit_code(self) -> ExitCode:
        """7 if a restore failed, now or before, or a user named with --user was left alone."""
        failed = self.left_alone or self._not_given_back
        return self.invocation.exit_code(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

    def _note(self, found: RollbackResult) -> None:
        self.found = self.invocation.result = found

    def _restore(self, work: PlannedRow, state: UserState) -> Decision:
        before = self.invocation.work.before_image(work.user_sub)
        if before is None:
            return Verdict(Reason.NOTHING_TO_RESTORE)
        return restore(before, state, self.invocation.work.writes_of(work.row), self.invocation.session.pool)
