"""check: is everything ready? Writes nothing to AWS."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from migrate_mfa.cli import options as o
from migrate_mfa.cli.jobs import Job, ShowConfig, begin
from migrate_mfa.cli.output import write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrate_mfa.domain.findings import Finding

_HEAD = 80


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command()(check)


def check(
    context: typer.Context,
    user_pool_id: o.UserPoolId = None,
    run_dir: o.PlanRunDir = None,
    verb: Annotated[
        str, typer.Option("--verb", help="The command whose permissions are checked.", metavar="COMMAND")
    ] = "run",
    verification: o.Verification = None,
    quota_share: o.QuotaShare = 0.5,
    sms_price: o.SmsPrice = None,
    mau_price: o.MauPrice = None,
    profile: o.Profile = None,
    region: o.Region = None,
    endpoint_url: o.EndpointUrl = None,
    json: o.Json = False,
    job: Job = None,
    show_config: ShowConfig = False,
) -> None:
    """Say whether the pool, its SMS path, its quotas and this caller are ready. Exit 4 on a failure."""
    _check(begin(context))


def _check(params: dict[str, Any]) -> None:
    from migrate_mfa.cli import show
    from migrate_mfa.settings import from_params
    from migrate_mfa.wiring.check import check as do_check

    checked = do_check(from_params(params), params["verb"])
    if params["json"]:
        if checked.document:
            show.as_json(checked.document)
    elif checked.document:
        _show(checked.findings, checked.document)
        if checked.forecast is not None:
            show.work(checked.forecast)
    raise typer.Exit(checked.exit_code)


def _show(findings: "Iterable[Finding]", document: dict[str, Any]) -> None:
    from migrate_mfa.reports.findings import lines, verdict

    title = f"Check of {document['pool_name']} ({document['pool']})"
    write(f"\n{title}\n{'-' * min(len(title), _HEAD)}")
    policy = f", --verification {document['verification']}" if document["verification"] else ""
    write(f"Account {document['account']}, Region {document['region']}; for {document['verb']}{policy}.")
    for line in lines(findings):
        write(line)
    write(f"\n{verdict(findings)}")


def tell_findings(findings: "Iterable[Finding]") -> None:
    """At the start of a run: what is wrong, or could be, in a line or two each."""
    from migrate_mfa.cli.talk import tell
    from migrate_mfa.reports.findings import short

    for line in short(findings):
        tell(line)
