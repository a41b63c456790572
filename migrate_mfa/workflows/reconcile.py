"""reconcile: turn on MFA for users who have verified their number, and report users who lost it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from migrate_mfa.checks.point_in_time_recovery import recoveries
from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.domain.decide import decide_again, decide_work
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import Decision, Policy, UserState
from migrate_mfa.domain.point_in_time_recovery import completed_before
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.domain.rows import PlannedBy, PlannedRow, Revisited
from migrate_mfa.engine.plan import BATCH
from migrate_mfa.engine.reconcile import REPAIR, DriftKind, Reconciler
from migrate_mfa.invocation import Invocation
from migrate_mfa.journal.reconcile_store import ReconcileStore
from migrate_mfa.ports import Progress
from migrate_mfa.reports.command_results import ReconcileResult
from migrate_mfa.reports.outcomes import write_csv
from migrate_mfa.reports.overview import plan_name
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.consent import Agree, Writing, agree_to_read
from migrate_mfa.workflows.planned_run import open_planned_run, require_no_rollback, was_applied
from migrate_mfa.workflows.sms_allowance import require_sms_allowance, sms_left

_VERBS = (PlannedBy.RECONCILE, PlannedBy.REPAIR)


@contextmanager
def open_reconciliation(settings: Settings, progress: Progress) -> Iterator["Reconciliation"]:
    """Open the run directory of a run for `reconcile`; raises like `open_planned_run`."""
    with open_planned_run(settings, "reconcile", _VERBS, progress, kind="run") as run:
        yield Reconciliation(run.invocation, run.policy)


@dataclass(slots=True)
class Reconciliation:
    """One invocation of `reconcile`."""

    invocation: Invocation
    policy: Policy
    found: ReconcileResult = field(default_factory=ReconcileResult)

    @property
    def store(self) -> ReconcileStore:
        """The journal's store for reconcile."""
        return ReconcileStore(self.invocation.journal.database)

    def compare(self, agree: Agree) -> None:
        """Read the pool again: decide pending rows again, and find users who have drifted.

        Raises:
            RollbackUnfinished: the users of the rollback are no longer those of the run.
        """
        require_no_rollback(self.invocation)
        deep = self.invocation.session.settings.deep
        self.store.settle_repairs()
        reconciler = self._reconciler()
        reconciler.look()
        ended = reconciler.reopen_pending(sms_left(self.invocation, _VERBS))
        self.invocation.failed += sum(n for reason, n in ended.items() if reason.outcome is Outcome.FAILED)
        if deep:
            agree_to_read(self.invocation, reconciler.count_suspects(deep=True), agree)
        read, renumbered = reconciler.find_drift(deep=deep)
        self.invocation.reads_only += read
        self.invocation.failed += reconciler.unread
        self._note(
            replace(
                self.found,
                drift_seen_by="reading every enrolled user" if deep else "UserLastModifiedDate",
                number_changed=renumbered,
                users_not_read=reconciler.unread,
                waiting_for_max_sms=reconciler.held_back,
                ended_without_a_write={reason.value: number for reason, number in ended.items()},
            )
        )
        self._explain_drift()
        self.store.forget_looks()

    def _explain_drift(self) -> None:
        """Say once that a recovery may have undone this run's writes, because that concerns all users."""
        known = self.invocation.meta()
        if not self.store.drift_kinds(after_pass=known.drift_told_in_pass):
            return
        found = completed_before(
            recoveries(self.invocation.session.aws, self.invocation.session.pool.id) or (),
            self.store.last_write_at(),
        )
        if found is None or found.id == known.recovery_told:
            return
        self._note(replace(self.found, recovered_to=found.moment))
        self.invocation.session.progress.say(
            f"A point-in-time recovery has restored the pool to {found.moment}, before writes of this run. "
            "Its users may have lost MFA by that. To enrol them again, run the roster with another --run-dir."
        )
        self.invocation.journal.set_meta({"recovery_told": found.id})

    def plan_repairs(self) -> None:
        """Plan to switch SMS MFA on again for users who drifted only because it was switched off."""
        after = ""
        while batch := self.store.drifts(after, BATCH):
            for each in batch:
                if each.kind == DriftKind.MFA_OFF:
                    self.store.reopen([each.row], REPAIR, PlannedBy.REPAIR)
            after = batch[-1].sub

    def open_rows(self) -> int:
        """How many users are planned to be promoted or repaired."""
        return self.invocation.work.open_rows(_VERBS)

    def writing(self, users: int) -> Writing:
        """What the operator is asked to agree to, for this many users."""
        repairs = self.invocation.work.open_rows((PlannedBy.REPAIR,))
        risks = ["These users need their phone at each sign-in with a password from then on."]
        if repairs:
            risks.append(
                f"{counted(repairs, 'user')} whose SMS MFA was switched off after the run, perhaps on "
                "purpose: it is switched on again."
            )
        return Writing(
            what="Switch SMS MFA on for users who have proved their number, and write what else is open.",
            users=users,
            ahead=self.invocation.forecast(_VERBS),
            plan=plan_name(self.invocation.meta()),
            risks=risks,
        )

    def apply(self) -> None:
        """Write the planned promotions and repairs."""
        require_sms_allowance(self.invocation, _VERBS)
        self.invocation.require_affordable(_VERBS)
        self.invocation.apply(self._decide_work, _VERBS, require_sms_mfa)

    def _decide_work(self, work: PlannedRow, state: UserState) -> Decision:
        return decide_work(work, state, pool=self.invocation.session.pool, policy=self.policy)

    def report_drift(self) -> None:
        """Write report/drift.csv, and put the kinds of drift and the other findings into the summary."""
        self.store.settle_repairs()
        told = self.invocation.meta().drift_told_in_pass
        self._note(
            replace(
                self.found,
                drift=self.store.drift_kinds(),
                drift_new=self.store.drift_kinds(after_pass=told),
                failed_now=self.invocation.failed,
            )
        )
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
        """Let the next pass count the present drift as known, unless this one ends with another exit code."""
        if self.invocation.session.stop.cause is None:
            self.invocation.journal.set_meta({"drift_told_in_pass": self.invocation.work.pass_id})

    def exit_code(self) -> ExitCode:
        """9 if a user has drifted, 7 if a user failed in this pass.

        A user who was deleted cannot be protected again: that counts only in the pass that finds it.
        """
        drifting, new = self.found.drift or {}, self.found.drift_new
        if drifting.keys() - {DriftKind.USER_GONE} or new:
            return self.invocation.exit_code(ExitCode.NOT_MET)
        return self.invocation.exit_code(ExitCode.SOME_FAILED if self.invocation.failed else ExitCode.DONE)

    @property
    def has_run(self) -> bool:
        """Whether the plan was ever applied."""
        return was_applied(self.invocation.journal)

    def _note(self, found: ReconcileResult) -> None:
        self.found = self.invocation.result = found

    def _reconciler(self) -> Reconciler:
        session = self.invocation.session
        return Reconciler(
            self.store,
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
