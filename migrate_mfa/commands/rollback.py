"""rollback: undo what a run did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.option_groups import Aws, Consent, Output, Pace, ReadingUsers, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.workflows.consent import confirm_run
from migrate_mfa.workflows.ending import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.rollback import Rollback


@dataclass(frozen=True, kw_only=True)
class Chosen(Group, variables=False):
    """Whom it concerns; all where nothing is said."""

    roster: Annotated[
        str | None, Option(help="A CSV of users: only these. Its numbers are not read.", argument=True)
    ] = None
    user: Annotated[
        tuple[str, ...], Option(help="Only this user, by sub, Username or e-mail address. Repeatable.")
    ] = ()
    outcome: Annotated[
        tuple[Outcome, ...], Option(help="Only rows that ended so. Repeatable.", metavar="OUTCOME")
    ] = ()


def rollback(
    chosen: Chosen,
    run: ThisRun,
    aws: Aws,
    reading: ReadingUsers,
    pace: Pace,
    wave: Wave,
    consent: Consent,
    output: Output,
) -> ExitCode:
    """Undo what the run did, for users whom nobody else has touched since."""
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.rollback import open_rollback

    settings = Settings.of(chosen, run, aws, reading, pace, wave, consent, output)
    require_consent(consent)
    with shown_at_end(settings, lambda progress: open_rollback(settings, progress)) as undoing:
        _give_back(undoing, chosen)
    if undoing.left_alone:
        tell(
            f"Left as they are: {undoing.left_alone:,} of the users named, whom somebody else changed since "
            "(changed_by_others). Look at them in Cognito; `disable` switches SMS MFA off."
        )
    return leave(undoing.invocation, undoing.exit_code())


def _give_back(undoing: "Rollback", chosen: Chosen) -> None:
    undoing.require_ready()
    if said := undoing.choose(chosen.user):
        tell(said)
    if users := undoing.count_selected(chosen.outcome):
        back = " Their state from before the run comes back."
        confirm_run(undoing.invocation.session, users, back, seconds=undoing.seconds(users))
    undoing.select(chosen.outcome)
    undoing.apply()
