"""guide: the documentation of this version, one topic at a time."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from migrate_mfa.cli.option_groups import Output
from migrate_mfa.cli.options import Group, Only, Option
from migrate_mfa.cli.prompt import tell
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, UsageError
from migrate_mfa.domain.formatting import the_nearest
from migrate_mfa.reports.languages import Lang

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import Markdown

TOPICS = (
    *("tour", "check", "setup-pool", "canary", "policies", "roster", "rehearsal", "cost", "after-the-run"),
    *("fleet", "troubleshooting", "state", "permissions", "security", "how-it-works", "reference", "columns"),
)
"""The topics, in the order in which an operator needs them."""


@dataclass(frozen=True, kw_only=True)
class Reading(Group):
    """Which topic, and in which language."""

    topic: Annotated[
        str | None, Option(help="Topic to show; without it, all topics are listed.", argument=True)
    ] = None
    lang: Annotated[
        Lang, Option(help="Language: en, or ja where a Japanese page exists.", metavar="en|ja")
    ] = Lang.EN


def guide(reading: Reading, output: Annotated[Output, Only("no_color")]) -> ExitCode:
    """Show the documentation of this version: the list of topics, or one topic.

    Examples:
        migrate-mfa guide
        migrate-mfa guide policies --lang ja
    """
    if reading.topic is None:
        write("\n".join(_listed(reading.lang)))
        return ExitCode.DONE
    topic = reading.topic.lower().replace("_", "-").removesuffix(".md")
    if topic not in TOPICS:
        raise UsageError(
            f"There is no topic {reading.topic!r}.",
            f"{the_nearest(topic, TOPICS, shown=str)} {_HOW_TO_LIST}".lstrip(),
        )
    page = page_of(topic, reading.lang)
    if reading.lang is not Lang.EN and page == page_of(topic, Lang.EN):
        tell(f"The topic {topic} exists in English only.")
    _show(page.read_text(encoding="utf-8"), color=not output.no_color)
    return ExitCode.DONE


_HOW_TO_LIST = "List all topics with: migrate-mfa guide"


def page_of(topic: str, language: Lang) -> "Traversable":
    """The file of a topic; the English one if there is none in the language."""
    from importlib.resources import files

    folder = files("migrate_mfa") / "guide"
    translated = folder / language.value / f"{topic}.md"
    return translated if translated.is_file() else folder / f"{topic}.md"


def _listed(language: Lang) -> list[str]:
    """A line for each topic: its name, and the heading of its page."""
    width = max(map(len, TOPICS))
    lines = []
    for topic in TOPICS:
        first, *_ = page_of(topic, language).read_text(encoding="utf-8").split("\n", 1)
        lines.append(f"{topic:<{width}}  {first.removeprefix('# ')}")
    return [*lines, "", "Read one with: migrate-mfa guide TOPIC"]


def _show(text: str, *, color: bool) -> None:
    """Show the page: on a terminal in a pager, drawn by Rich; elsewhere as plain Markdown."""
    if not sys.stdout.isatty():
        write(text.removesuffix("\n"))
        return
    import os

    from rich.console import Console

    os.environ.setdefault("LESS", "-FRX")  # -R keeps colours, -F ends less if the page fits the screen
    console = Console(no_color=None if color else True)
    with console.pager(styles=True, links=False):
        console.print(drawn(text))


def drawn(text: str) -> "Markdown":
    """Rich's Markdown, except that tables break a long word instead of cutting it."""
    from rich.markdown import Markdown, TableElement
    from rich.table import Table

    class Folding(TableElement):
        def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
            for table in super().__rich_console__(console, options):
                for column in table.columns if isinstance(table, Table) else ():
                    column.overflow = "fold"
                yield table

    class Page(Markdown):
        elements: ClassVar = {**Markdown.elements, "table_open": Folding}

    return Page(text, hyperlinks=False)
