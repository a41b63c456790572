"""reconcile, rollback and purge: what comes after a run, on its own run directory."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from migrate_mfa.checks.preflight import require_optional_mfa, require_sms_mfa
from migrate_mfa.checks.recoveries import recoveries
from migrate_mfa.cli.kept_pace import at_the_last_pace
from migrate_mfa.domain.decide import decide_again, decide_work
from migrate_mfa.domain.errors import ExitCode, InputUnusable, RunDirectoryError, UsageError
from migrate_mfa.domain.forecast import forecast
from migrate_mfa.domain.model import Decision, Plan, Policy, PoolFacts, UserState, Verdict
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.recovery import completed_before
from migrate_mfa.domain.resolve import Naming
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedBy, PlannedRow, Revisited
from migrate_mfa.domain.words import counted
from migrate_mfa.engine.find_users import named_by, users_named
from migrate_mfa.engine.plan import BATCH
from migrate_mfa.engine.reconcile import REPAIR, DriftKind, Reconciler
from migrate_mfa.invocation import Agree, Invocation, agree_to_read, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import planned_directory, require_same
from migrate_mfa.journal.reconcile_store import AftermathStore
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.ports import Progress
from migrate_mfa.reports.files import DRAFT
from migrate_mfa.reports.from_journal import DIRECTORY, tell_of_killed
from migrate_mfa.reports.outcomes import write_csv
from migrate_mfa.roster.file import Roster, open_roster
from migrate_mfa.session import connect, require_endpoint
from migrate_mfa.settings import Settings, policy_of
from migrate_mfa.workflows.sms_allowance import require_sms_allowance, sms_left

_RECONCILES = (PlannedBy.RECONCILE, PlannedBy.REPAIR)
_RESTORE = Plan((), Reason.RESTORED)  # what to write is known once the user is read
_NAME_THEM = "Name them by sub, Username or e-mail address, as the roster or the report has them."


@contextmanager
def open_aftermath(
    settings: Settings, command: str, progress: Progress, *, exclusive: bool = True
) -> Iterator["Aftermath"]:
    """Open a run directory for one command that follows a run; `exclusive` as for `connect`."""
    directory = settings.run_dir
    if directory is None:
        raise UsageError("--run-dir is missing.", "It is the directory of the run, see ./migrate-mfa-runs.")
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        roster = None
        if settings.roster is not None:
            unread = replace(settings.roster_options, read_numbers=False)
            roster = stack.enter_context(open_roster(settings.roster, unread))
        saved = planned_directory(directory)
        pool_id = saved["user_pool_id"]
        if settings.user_pool_id not in {None, pool_id}:
            raise InputUnusable(f"{directory} belongs to another user pool.", "Leave --user-pool-id out.")
        settings = replace(settings, pace=at_the_last_pace(settings.pace, directory, command, progress.say))
        session = stack.enter_context(connect(settings, pool_id, progress, exclusive=exclusive))
        require_sms_mfa(session.pool)

        def bind(journal: Journal) -> None:
            require_endpoint(journal.meta(), session.lane)
            require_same(journal.meta(), {"account": session.lane.account})
            if command == "reconcile":
                require_same(journal.meta(), {"kind": "run"})

        verbs = _RECONCILES if command == "reconcile" else (PlannedBy.ROLLBACK,)
        state_of = partial(_state, verbs=verbs)
        invocation = stack.enter_context(open_invocation(session, directory, command, bind, state_of))
        yield Aftermath(invocation, policy_of(saved), roster)


def _state(invocation: Invocation, verbs: Collection[PlannedBy]) -> str:
    """How the pass ended: by its own rows, not by those that a run has still to do."""
    return "stopped" if invocation.session.stop.cause or invocation.work.open_rows(verbs) else "finished"


@dataclass(slots=True)
class Aftermath:
    """One pass of `reconcile` or `rollback`."""

    invocation: Invocation
    policy: Policy
    roster: Roster | None = None
    _only_chosen: bool = False
    _named: frozenset[str] = frozenset()
    _not_given_back: bool = False
    left_alone: int = 0
    """How many of the users named one by one stay as they are, because somebody else changed them."""

    @property
    def store(self) -> AftermathStore:
        """The journal, as these commands see it."""
        return AftermathStore(self.invocation.journal.database)

    # -- reconcile

    def compare(self, agree: Agree) -> None:
        """Look at the pool again: decide pending rows anew, find who drifts."""
        deep = self.invocation.session.settings.deep
        self.store.settle_repairs()
        reconciler = self._reconciler()
        reconciler.look()
        ended = reconciler.reopen_pending(sms_left(self.invocation, _RECONCILES))
        self.invocation.failed += sum(n for reason, n in ended.items() if reason.outcome is Outcome.FAILED)
        if deep:
            agree_to_read(self.invocation, reconciler.count_suspects(deep=True), agree)
        read, renumbered = reconciler.find_drift(deep=deep)
        self.invocation.reads_only += read
        self.invocation.failed += reconciler.unread
        self.invocation.extra |= {
            "drift_seen_by": "reading every enrolled user" if deep else "UserLastModifiedDate",
            "number_changed": renumbered,
            "users_not_read": reconciler.unread,
            "waiting_for_max_sms": reconciler.held_back,
            "ended_without_a_write": {reason.value: number for reason, number in ended.items()},
        }
        self._explain_drift()
        self.store.forget_looks()

    def _explain_drift(self) -> None:
        """Say once that a recovery has undone this run's writes, where it may have: it concerns everybody."""
        known = self.invocation.journal.meta()
        if not self.store.drift_kinds(after_pass=known.get("drift_told_in_pass", 0)):
            return
        found = completed_before(
            recoveries(self.invocation.session.aws, self.invocation.session.pool.id) or (),
            self.store.last_write_at(),
        )
        if found is None or found.id == known.get("recovery_told"):
            return
        self.invocation.extra["recovered_to"] = found.moment
        self.invocation.session.progress.say(
            f"A point-in-time recovery has put the pool back to {found.moment}, before writes of this run. "
            "That may be why its users are not protected any more. To enrol them anew, give the roster to "
            "`run` with another --run-dir."
        )
        self.invocation.journal.set_meta({"recovery_told": found.id})

    def plan_repairs(self) -> None:
        """Plan SMS MFA on again for those who drift only because it was switched off."""
        after = ""
        while batch := self.store.drifts(after, BATCH):
            for each in batch:
                if each.kind == DriftKind.MFA_OFF:
                    self.store.reopen([each.row], REPAIR, PlannedBy.REPAIR)
            after = batch[-1].sub

    def open_rows(self) -> int:
        """How many users are planned to be promoted or repaired."""
        return self.invocation.work.open_rows(_RECONCILES)

    def seconds_to_reconcile(self) -> float:
        """How long promotions and repairs will take at the least."""
        return self.invocation.forecast(_RECONCILES).seconds

    def apply_reconcile(self) -> None:
        """Write what was planned: promotions, and repairs."""
        require_sms_allowance(self.invocation, _RECONCILES)
        self.invocation.require_affordable(_RECONCILES)
        self.invocation.apply(self._decide_work, _RECONCILES, require_sms_mfa)

    def _decide_work(self, work: PlannedRow, state: UserState) -> Decision:
        return decide_work(work, state, pool=self.invocation.session.pool, policy=self.policy)

    def report_drift(self) -> None:
        """Write report/drift.csv, and put the kinds into the summary; with what this pass has found."""
        self.store.settle_repairs()
        told = self.invocation.journal.meta().get("drift_told_in_pass", 0)
        self.invocation.extra |= {
            "drift": self.store.drift_kinds(),
            "drift_new": self.store.drift_kinds(after_pass=told),
            "failed_now": self.invocation.failed,
        }
        write_csv(
            self.invocation.report / "drift.csv", ("username", "sub", "kind", "detail"), self._drift_cells()
        )

    def _drift_cells(self) -> Iterator[list[str]]:
        after = ""
        while batch := self.store.drifts(after, BATCH):
            for each in batch:
                yield [each.username, each.sub, each.kind, each.detail]
            after = batch[-1].sub

    def drift_is_told(self) -> None:
        """Who drifts now is no news to the next pass, unless this one ends by a code that does not tell."""
        if self.invocation.session.stop.cause is None:
            self.invocation.journal.set_meta({"drift_told_in_pass": self.invocation.work.pass_id})

    def reconcile_exit_code(self) -> ExitCode:
        """9 where somebody drifts, 7 where somebody failed just now.

        Whose account is gone cannot be protected again: that is told once, in the pass that finds it.
        """
        found = self.invocation.extra
        if found["drift"].keys() - {DriftKind.USER_GONE} or found["drift_new"]:
            return self.invocation.exit_code(ExitCode.NOT_MET)
        return self.invocation.exit_code(ExitCode.SOME_FAILED if self.invocation.failed else ExitCode.DONE)

    def _reconciler(self) -> Reconciler:
        session = self.invocation.session
        return Reconciler(
            self.store,
            self.invocation.plans,
            session.user_pool,
            pool=session.pool,
            decide=self._decide_again,
            clock=session.clock,
            progress=session.progress,
            stop=session.stop,
        )

    def _decide_again(self, each: Revisited, state: UserState) -> Decision:
        pool = self.invocation.session.pool
        return decide_again(
            each.candidate, state, was=each.was, pool=pool, policy=self.policy, claims=each.claims
        )

    # -- rollback

    def choose(self, names: Collection[str]) -> str:
        """Keep to the users who are named, and to those of the roster, where there are any.

        Returns:
            What to say about rows of the roster that are of nobody in this run; empty where there are none.

        Raises:
            InputUnusable: a name, or every row of the roster, is of nobody in this run; a name is of several.
        """
        named = [users_named(name, self.invocation.plans) for name in names]
        if unknown := [place for place, users in enumerate(named, 1) if not users]:
            which = f"--user number {', '.join(map(str, unknown))} of {len(named)}"
            raise InputUnusable(
                f"{which} names nobody in this run; nothing was undone for anybody.", _NAME_THEM
            )
        most = max(map(len, named), default=0)
        if most > 1:
            raise InputUnusable(
                f"One --user names {most} users of this run.",
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
        self.invocation.extra["roster_rows_of_nobody"] = other_users
        some = f"{other_users:,} of {counted(rows, 'row')} of the roster"
        return f"Nobody of this run is named by {some}." if other_users else ""

    def _naming(self) -> Naming:
        session = self.invocation.session
        country = session.settings.roster_options.phone_country
        return Naming(phone_sign_in=session.pool.phone_sign_in, phone_country=country)

    def require_ready(self) -> None:
        """Refuse a pool in which nothing could be undone, or which does not show what there is to undo.

        Raises:
            PoolNotReady: says what is in the way.
        """
        self._refuse(self.invocation.session.pool)

    def _refuse(self, pool: PoolFacts) -> None:
        # Where MFA is required, AdminGetUser may show no factors: SMS MFA that is on would look undone.
        require_sms_mfa(pool)
        if self.store.wrote_mfa():
            require_optional_mfa(pool)

    def select(self, outcomes: Collection[Outcome]) -> None:
        """Plan to give back the users of this run, or those chosen, or those whom the run left so."""
        self.store.park_rollbacks()
        selected = self._selected(outcomes)
        while batch := list(islice(selected, BATCH)):
            self._plan_restores(batch)

    def count_selected(self, outcomes: Collection[Outcome]) -> int:
        """How many users `select` would plan to write to."""
        return sum(wrote for _, wrote in self._selected(outcomes))

    def seconds_to_roll_back(self, users: int) -> float:
        """How long it will take at the least, if each user needs both writes."""
        session, steps = self.invocation.session, {"store_verified": users, "set_sms_mfa": users}
        now, rates = session.clock.now(), session.rates
        return forecast(users=users, steps=steps, pool=session.pool, rates=rates, now=now).seconds

    def _selected(self, outcomes: Collection[Outcome]) -> Iterator[tuple[int, bool]]:
        """Users whom no rollback has come to yet; where there are none, those whom one had to leave.

        So each repetition gets further, whatever stopped the one before.
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
        self.store.reopen([row for row, wrote in batch if wrote], _RESTORE, PlannedBy.ROLLBACK)
        nothing = [(row, Verdict(Reason.NOTHING_TO_RESTORE)) for row, wrote in batch if not wrote]
        self.invocation.plans.decide(nothing, self.invocation.session.clock.now(), PlannedBy.ROLLBACK)

    def apply_rollback(self) -> None:
        """Give the selected users back."""
        self.invocation.apply(self._restore, (PlannedBy.ROLLBACK,), self._refuse)
        self._not_given_back = self.store.has_failed_rollbacks(only_chosen=self._only_chosen)
        self.left_alone = self.store.users_left(self._named, Reason.CHANGED_BY_OTHERS)
        if kept := self.store.numbers_kept():
            self.invocation.extra["numbers_kept"] = kept

    def rollback_exit_code(self) -> ExitCode:
        """7 where a restore failed, now or before, or a user named one by one was left alone."""
        failed = self.left_alone or self._not_given_back
        return self.invocation.exit_code(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

    def _restore(self, work: PlannedRow, state: UserState) -> Decision:
        before = self.invocation.work.before_image(work.user_sub)
        if before is None:
            return Verdict(Reason.NOTHING_TO_RESTORE)
        return restore(before, state, self.invocation.work.writes_of(work.row), self.invocation.session.pool)


def purge(
    directory: Path, confirm: Callable[[dict[str, Any], int], None], *, despite_pending: bool = False
) -> tuple[int, list[Path]]:
    """Remove the personal data of a run; outcomes and counts stay.

    Args:
        directory: the run directory.
        confirm: is told what the run is and how many rows it has; raises if the operator declines.
        despite_pending: also where users are pending, whom nothing can promote then.

    Returns:
        How many rows it has, and files in the directory that are not ours and stay.

    Raises:
        RunDirectoryError: rows are still open or pending, or the directory cannot be used.
    """
    if not directory.is_dir():
        raise RunDirectoryError(f"{directory} is not there.", "See --run-dir.")
    with Journal.look_at(directory) as journal:
        meta = journal.meta()
    with Journal.create_or_open(directory) as journal:
        tell_of_killed(journal)
        work = WorkStore(journal.database, 0)
        if work.counts().get(Outcome.UNPROCESSED):
            raise RunDirectoryError(
                f"{directory} has rows that are not done yet.",
                "Finish the run first, or roll it back; after a purge neither is possible.",
            )
        if not despite_pending:
            _require_none_pending(directory, meta, ReportStore(journal.database))
        rows = sum(work.counts().values())
        confirm(meta, rows)
        for pattern in ("*.csv", f"*{DRAFT}"):
            for path in (directory / DIRECTORY).glob(pattern):
                path.unlink()
        AftermathStore(journal.database).purge()
    ours = {path for pattern in _OURS for path in directory.glob(pattern)}
    return rows, sorted(path for path in directory.rglob("*") if path.is_file() and path not in ours)


def _require_none_pending(directory: Path, meta: Mapping[str, Any], store: ReportStore) -> None:
    """Refuse a purge while a reconcile could still promote somebody; of a canary there is none.

    Raises:
        RunDirectoryError: says how many users wait, and for what.
    """
    waiting = {reason: rows for outcome, reason, rows in store.counts() if outcome == Outcome.PENDING}
    if waiting and meta.get("kind") == "run" and meta.get("phase") != "purged":
        reasons = ", ".join(f"{rows:,} {reason}" for reason, rows in waiting.items())
        raise RunDirectoryError(
            f"{directory} has pending rows: {reasons}. After a purge they can never be promoted.",
            "Run reconcile until none is pending, or roll them back: migrate-mfa rollback --run-dir "
            f"{directory} --outcome pending. To give them up, add --despite-pending.",
        )


_OURS = (
    *("journal.sqlite*", "journal.mark", "log.jsonl", "lock", "migrate-mfa-bug-*.txt", "rehearsal/*"),
    *(f"{DIRECTORY}/*.json", f"{DIRECTORY}/report.html"),
)
"""What stays in a run directory after a purge, and names nobody."""
