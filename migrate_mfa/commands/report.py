"""report: write the reports of a run again."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from migrate_mfa.cli.caller import AwsForS3
from migrate_mfa.cli.option_groups import JsonOnly, ThisRun
from migrate_mfa.cli.options import Group, Option
from migrate_mfa.cli.prompt import tell
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.reports.languages import Lang


class Format(StrEnum):
    """What is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"


@dataclass(frozen=True, kw_only=True)
class Showing(Group, heading="Output", variables=False):
    """The language, and what is printed."""

    lang: Annotated[
        Lang, Option(help="Language of report.html and of Markdown: en or ja.", metavar="en|ja")
    ] = Lang.EN
    format: Annotated[
        Format,
        Option(
            help="What to print: a table, or a short page in Markdown for a ticket.",
            metavar="table|markdown",
        ),
    ] = Format.TABLE


def report(run: ThisRun, showing: Showing, aws: AwsForS3, output: JsonOnly) -> ExitCode:
    """Write the reports of a run again, from its journal.

    Examples:
        migrate-mfa report --run-dir migrate-mfa-runs/*/users-*
        migrate-mfa report --run-dir migrate-mfa-runs/*/users-* --format markdown
    """
    from migrate_mfa.cli.streams import write
    from migrate_mfa.cli.traceback_file import keep_traceback
    from migrate_mfa.journal.run_dir import shown
    from migrate_mfa.reports import from_journal
    from migrate_mfa.workflows.ending import tell_next, tell_verdict
    from migrate_mfa.workflows.standing import standing

    written = from_journal.report(run.run_dir, showing.lang)
    if written.fault is not None:
        keep_traceback(written.fault, run.run_dir)
        raise written.fault
    summary = written.summary.as_dict()
    if showing.format is Format.MARKDOWN:
        write(from_journal.markdown(run.run_dir, showing.lang).rstrip("\n"))
    else:
        standing(summary, run.run_dir, in_json=output.json)
        if written.headline is not None and not output.json:
            tell_verdict(written.headline)
    tell(f"The reports are in {shown(run.run_dir / 'report')}. Open report.html in a browser.")
    if written.headline is not None and not output.json:
        tell_next(written.headline, aws.caller)
    return ExitCode.DONE
