"""A run directory with a plan, opened for one command that follows the run."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.cli.kept_pace import at_the_last_pace
from migrate_mfa.domain.errors import InputUnusable, RollbackUnfinished, UsageError
from migrate_mfa.domain.model import Policy
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import RunMeta, planned_directory
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.ports import Progress
from migrate_mfa.roster.file import Roster, open_roster
from migrate_mfa.session import connect, require_endpoint
from migrate_mfa.settings import Settings


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A command on it, the policy of its plan, and the roster given now, if any."""

    invocation: Invocation
    policy: Policy
    roster: Roster | None


@contextmanager
def open_planned_run(
    settings: Settings,
    command: str,
    verbs: Collection[PlannedBy],
    progress: Progress,
    *,
    kind: str | None = None,
    exclusive: bool = True,
) -> Iterator[PlannedRun]:
    """Open the run directory of the settings.

    Args:
        settings: the command's.
        command: its name, for the journal and the reports.
        verbs: the command has finished when no row of these is open; a run's open rows do not count.
        progress: shows the progress.
        kind: the required kind of directory (default: any).
        exclusive: as for `connect`.

    Raises:
        UsageError: no run directory is given.
        InputUnusable: it belongs to another pool, account or kind of command, or has no plan.
    """
    directory = settings.run_dir
    if directory is None:
        raise UsageError("--run-dir is missing.", "To list the run directories: migrate-mfa runs")
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        roster = None
        if settings.roster is not None:
            unread = replace(settings.roster_options, read_numbers=False)
            roster = stack.enter_context(open_roster(settings.roster, unread))
        saved = planned_directory(directory)
        pool_id = saved.user_pool_id
        if pool_id is None or settings.user_pool_id not in {None, pool_id}:
            raise InputUnusable(
                f"{shown(directory)} belongs to another user pool.", "Leave --user-pool-id out."
            )
        settings = replace(settings, pace=at_the_last_pace(settings.pace, directory, command, progress.say))
        session = stack.enter_context(connect(settings, pool_id, progress, exclusive=exclusive))
        require_sms_mfa(session.pool)

        def bind(journal: Journal) -> None:
            known = RunMeta.read(journal)
            require_endpoint(known.endpoint, session.lane)
            known.fits(kind=kind, account=session.lane.account)

        def state_of(invocation: Invocation) -> str:
            return "stopped" if session.stop.cause or invocation.work.open_rows(verbs) else "finished"

        invocation = stack.enter_context(open_invocation(session, directory, command, bind, state_of))
        yield PlannedRun(invocation, saved.policy, roster)


def require_no_rollback(invocation: Invocation) -> None:
    """Refuse to work against a rollback that has not finished.

    Raises:
        RollbackUnfinished: some of its users are restored, and others are not.
    """
    if invocation.work.open_rows((PlannedBy.ROLLBACK,)):
        directory = shown(invocation.journal.directory)
        raise RollbackUnfinished(
            f"A rollback of this run is unfinished in {directory}.",
            f"Finish it first: migrate-mfa rollback --run-dir {directory}",
        )


def was_applied(journal: Journal) -> bool:
    """Whether a plan was ever applied; if not, no user was written to."""
    finished = WorkStore(journal.database, 0).finished_before
    return PlanStore(journal.database).has_writes() or any(map(finished, ("run", "disable", "canary")))
