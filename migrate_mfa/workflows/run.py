"""run and disable: make a plan or take the existing one, and apply it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from migrate_mfa.checks.preflight import (
    require_password_recovery,
)
from migrate_mfa.checks.snapshot import CheckScope
from migrate_mfa.domain.decide import decide_work
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import Decision, PoolFacts, UserState
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedRow
from migrate_mfa.engine.plan import count_lifted
from migrate_mfa.ports import Progress
from migrate_mfa.reports.overview import Overview
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.consent import Writing
from migrate_mfa.workflows.plan import Planning
from migrate_mfa.workflows.planned_run import require_no_rollback
from migrate_mfa.workflows.roster_run import open_roster_run, require_pool


@contextmanager
def open_run(settings: Settings, command: str, progress: Progress) -> Iterator["Run"]:
    """Open everything for one pass of `run` or `disable`; raises like `open_roster_run`."""
    with open_roster_run(settings, command, progress) as run:
        yield Run(run.invocation, run.policy, run.roster)


class Run(Planning):
    """One pass of `run` or `disable`."""

    def prepare(self) -> bool:
        """Make a plan, continue with the existing one, or decide the failed rows again.

        Returns:
            Whether it was made now.

        Raises:
            RollbackUnfinished: a run must not work against it.
        """
        require_no_rollback(self.invocation)
        if self.invocation.meta().phase != "planned":
            self.make_plan()
            return True
        if self.invocation.plans.count_undecided() or self._is_over():
            self._decide_failed_again()
        return False

    def _is_over(self) -> bool:
        return not self.invocation.work.open_rows() and self.invocation.work.finished_before(
            self.invocation.command
        )

    def scope(self) -> CheckScope:
        """The remaining work, for `check`."""
        ahead, settings = self.forecast(), self.session.settings
        return CheckScope(
            verb=self.invocation.command,
            verification=self._policy.verification,
            users=min(ahead.users, settings.limits.max_users or ahead.users),
            codes=ahead.sms,
            quota_share=settings.pace.quota_share,
            despite=self._policy.despite,
        )

    def writing(self, overview: Overview, findings: Sequence[str] = (), report: str = "") -> Writing:
        """What the operator is asked to agree to."""
        if self._disables:
            what = "Switch SMS MFA off; the numbers stay, and those of the roster are not read."
            risks = ["These users sign in without a code until SMS MFA is switched on again."]
        else:
            what = "Store numbers, and switch SMS MFA on as the policy allows."
            risks = self._risks(overview)
        return Writing(
            what=what,
            users=overview.forecast.users,
            ahead=overview.forecast,
            plan=overview.sentence,
            risks=risks,
            findings=findings,
            report=report,
            hint="The plan is kept. Run the same command again to apply it.",
        )

    def _risks(self, overview: Overview) -> list[str]:
        """The risks of the run, one sentence each, the worst first."""
        unproved = overview.planned.get(Reason.AWAITING_FIRST_SIGN_IN, 0)
        vouched = self.invocation.plans.planned_steps(self._verbs).get("store_verified", 0)
        unread = overview.forecast.rows_to_read
        waiting, lifted = overview.planned.get(Reason.AWAITING_CODE, 0), self._lifted()
        told = {
            f"{counted(unproved, 'user')} with SMS MFA on an unproved number: a wrong number locks its user "
            "out, and only you can help then.": unproved,
            f"{counted(vouched, 'number')} stored as verified on your word: a wrong number locks its user "
            "out until you correct it.": vouched,
            f"Despite {', '.join(lifted)}.": len(lifted),
            f"{overview.shared}.": overview.shared.numbers,
            f"{counted(waiting, 'user')} without SMS MFA until they verify the number in your app.": waiting,
            f"{counted(overview.rolled_back, 'row')} rolled back here, and not enrolled again.": (
                overview.rolled_back
            ),
            "Other users with a stronger factor are left unchanged at the write.": unread if lifted else 0,
            "Users with a stronger factor are left unchanged at the write.": 0 if lifted else unread,
        }
        return [text for text, number in told.items() if number]

    def _lifted(self) -> list[str]:
        """The reasons of `--despite`, each with its number of users if the plan knows it."""
        lifted = count_lifted(self.invocation.plans, pool=self.session.pool, policy=self._policy)
        return [
            f"{reason} (known at the write)" if reason.facts.needs_reading else f"{reason} {lifted[reason]:,}"
            for reason in sorted(self._policy.despite)
        ]

    def apply(self) -> None:
        """Do the open rows."""
        self.invocation.apply(self._decide, self._verbs, self._refuse)

    def _refuse(self, pool: PoolFacts) -> None:
        """Refuse settings of the pool with which this command would not have begun."""
        require_pool(pool, self.invocation.command, self._policy)
        if not self._disables:
            self._require_trusts(pool)
            require_password_recovery(pool, self._policy.despite)

    def exit_code(self) -> ExitCode:
        """The exit code; known once the pass has ended."""
        summary = self.invocation.summary
        failed = summary is not None and summary.total.counts[Outcome.FAILED.value]
        return self.invocation.exit_code(ExitCode.SOME_FAILED if failed else ExitCode.DONE)

    def _decide(self, work: PlannedRow, state: UserState) -> Decision:
        return decide_work(work, state, pool=self.session.pool, policy=self._policy)
