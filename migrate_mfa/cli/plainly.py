"""A Typer program whose help is plain text: drawing it with Rich takes longer than everything else in it."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class _PlainCommand(TyperCommand):
    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """Arguments and options under the headings that their declarations name."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            usual = "Arguments" if parameter.param_type_name == "argument" else "Options"
            if record := parameter.get_help_record(ctx):
                panels.setdefault(getattr(parameter, "rich_help_panel", None) or usual, []).append(record)
        for title, records in panels.items():
            with formatter.section(title):
                formatter.write_dl(records)


class _PlainGroup(TyperGroup):
    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """Each command with the whole of its first paragraph; Click's own cut is in the middle of a word."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, _gist(each)) for name, each in found if each and not each.hidden])


def _gist(command: Any) -> str:  # noqa: ANN401 - likewise
    return " ".join((command.help or "").split("\n\n")[0].split())


class Program(typer.Typer):
    """`typer.Typer` that asks Rich for nothing."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - as Typer takes them
        super().__init__(rich_markup_mode=None, cls=_PlainGroup, **named)

    def command(self, name: str | None = None, **named: Any) -> Callable[..., Any]:  # noqa: ANN401 - likewise
        """See `typer.Typer.command`."""
        return super().command(name, **{"cls": _PlainCommand, **named})
