"""How a command ended, in a few lines for the person who started it: the result, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migrate_mfa.journal.database import Journal
from migrate_mfa.reports.from_journal import DIRECTORY, PAGE, last_summary
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_facts import judged
from migrate_mfa.reports.wording import Words


@dataclass(frozen=True, slots=True)
class Ending:
    """The result in a sentence, what was measured, where the page is, and the next command, if any."""

    sentence: str
    seconds: float | None
    users_per_s: float | None
    page: Path
    advice: str = ""
    command: str = ""


def ending(run_dir: Path, also: Sequence[str] = ()) -> Ending:
    """Read how the last command on a run directory ended.

    Args:
        run_dir: the run directory.
        also: options that the next command needs too, as `--profile NAME`.

    Raises:
        RunDirectoryError: the directory cannot be read, or holds no run.
    """
    with Journal.look_at(run_dir) as journal:
        summary = last_summary(journal)
        found = judged(journal, summary, also)
    words, done = Words(Lang.EN), summary.done
    values = dict(found.values)
    if found.percent is not None:
        values["share"] = words.percent(*found.percent)
    seconds = done.ended_at - done.started_at if done.ended_at is not None else None
    users = done.extra.get("users_done")
    return Ending(
        words(f"verdict.{found.key}", **values),
        seconds,
        users / seconds if isinstance(users, int) and users and seconds else None,
        run_dir / DIRECTORY / PAGE,
        words(f"next.{found.advice}") if found.advice else "",
        found.command or "",
    )
