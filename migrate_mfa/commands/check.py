"""check: is everything ready? Writes nothing to AWS."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from migrate_mfa.cli import option_values
from migrate_mfa.cli.option_groups import Aws, JsonOnly, Pool, PricesOnly, QuotaShare, Verifying
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrate_mfa.checks.findings import Finding

_HEAD = 80


@dataclass(frozen=True, kw_only=True)
class Checking(Group):
    """What it is checked for."""

    run_dir: Annotated[
        Path | None,
        Option(
            help="The run directory of a plan: its pool, policy and users are what is checked for.",
            metavar="DIR",
            parser=option_values.run_dir,
        ),
    ] = None
    verb: Annotated[
        str,
        Option(help="The command whose permissions are checked.", metavar="COMMAND", variable=False),
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
    """Say whether the pool, its SMS path, its quotas and this caller are ready. Exit 4 on a failure."""
    from migrate_mfa.cli import tables
    from migrate_mfa.settings import Settings
    from migrate_mfa.workflows.check import check as do_check

    settings = Settings.of(checking, pool, aws, deciding, pace, prices, output)
    checked = do_check(settings, checking.verb)
    if output.json:
        if checked.document:
            tables.as_json(checked.document)
    elif checked.document:
        _show(checked.findings, checked.document)
        if checked.forecast is not None:
            tables.work(checked.forecast)
    return checked.exit_code


def _show(findings: "Iterable[Finding]", document: dict[str, object]) -> None:
    from migrate_mfa.checks.findings_report import lines, verdict

    title = f"Check of {document['pool_name']} ({document['pool']})"
    write(f"\n{title}\n{'-' * min(len(title), _HEAD)}")
    policy = f", --verification {document['verification']}" if document["verification"] else ""
    write(f"Account {document['account']}, Region {document['region']}; for {document['verb']}{policy}.")
    for line in lines(findings):
        write(line)
    write(f"\n{verdict(findings)}")
