"""A Typer program whose help is plain text: to draw it with Rich would take longer than all the rest."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from migrate_mfa.cli.options import HEADINGS, PREFIX
from migrate_mfa.cli.variables import names_of, variable_of
from migrate_mfa.domain.formatting import folded

_EXAMPLES = "\n\nExamples:\n"
"""The line of a command's docstring before its examples."""
_FIRST = "migrate_mfa.first"
"""The key of the first word after a command, which is kept while the line is parsed."""
_HYPHEN = "\0"
"""Replaces hyphens while text is folded, because lines would break at hyphens too."""


def in_words(error: typer.BadParameter) -> str:
    """What an option takes, in plain words; pydantic's messages speak of inputs and strings."""
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
"""By pydantic's names of errors."""


class _PlainCommand(TyperCommand):
    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Typer's own types are private
        """The help; a word with hyphens, such as an option, is not broken."""
        super().format_help(ctx, formatter)
        formatter.buffer[:] = [text.replace(_HYPHEN, "-") for text in formatter.buffer]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - likewise
        """Parse, and say in plain words why an option does not accept a value."""
        ctx.meta[_FIRST] = next(iter(args), "")
        _require_one_run(args)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            missing = error.param is not None and error.param.name == "run_dir" and not error.message
            error.message = "List the run directories with: migrate-mfa runs" if missing else in_words(error)
            error.param_hint = _hint(error, ctx)
            raise

    def collect_usage_pieces(self, ctx: Any) -> list[str]:  # noqa: ANN401 - likewise
        """What may follow the command: its arguments in capitals, optional ones in brackets."""
        named = [(each, _written(each)) for each in self.get_params(ctx) if _is_argument(each)]
        return [*("[OPTIONS]",), *(text if each.required else f"[{text}]" for each, text in named)]

    def format_help_text(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """What the command does."""
        del ctx
        with formatter.indentation():
            for paragraph in (self.help or "").partition(_EXAMPLES)[0].split("\n\n"):
                formatter.write_paragraph()
                formatter.write_text(_whole(" ".join(paragraph.split())))

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """Arguments and options under the headings that their declarations name."""
        panels: dict[str, list[tuple[str, str]]] = {heading: [] for heading in HEADINGS}
        for parameter in self._taken(ctx):
            if not parameter.hidden:
                panels[heading_of(parameter)].append((_written(parameter), _whole(_told(parameter))))
        for title, records in panels.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _taken(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - likewise
        """The parameters of the command, or of the action that its line begins with."""
        actions = getattr(self.callback, "actions", {})
        names = actions.get(ctx.meta.get(_FIRST))
        return [each for each in self.get_params(ctx) if names is None or each.name in {*names, "help"}]

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """Examples, the names of the variables, and where exit codes are explained."""
        examples = (self.help or "").partition(_EXAMPLES)[2].splitlines()
        with formatter.section("Examples"):
            for line in examples:
                formatter.write(f"  {line.strip()}\n")
        formatter.write_paragraph()
        for text in (_on_variables(self._taken(ctx)), "Exit codes: migrate-mfa guide reference"):
            if text:
                formatter.write_text(_whole(text))


def _whole(text: str) -> str:
    return text.replace("-", _HYPHEN)


def _require_one_run(args: list[str]) -> None:
    """Refuse several run directories, which a pattern can expand to: only one can be meant."""
    folders = [each for each in args if not each.startswith("-") and Path(each).is_dir()]
    if len(folders) > 1:
        from migrate_mfa.journal.database import NAME

        runs = [each for each in folders if Path(each, NAME).is_file()]
        if len(runs) > 1:
            message = f"it takes one run directory, not {len(runs)}. Name one; migrate-mfa runs lists them."
            raise typer.BadParameter(message, param_hint="'--run-dir'")


def _is_argument(parameter: Any) -> bool:  # noqa: ANN401 - likewise
    return bool(parameter.param_type_name == "argument")


def heading_of(parameter: Any) -> str:  # noqa: ANN401 - likewise
    """The heading of an option or argument; without a group it belongs to the command itself."""
    if parameter.name == "help":
        return HEADINGS[-1]
    return "Arguments" if _is_argument(parameter) else parameter.rich_help_panel or "Options"


def _written(parameter: Any) -> str:  # noqa: ANN401 - likewise
    """An option or argument as it is written on a command line."""
    if _is_argument(parameter):
        return str(parameter.metavar)
    flags = " / ".join((", ".join(sorted(parameter.opts, key=len)), *parameter.secondary_opts))
    return flags if parameter.is_flag else f"{flags} {parameter.metavar}"


def _told(parameter: Any) -> str:  # noqa: ANN401 - likewise
    """Its meaning, with the default if there is one."""
    if parameter.required:
        return f"{parameter.help} [required]"
    default = getattr(parameter.default, "value", parameter.default)
    if default is True:
        default = parameter.opts[0]
    shown = parameter.show_default and default is not None and default is not False
    return f"{parameter.help} [default: {default}]" if shown else str(parameter.help)


def _on_variables(parameters: list[Any]) -> str:
    """A sentence about the variables that set options; empty if there are none."""
    options = [each for each in parameters if not _is_argument(each) and each.name != "help"]
    ours = [each for each in options if any(name.startswith(PREFIX) for name in names_of(each))]
    if not ours:
        return ""
    flag, name = ours[0].opts[0], names_of(ours[0])[0]
    without = ", ".join(each.opts[0] for each in options if each not in ours)
    exceptions = f" Exceptions: {without}." if without else ""
    return f"A variable can set each option, such as {name} for {flag}.{exceptions}"


def _hint(error: typer.BadParameter, context: Any) -> Any:  # noqa: ANN401 - likewise
    """The option that is wrong, and the variable that its value comes from."""
    parameter = error.param
    source = context.get_parameter_source(parameter.name) if parameter is not None else None
    if parameter is None or source is None or source.name != "ENVIRONMENT":
        return error.param_hint
    return f"'{parameter.opts[0]}' (from the variable {variable_of(parameter)})"


class _PlainGroup(TyperGroup):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - likewise
        """Parse the program's own options."""
        with _errors_folded():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - likewise
        """Parse the command's options, and run it."""
        with _errors_folded():
            return super().invoke(ctx)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """The commands by purpose, then the program's own options."""
        self.format_commands(ctx, formatter)
        with formatter.section("Options"):
            formatter.write_dl(filter(None, (each.get_help_record(ctx) for each in self.get_params(ctx))))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - likewise
        """Each command with its whole first paragraph; Click would cut it in the middle of a word."""
        purposes: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.list_commands(ctx)))
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            purposes.setdefault(command.rich_help_panel, []).append((f"{name:<{width}}", _gist(command)))
        for purpose, commands in purposes.items():
            with formatter.section(purpose):
                formatter.write_dl(commands)


@contextmanager
def _errors_folded() -> Iterator[None]:
    """On a terminal, fold the message about a wrong command line; a script gets one line."""
    try:
        yield
    except TyperException as error:
        if sys.stderr.isatty():
            message = folded(f"Error: {error.format_message()}").removeprefix("Error: ")
            setattr(error, "format_message", lambda: message)  # noqa: B010 - it has no other place for it
        raise


def _gist(command: Any) -> str:  # noqa: ANN401 - likewise
    return " ".join((command.help or "").split("\n\n")[0].split())


class Program(typer.Typer):
    """`typer.Typer` without Rich."""

    def __init__(self, **named: Any) -> None:  # noqa: ANN401 - as Typer takes them
        super().__init__(rich_markup_mode=None, cls=_PlainGroup, **named)

    def command(self, name: str | None = None, **named: Any) -> Callable[..., Any]:  # noqa: ANN401 - likewise
        """See `typer.Typer.command`."""
        return super().command(name, **{"cls": _PlainCommand, **named})
