"""A Typer program whose help is plain text: drawing it with Rich takes longer than everything else in it."""

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


def in_words(error: typer.BadParameter) -> str:
    """What an option takes, in words of ours: whoever checked it speaks of inputs and strings."""
    failed = getattr(error.__cause__, "errors", None)
    if failed is None:
        return error.message
    first = failed()[0]
    limits = first.get("ctx") or {}
    if first["type"] in _TAKES:
        return _TAKES[first["type"]].format(**limits)
    return str(first["msg"]).removeprefix("Value error, ")


_TAKES = {
    "float_parsing": "it takes a number, such as 0.5.",
    "float_type": "it takes a number, such as 0.5.",
    "finite_number": "it takes a number, such as 0.5.",
    "int_parsing": "it takes a whole number.",
    "int_parsing_size": "it takes a whole number, and a smaller one.",
    "int_type": "it takes a whole number.",
    "int_from_float": "it takes a whole number.",
    "bool_parsing": "it takes true or false.",
    "bool_type": "it takes true or false.",
    "string_type": "it takes a text.",
    "string_unicode": "it takes a text.",
    "path_type": "it takes a path.",
    "greater_than": "it takes more than {gt}.",
    "greater_than_equal": "it takes {ge} or more.",
    "less_than": "it takes less than {lt}.",
    "less_than_equal": "it takes at most {le}.",
}
"""By pydantic's names of what is wrong."""


class _PlainCommand(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own types are private
        """Parse, and say in plain words what an option does not take."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = in_words(error)
            raise

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
