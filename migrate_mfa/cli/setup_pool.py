"""setup-pool: MFA OPTIONAL with SMS, shown, asked for, written and read back; or only printed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.jobs import Job, ShowConfig, begin
from migrate_mfa.cli.output import unseen, write
from migrate_mfa.cli.talk import confirm_setup, require_consent, tell
from migrate_mfa.domain.characters import printable
from migrate_mfa.domain.errors import Declined, ExitCode

if TYPE_CHECKING:
    from migrate_mfa.domain.pool_setup import Members, SetupPlan
    from migrate_mfa.engine.stop import Stop
    from migrate_mfa.wiring.setup_pool import Opened


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command()(setup_pool)


def setup_pool(
    context: typer.Context,
    user_pool_id: o.UserPoolId = None,
    sms_role_arn: o.SmsRoleArn = None,
    external_id: o.ExternalId = None,
    sns_region: o.SnsRegion = None,
    print_only: Annotated[
        bool,
        typer.Option(
            "--print-only",
            help="Write nothing; print AWS CLI commands, CloudFormation and Terraform.",
        ),
    ] = False,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    yes: o.Yes = False,
    json: o.Json = False,
    job: Job = None,
    show_config: ShowConfig = False,
) -> None:
    """Switch a pool to MFA OPTIONAL with SMS, keeping all else; creates the SMS role if there is none."""
    _setup_pool(begin(context))


def _setup_pool(params: dict[str, Any]) -> None:
    from migrate_mfa.engine.stop import SIGNAL_EXITS, Stop, Stopped
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.setup_pool import open_setup

    settings, print_only, stop = from_params(params), params["print_only"], Stop()
    if not print_only:
        require_consent(settings)
    try:
        with open_setup(settings, stop, tell) as opened:
            plan = opened.plan(read_only=print_only)
            if print_only:
                _print(opened, plan)
            elif plan.changes:
                _set_up(opened, plan, stop)
            else:
                _end(opened, plan, "ready", plan.pool.config)
    except Stopped:
        raise typer.Exit(SIGNAL_EXITS[stop.cause] if stop.cause else ExitCode.BUG) from None


def _print(opened: "Opened", plan: "SetupPlan") -> None:
    from migrate_mfa.cli import show
    from migrate_mfa.reports.snippets import snippets

    found = snippets(plan, opened.lane.region)
    if opened.settings.as_json:
        show.as_json(plan.as_dict() | {"state": "printed"} | {each.name: each.text for each in found})
        return
    write("\n".join(f"# {each.title}\n\n{each.text}" for each in found))


def _set_up(opened: "Opened", plan: "SetupPlan", stop: "Stop") -> None:
    from migrate_mfa.cli import show

    if opened.settings.as_json:
        typer.echo(printable(show.setup(plan)), err=True)
    else:
        write(show.setup(plan))
        if unseen() and not opened.settings.yes:
            raise Declined("What would change cannot be shown, so nothing was written.", _UNSEEN)
    confirm_setup(opened.lane, plan.pool.facts, stop, yes=opened.settings.yes)
    done = False
    try:
        now = opened.setup.apply(plan)
        done = True
    finally:
        if not done and opened.setup.created is not None:
            tell(f"The role {opened.setup.created} was created and stays; the same command goes on from it.")
    _end(opened, plan, "set_up", now)


_UNSEEN = "Standard output is full, or its reader has gone; --print-only leads to the same settings by hand."


def _end(opened: "Opened", plan: "SetupPlan", state: str, now: "Members") -> None:
    from migrate_mfa.cli import show

    if opened.settings.as_json:
        show.as_json(plan.as_dict() | {"state": state, "now": now, "role_created": opened.setup.created})
        return
    name = plan.pool.facts.name
    write(
        f"Nothing to do: pool {name} has MFA OPTIONAL with SMS."
        if state == "ready"
        else f"\nDone: pool {name} has MFA OPTIONAL with SMS, and reads back as it was written."
    )
