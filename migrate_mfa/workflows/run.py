"""run and disable: a plan is made, or there is one, and it is carried out."""

from collections.abc import Iterator
from contextlib import contextmanager

from migrate_mfa.checks.preflight import (
    require_password_recovery,
)
from migrate_mfa.checks.snapshot import CheckScope
from migrate_mfa.domain.decide import decide_work
from migrate_mfa.domain.errors import ExitCode, InputUnusable
from migrate_mfa.domain.model import Decision, PoolFacts, UserState, VerificationPolicy
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy, PlannedRow
from migrate_mfa.engine.plan import count_lifted
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.ports import Progress
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.plan import Planning
from migrate_mfa.workflows.roster_run import open_roster_run, require_pool


@contextmanager
def open_run(settings: Settings, command: str, progress: Progress) -> Iterator["Run"]:
    """Open everything for one pass of `run` or `disable`; raises as `open_roster_run`."""
    with open_roster_run(settings, command, progress) as run:
        yield Run(run.invocation, run.policy, run.roster)


class Run(Planning):
    """One pass of `run` or `disable`."""

    def prepare(self) -> None:
        """Have a plan: make one, continue with the existing one, or decide the failed rows again.

        Raises:
            InputUnusable: a rollback of this run is unfinished, which must not be worked against.
        """
        if self.invocation.work.open_rows((PlannedBy.ROLLBACK,)):
            raise InputUnusable(
                f"A rollback of this run is unfinished in {shown(self.invocation.journal.directory)}.",
                f"Finish it first: migrate-mfa rollback --run-dir {shown(self.invocation.journal.directory)}",
            )
        if self.invocation.meta().phase != "planned":
            self.make_plan()
        elif self.invocation.plans.count_undecided() or self._is_over():
            self._decide_failed_again()

    def _is_over(self) -> bool:
        return not self.invocation.work.open_rows() and self.invocation.work.finished_before(
            self.invocation.command
        )

    def scope(self) -> CheckScope:
        """What is left to do, as `check` needs to know it."""
        ahead, settings = self.forecast(), self.session.settings
        return CheckScope(
            verb=self.invocation.command,
            verification=self._policy.verification,
            users=min(ahead.users, settings.limits.max_users or ahead.users),
            codes=ahead.sms,
            quota_share=settings.pace.quota_share,
            despite=self._policy.despite,
        )

    def dangers(self) -> list[str]:
        """What the operator takes on by a yes: a sentence each."""
        policy, told = self._policy, list[str]()
        if (shared := self.invocation.plans.shared_numbers()).numbers:
            told.append(f"of these: {shared}")
        lifted = count_lifted(self.invocation.plans, pool=self.session.pool, policy=policy)
        for reason in sorted(policy.despite):
            known = not reason.facts.needs_reading
            told.append(f"of these {lifted[reason]:,} despite {reason}" if known else _not_known(reason))
        if self._lets_mfa_meet_unproved_numbers():
            told.append("at-sign-in: a wrong number locks its user out until you help")
        return told

    def _lets_mfa_meet_unproved_numbers(self) -> bool:
        return not self._disables and self._policy.verification is VerificationPolicy.AT_SIGN_IN

    def apply(self) -> None:
        """Do the open rows."""
        self.invocation.apply(self._decide, self._verbs, self._refuse)

    def _refuse(self, pool: PoolFacts) -> None:
        """Refuse settings with which this command would not have begun."""
        require_pool(pool, self.invocation.command, self._policy)
        if not self._disables:
            self._require_trusts(pool)
            require_password_recovery(pool, self._policy.despite)

    def exit_code(self) -> ExitCode:
        """How this pass ended, for a script; known once it has ended."""
        summary = self.invocation.summary
        failed = summary is not None and summary.total.counts[Outcome.FAILED.value]
        return self.invocation.exit_code(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

    def _decide(self, work: PlannedRow, state: UserState) -> Decision:
        return decide_work(work, state, pool=self.session.pool, policy=self._policy)


def _not_known(reason: Reason) -> str:
    return f"despite {reason}: their number is known only when each user is read"
