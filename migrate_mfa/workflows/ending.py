"""The common part of all passes over a run directory: open it, show how it ended, print the next command."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from migrate_mfa.cli.prompt import progress_for, tell
from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.formatting import at_least_a_second
from migrate_mfa.workflows.consent import tell_limit
from migrate_mfa.workflows.telling import tell_end, tell_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrate_mfa.domain.errors import ExitCode
    from migrate_mfa.invocation import Invocation
    from migrate_mfa.ports import Progress
    from migrate_mfa.reports.headline import Headline
    from migrate_mfa.reports.next_command import Next
    from migrate_mfa.reports.summary import Summary
    from migrate_mfa.settings import Settings


class _HasPass(Protocol):
    @property
    def invocation(self) -> "Invocation": ...


Opened = TypeVar("Opened", bound=_HasPass)
_LEAST_FOR_A_RATE_S = 10.0
"""In a shorter pass the start takes so large a part that its rate tells nothing."""


@contextmanager
def shown_at_end(
    command: str, settings: "Settings", open_it: Callable[["Progress"], AbstractContextManager[Opened]]
) -> Iterator[Opened]:
    """Open a pass with progress, and show how it ended, also after an error."""
    from migrate_mfa.workflows.standing import standing

    opened, problem = None, None
    try:
        with closing(progress_for(settings.output)) as progress, open_it(progress) as opened:
            yield opened
    except Exception as error:
        problem = error
        tell_failure(command, settings, opened.invocation if opened else None, error)
        raise
    finally:
        if opened is not None and opened.invocation.summary is not None:
            invocation, summary = opened.invocation, opened.invocation.summary
            # The table of a plan was shown before the plan could be refused.
            if settings.output.json or invocation.command != "plan":
                standing(summary.as_dict(), invocation.journal.directory, in_json=settings.output.json)
            if invocation.headline is not None and not (settings.output.json or settings.output.quiet):
                advised = _unless_refused(invocation.headline, problem)
                _say_what_next(settings, invocation, summary, advised)


def _unless_refused(headline: "Headline", problem: Exception | None) -> "Headline":
    """The headline without a next command that would be refused again: the error says what to do instead."""
    unchanged = headline.key == "unchanged" and isinstance(problem, InputUnusable)
    return replace(headline, advice="") if unchanged else headline


def _say_what_next(
    settings: "Settings", invocation: "Invocation", summary: "Summary", headline: "Headline"
) -> None:
    """Print the result in a sentence, the time it took, the path of the page, and the next command."""
    from migrate_mfa.journal.run_dir import keeps_reports, shown
    from migrate_mfa.reports.from_journal import PAGE

    tell_verdict(headline, _took(summary.done.seconds, summary.users_per_s))
    if now := summary.done.extra.get("ended_now"):
        tell(f"Done in this pass: {', '.join(f'{reason} {rows:,}' for reason, rows in now.items())}.")
    page = shown(invocation.report / PAGE)
    if not keeps_reports():
        tell(f"This command could not bring its report to {page}, because it has lost its lease.")
    elif invocation.has_page:
        tell(f"Report: {page}")
    tell_next(headline, settings.aws.caller)


def _took(seconds: float | None, users_per_s: float | None) -> str:
    """How long a pass took, and its rate if it was long enough."""
    if seconds is None:
        return ""
    pace = f", {users_per_s:.1f} users/s" if users_per_s and seconds >= _LEAST_FOR_A_RATE_S else ""
    return f"It took {at_least_a_second(seconds)}{pace}."


def tell_verdict(headline: "Headline", also: str = "") -> None:
    """Print the state of a run directory in one sentence, with an addition if there is one."""
    from migrate_mfa.reports.languages import Lang
    from migrate_mfa.reports.page_texts import PageTexts

    tell(f"{PageTexts(Lang.EN).sentence(headline)} {also}".rstrip())


def tell_next(headline: "Headline", caller: "Sequence[str]" = ()) -> None:
    """Print what to do next with a run directory, if there is anything.

    Args:
        headline: the headline of its last pass.
        caller: flags for the same caller, each followed by its value.
    """
    from migrate_mfa.reports.languages import Lang
    from migrate_mfa.reports.page_texts import PageTexts

    if headline.advice:
        say_next(PageTexts(Lang.EN).advice(headline), headline.command, caller)


def say_next(advice: str, command: str | None, caller: "Sequence[str]") -> None:
    """Print what to do next, and the command for it."""
    from migrate_mfa.reports.next_command import by_caller

    tell(f"Next: {advice}" + (f"\n  {by_caller(command, caller)}" if command else ""))


def next_after(settings: "Settings", pool_id: str, run_dir: str = "") -> "Next":
    """Makes the next command line after a command on a pool without a run directory."""
    from migrate_mfa.reports.next_command import Next

    return Next(
        run_dir=run_dir,
        pool_id=pool_id,
        endpoint=settings.aws.endpoint_url,
        deciding=settings.stated(),
        options=settings.of_pass(),
    )


def leave(invocation: "Invocation", code: "ExitCode") -> "ExitCode":
    """Report how the command ends; if the headline is not shown, also the operator's limit that ended it."""
    output = invocation.session.settings.output
    if output.quiet or output.json:
        tell_limit(invocation.session)
    tell_end(invocation, code)
    return code
