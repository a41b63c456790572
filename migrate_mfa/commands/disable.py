"""disable: SMS MFA off for the users of a roster."""

from migrate_mfa.cli import option_groups as o
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.commands.run import carry_out
from migrate_mfa.domain.choices import VerificationPolicy
from migrate_mfa.domain.errors import ExitCode


def disable(
    run: o.RosterRun,
    pool: Pool,
    aws: Aws,
    reading: o.ReadingUsers,
    pace: o.Pace,
    wave: o.Wave,
    telling: o.Telling,
    consent: o.Consent,
    output: o.Output,
) -> ExitCode:
    """Switch SMS MFA off for the users of a roster. Their numbers stay. The roster's numbers are not read.

    Examples:
        migrate-mfa disable leavers.csv
        migrate-mfa disable leavers.csv --max-users 10 --yes
    """
    from migrate_mfa.settings import Settings

    settings = Settings.of(
        run,
        pool,
        aws,
        o.Deciding(verification=VerificationPolicy.ATTESTED),  # of no effect: no number is read
        reading,
        pace,
        wave,
        telling,
        consent,
        output,
        read_numbers=False,
    )
    return carry_out(settings, "disable")
