"""rollback: undo what a run did."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import Consent, Output, Pace, ReadingUsers, Telling, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.fleet.last_word import tell_never_run
from migrate_mfa.workflows.consent import confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.rollback import Rollback


@dataclass(frozen=True, kw_only=True)
class Chosen(Group, variables=False):
    """Which users are restored; by default all of the run."""

    roster: Annotated[
        str | None,
        Option(help="CSV file of users: restore only these. Its numbers are not read.", argument=True),
    ] = None
    user: Annotated[
        tuple[str, ...],
        Option(help="Restore only this user: sub, Username or e-mail address. Repeatable.", metavar="USER"),
    ] = ()
    outcome: Annotated[
        tuple[Outcome, ...],
        Option(help="Restore only rows with this outcome. Repeatable.", metavar="OUTCOME"),
    ] = ()


def rollback(
    chosen: Chosen,
    run: ThisRun,
    aws: Aws,
    reading: ReadingUsers,
    pace: Pace,
    wave: Wave,
    telling: Telling,
    consent: Consent,
    output: Output,
) -> ExitCode:
    """Undo a run for every user whom nobody else has changed since.

    Examples:
        migrate-mfa rollback --run-dir migrate-mfa-runs/*/users-*
        migrate-mfa rollback --run-dir migrate-mfa-runs/*/users-* --user aiko
    """
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.rollback import open_rollback

    settings = replace(
        Settings.of(chosen, run, aws, reading, pace, wave, telling, consent, output),
        only_chosen=bool(chosen.roster or chosen.user or chosen.outcome),
    )
    require_consent(consent)
    with shown_at_end("rollback", settings, lambda progress: open_rollback(settings, progress)) as undoing:
        has_run = undoing.has_run
        if has_run:
            _give_back(undoing, chosen)
    if not has_run:
        tell_never_run(undoing.invocation.journal.directory, "roll back")
    if undoing.left_alone:
        tell(
            f"Left as they are: {undoing.left_alone:,} of the users named, because somebody else has "
            "changed them (changed_by_others). Check them in Cognito; `disable` switches SMS MFA off."
        )
    return leave(undoing.invocation, undoing.exit_code())


def _give_back(undoing: "Rollback", chosen: Chosen) -> None:
    undoing.require_ready()
    if said := undoing.choose(chosen.user):
        tell(said)
    if users := undoing.count_selected(chosen.outcome):
        confirm_run(undoing.invocation.session, undoing.writing(users))
    undoing.select(chosen.outcome)
    undoing.apply()
