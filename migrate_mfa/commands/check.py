"""check: is everything ready? Writes nothing to AWS."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.caller import Aws, Pool
from migrate_mfa.cli.option_groups import JsonOnly, PricesOnly, QuotaShare, Verifying
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, PoolNotReady
from migrate_mfa.fleet import last_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrate_mfa.checks.findings import Finding
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.check import Checked

_HEAD = 80


@dataclass(frozen=True, kw_only=True)
class Checking(Group):
    """The plan and the command for which the pool is checked."""

    run_dir: Annotated[
        Path | None,
        Option(
            help="Check for the pool, policy and users of this run directory's plan.",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    verb: Annotated[
        str,
        Option(help="Command whose permissions are checked.", metavar="COMMAND", variable=False),
    ] = "run"


def check(
    checking: Checking,
    pool: Pool,
    aws: Aws,
    deciding: Verifying,
    pace: QuotaShare,
    prices: PricesOnly,
    output: JsonOnly,
) -> ExitCode:
    """Check that the pool, its SMS path, its quotas and your permissions are ready.

    Writes nothing. Exit code 4 means that a finding is a failure.

    Examples:
        migrate-mfa check --verification attested
        migrate-mfa check --verb reconcile --user-pool-id ap-northeast-1_AbCdEfGhI
    """
    from migrate_mfa.checks.findings import failures
    from migrate_mfa.cli import tables
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.check import check as do_check

    settings = Settings.of(checking, pool, aws, deciding, pace, prices, output)
    checked = do_check(settings, checking.verb)
    if failed := failures(checked.findings):
        last_word.leave(PoolNotReady, f"Failures: {', '.join(each.code for each in failed)}.")
    if output.json:
        if checked.document:
            tables.as_json(checked.document)
    elif checked.document:
        _show(checked.findings, checked.document)
        if checked.forecast is not None:
            tables.work(checked.forecast)
        _say_next(settings, checked, checking)
    return checked.exit_code


def _say_next(settings: "Settings", checked: "Checked", checking: Checking) -> None:
    """The command that sets the pool up, or the one to run after a good check."""
    from migrate_mfa.checks.findings import failures
    from migrate_mfa.journal.run_dir import shown
    from migrate_mfa.reports.from_journal import verdict
    from migrate_mfa.workflows.ending import next_after, say_next, tell_next

    told, failed, caller = checked.document, failures(checked.findings), settings.aws.caller
    lines, run_dir = next_after(settings, str(told["pool"])), checking.run_dir
    if any("setup-pool" in each.remedy for each in failed):
        say_next("Set the pool up. The command shows what would change.", lines.pool("setup-pool"), caller)
    elif failed:
        same = ["--run-dir", shown(run_dir)] if run_dir else []
        same += ["--verb", checking.verb] if checking.verb != "run" else []
        say_next("Correct the failures above, then check again.", lines.check(*same), caller)
    elif run_dir:
        tell_next(verdict(run_dir), caller)
    elif checking.verb == "run":
        say_next("Plan your roster.", lines.plan("ROSTER"), caller)


def _show(findings: "Iterable[Finding]", document: dict[str, object]) -> None:
    from migrate_mfa.checks.findings_report import lines, verdict

    title = f"Check of {document['pool_name']} ({document['pool']})"
    write(f"\n{title}\n{'-' * min(len(title), _HEAD)}")
    policy = f", --verification {document['verification']}" if document["verification"] else ""
    write(f"Account {document['account']}, Region {document['region']}; for {document['verb']}{policy}.")
    for line in lines(findings):
        write(line)
    write(f"\n{verdict(findings)}")
