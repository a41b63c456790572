"""setup-pool: show the change to MFA OPTIONAL with SMS, ask, write it and read it back; or only print it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import Consent, JsonOnly, SmsPath
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import confirm_setup, require_consent, tell
from migrate_mfa.cli.streams import unseen, write
from migrate_mfa.domain.errors import Declined, ExitCode

if TYPE_CHECKING:
    from migrate_mfa.pool_setup.plan import Members, SetupPlan
    from migrate_mfa.stop import Stop
    from migrate_mfa.workflows.setup_pool import Opened


@dataclass(frozen=True, kw_only=True)
class Printing(Group, variables=False):
    """Whether anything is written."""

    print_only: Annotated[
        bool, Option(help="Write nothing; print AWS CLI commands, CloudFormation and Terraform instead.")
    ] = False


def setup_pool(
    printing: Printing, pool: Pool, aws: Aws, sms_path: SmsPath, consent: Consent, output: JsonOnly
) -> ExitCode:
    """Switch a pool to MFA OPTIONAL with SMS. Other settings stay; an SMS role is created if there is none.

    Examples:
        migrate-mfa setup-pool --user-pool-id ap-northeast-1_AbCdEfGhI
        migrate-mfa setup-pool --user-pool-id ap-northeast-1_AbCdEfGhI --print-only
    """
    from migrate_mfa.settings import Settings
    from migrate_mfa.stop import SIGNAL_EXITS, Stop, Stopped
    from migrate_mfa.workflows.setup_pool import open_setup

    settings = Settings.of(pool, aws, sms_path, consent, output)
    stop = Stop()
    if not printing.print_only:
        require_consent(consent)
    try:
        with open_setup(settings, stop, tell) as opened:
            plan = opened.plan(read_only=printing.print_only)
            if printing.print_only:
                _print(opened, plan)
            elif plan.changes:
                _set_up(opened, plan, stop)
            else:
                _end(opened, plan, "ready", plan.pool.config)
    except Stopped:
        return SIGNAL_EXITS[stop.cause] if stop.cause else ExitCode.BUG
    return ExitCode.DONE


def _print(opened: "Opened", plan: "SetupPlan") -> None:
    from migrate_mfa.cli import tables
    from migrate_mfa.pool_setup.snippets import snippets

    found = snippets(plan, opened.lane.region)
    if opened.settings.output.json:
        tables.as_json(plan.as_dict() | {"state": "printed"} | {each.name: each.text for each in found})
        return
    write("\n".join(f"# {each.title}\n\n{each.text}" for each in found))


def _set_up(opened: "Opened", plan: "SetupPlan", stop: "Stop") -> None:
    from migrate_mfa.pool_setup.difference import difference

    if opened.settings.output.json:
        tell(difference(plan), fold=False)
    else:
        write(difference(plan))
        if unseen() and not opened.settings.consent.yes:
            raise Declined("The change cannot be shown, so nothing was written.", _UNSEEN)
    confirm_setup(opened.lane, plan.pool.facts, stop, yes=opened.settings.consent.yes)
    done = False
    try:
        now = opened.setup.apply(plan)
        done = True
    finally:
        if not done and opened.setup.created is not None:
            tell(f"The role {opened.setup.created} was created and stays. Run the command again to use it.")
    _end(opened, plan, "set_up", now)


_UNSEEN = "Standard output is full or closed. --print-only prints how to change them by hand."


def _end(opened: "Opened", plan: "SetupPlan", state: str, now: "Members") -> None:
    from migrate_mfa.cli import tables
    from migrate_mfa.workflows.ending import next_after, say_next

    if opened.settings.output.json:
        tables.as_json(plan.as_dict() | {"state": state, "now": now, "role_created": opened.setup.created})
        return
    name = plan.pool.facts.name
    write(
        f"Nothing to do: pool {name} has MFA OPTIONAL with SMS."
        if state == "ready"
        else f"\nDone: pool {name} has MFA OPTIONAL with SMS, and reads back as it was written."
    )
    lines = next_after(opened.settings, plan.pool.facts.id)
    say_next("Check that the rest is ready too.", lines.pool("check"), opened.settings.aws.caller)
