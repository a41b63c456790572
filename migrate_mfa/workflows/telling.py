"""Report the end of an unattended command: a file for Prometheus, and one message to an SNS topic.

This does not change how a command ends: if a report fails, the terminal says so.
"""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.prompt import tell
from migrate_mfa.domain.errors import Declined, ExitCode, MigrateMfaError
from migrate_mfa.domain.privacy import scrub

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws
    from migrate_mfa.invocation import Invocation
    from migrate_mfa.reports.metrics import Ending
    from migrate_mfa.settings import Settings

_LONGEST_SUBJECT = 100
"""The limit of SNS, which takes ASCII without line breaks ("Publish", Amazon SNS API Reference)."""


def tell_end(invocation: "Invocation", code: ExitCode) -> None:
    """Report that a command ended without an error, and its exit code."""
    _tell(invocation.command, invocation.session.settings, invocation, code, "")


def tell_failure(
    command: str, settings: "Settings", invocation: "Invocation | None", error: Exception
) -> None:
    """Report that an error ended a command.

    Args:
        command: its name.
        settings: its options.
        invocation: its pass, if it had one.
        error: the error; an exception that is not a `MigrateMfaError` is a bug.
    """
    if isinstance(error, MigrateMfaError):
        error.told = True
        # The operator who answered no is present.
        message = None if isinstance(error, Declined) else error.message
        _tell(command, settings, invocation, error.exit_code, message)
    else:
        _tell(command, settings, invocation, ExitCode.BUG, f"a bug ({type(error).__name__})")


def _tell(
    command: str,
    settings: "Settings",
    invocation: "Invocation | None",
    code: ExitCode,
    message: str | None,
) -> None:
    """Write the metrics file and send the message, if they are wanted and there is a message."""
    telling = settings.telling
    if telling.metrics_file is None and telling.notify_topic_arn is None:
        return
    ending = _ending(command, settings, invocation, code)
    if telling.metrics_file is not None:
        _write_metrics(telling.metrics_file, ending)
    if telling.notify_topic_arn is not None and message is not None:
        _notify(telling.notify_topic_arn, settings, ending, invocation, message)


def _ending(command: str, settings: "Settings", invocation: "Invocation | None", code: ExitCode) -> "Ending":
    from migrate_mfa.clock import SystemClock
    from migrate_mfa.reports.metrics import Ending

    summary = invocation.summary if invocation else None
    return Ending(
        command=command,
        pool_id=_pool_id(settings) or "",
        exit_code=code,
        at=SystemClock().now(),
        summary=summary.as_dict() if summary else {},
    )


def _pool_id(settings: "Settings") -> str | None:
    """The pool from the command line, else from the run directory."""
    from migrate_mfa.journal.meta import planned_directory

    here = settings.run_dir if isinstance(settings.run_dir, Path) else None
    if settings.user_pool_id is None and here is not None:  # a place in a bucket was not opened
        with suppress(MigrateMfaError):
            return planned_directory(here).user_pool_id
    return settings.user_pool_id


def _write_metrics(path: Path, ending: "Ending") -> None:
    from migrate_mfa.reports.metrics import write_metrics

    try:
        write_metrics(path, ending)
    except OSError as error:
        tell(f"The metrics file {path} cannot be written ({error.strerror}).")


def _notify(
    topic: str, settings: "Settings", ending: "Ending", invocation: "Invocation | None", message: str
) -> None:
    from migrate_mfa.aws.clients import Calls
    from migrate_mfa.domain.failure import ApiError

    region = topic.split(":")[3]
    try:
        calls = Calls(invocation.session.aws if invocation else _aws(settings, ending, region))
        text = _message(settings, ending, invocation, message)
        subject = f"migrate-mfa {ending.command} {ending.pool_id}: exit code {ending.exit_code:d}"
        sent = {"TopicArn": topic, "Subject": subject[:_LONGEST_SUBJECT], "Message": text}
        calls("sns", "Publish", region=region, **sent)
    except ApiError as error:
        tell(f"The topic {topic} could not be notified ({error.code}).")
    except MigrateMfaError as error:
        tell(f"The topic {topic} could not be notified: {error.message}")


def _aws(settings: "Settings", ending: "Ending", region: str) -> "Aws":
    from migrate_mfa.aws.session import Aws

    return Aws(settings.target(ending.pool_id), region=region)


def _message(settings: "Settings", ending: "Ending", invocation: "Invocation | None", message: str) -> str:
    """A plain first line, the counts, and the next command; no name, number or address of a user."""
    from migrate_mfa.reports.languages import Lang
    from migrate_mfa.reports.next_command import by_caller
    from migrate_mfa.reports.page_texts import PageTexts

    verdict = invocation.headline if invocation else None
    words = PageTexts(Lang.EN)
    said = scrub(message) or (words.sentence(verdict) if verdict else "")
    code = f"exit code {ending.exit_code:d}"
    lines = [f"migrate-mfa {ending.command}, pool {ending.pool_id}: {said} ({code})"]
    if ending.summary.get("rows"):
        lines.append(", ".join(f"{name} {count:,}" for name, count in ending.summary["counts"].items()))
    if verdict and verdict.command:
        lines.append(f"Next: {words.advice(verdict)}\n{by_caller(verdict.command, settings.aws.caller)}")
    return "\n".join(lines) + "\n"
