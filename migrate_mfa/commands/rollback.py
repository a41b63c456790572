"""rollback: undo what a run did."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.option_groups import Aws, Consent, Output, Pace, ReadingUsers, ThisRun, Wave
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import require_consent, tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.reasons import Outcome
from migrate_mfa.workflows.consent import confirm_run
from migrate_mfa.workflows.shown import leave, shown_at_end

if TYPE_CHECKING:
    from migrate_mfa.workflows.aftermath import Aftermath


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
    from migrate_mfa.workflows.aftermath import open_aftermath

    settings = Settings(
        roster=chosen.roster,
        run_dir=run.run_dir,
        aws=aws,
        reading=reading,
        pace=pace,
        wave=wave,
        consent=consent,
        output=output,
    )
    require_consent(consent)
    with shown_at_end(settings, lambda progress: open_aftermath(settings, "rollback", progress)) as after:
        _give_back(after, chosen)
    if after.left_alone:
        tell(
            f"Left as they are: {after.left_alone:,} of the users named, whom somebody else changed since "
            "(changed_by_others). Look at them in Cognito; `disable` switches SMS MFA off."
        )
    return leave(after.invocation, after.rollback_exit_code())


def _give_back(after: "Aftermath", chosen: Chosen) -> None:
    after.require_ready()
    if said := after.choose(chosen.user):
        tell(said)
    if users := after.count_selected(chosen.outcome):
        back = " Their state from before the run comes back."
        confirm_run(after.invocation.session, users, back, seconds=after.seconds_to_roll_back(users))
    after.select(chosen.outcome)
    after.apply_rollback()
