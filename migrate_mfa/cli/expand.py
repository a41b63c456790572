"""Turns a command that takes option groups into a function for Typer: one parameter for each field."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import typer

from migrate_mfa.cli.job_file import JOB_OPTIONS, begin
from migrate_mfa.cli.located import located
from migrate_mfa.cli.options import Declared, Group, group_of
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError, UsageError
from migrate_mfa.domain.failure import named_in

Failed = Callable[[str, Sequence[Group], MigrateMfaError], None]
"""Called with the command, its options and the error that ended it; not for options that cannot be used."""


def expanded(
    command: Callable[..., ExitCode], *, takes_jobs: bool = False, failed: Failed = lambda *_: None
) -> Callable[..., None]:
    """Make a function for Typer from a command whose parameters are option groups.

    Args:
        command: takes groups by name, and returns the exit code.
        takes_jobs: whether it also has --job and --show-config.
        failed: called with the error that ends it, in the command or while its run directory is downloaded
            or uploaded.
    """
    hints = get_type_hints(command, include_extras=True)
    taken = {name: group_of(hint) for name, hint in hints.items() if name != "return"}

    def call(context: typer.Context, **values: Any) -> None:  # noqa: ANN401 - Typer has converted them
        given, verb = begin(context), context.info_name or ""
        try:
            with located(verb, values) as here:
                code = command(**{name: group.of(here, given) for name, (group, _) in taken.items()})
        except MigrateMfaError as error:
            deep = bool(values.get("deep"))
            error.hint = named_in(error.hint, _policy_of(verb, values), values.get("user_pool_id"), deep=deep)
            if not isinstance(error, UsageError):
                failed(verb, [group.of(values, given) for group, _ in taken.values()], error)
            raise
        raise typer.Exit(code)

    parameters = [_parameter(each) for _, options in taken.values() for each in options]
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    call.__signature__ = inspect.Signature([_CONTEXT, *parameters, *(JOB_OPTIONS if takes_jobs else ())])  # type: ignore[attr-defined]
    call.actions = getattr(command, "actions", {})  # type: ignore[attr-defined]
    call.option_groups = [group for group, _ in taken.values()]  # type: ignore[attr-defined]
    return call


def _policy_of(verb: str, values: Mapping[str, Any]) -> str:
    """The command whose policy allows a command: a fleet itself needs what its verb needs in the bucket."""
    return str(values.get("verb") or "run") if verb == "fleet" else verb


def mentioned(command: Callable[..., ExitCode]) -> Callable[..., None]:
    """Make a function for Typer that only puts a command into the list of commands, and is never called."""

    def call() -> None:
        raise AssertionError(command)

    call.__name__, call.__doc__ = command.__name__, command.__doc__
    return call


_CONTEXT = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)


@cache  # many commands share most groups
def _parameter(declared: Declared) -> inspect.Parameter:
    return inspect.Parameter(
        declared.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=_default(declared),
        annotation=Annotated[_type(declared), _info(declared)],
    )


def _info(declared: Declared) -> Any:  # noqa: ANN401 - Typer's own types are private
    option = declared.option
    named: dict[str, Any] = {
        "help": option.help,
        "metavar": option.metavar or _metavar(declared),
        "parser": partial(option.parser, declared.flag) if option.parser else None,
        "show_default": declared.default not in {None, ()} and not declared.required,
        "min": option.least,
        "max": option.most,
        "rich_help_panel": declared.heading,
    }
    if option.argument:
        return typer.Argument(**named)
    flags, variables = option.flags or (declared.flag,), list(declared.variables)
    named |= {"envvar": variables or None, "show_envvar": False}
    return typer.Option(*flags, **named, callback=option.callback)


def _metavar(declared: Declared) -> str | None:
    """The placeholder of the value in the help; a switch has none."""
    if declared.option.argument:
        return declared.name.upper()
    kinds = {Path: "PATH", int: "N", float: "N", str: "TEXT"}
    named = {kinds[kind] for kind in (declared.type, *get_args(declared.type)) if kind in kinds}
    return named.pop() if named else None


def _type(declared: Declared) -> Any:  # noqa: ANN401 - a type
    """The type for Typer: tuples become lists, and a value that a parser makes has no type."""
    kind: Any = declared.type
    several = get_origin(kind) is tuple
    one: Any = str if declared.option.parser else get_args(kind)[0] if several else kind
    if several:
        return list[one] | None
    return one | None if declared.default is None else one


def _default(declared: Declared) -> Any:  # noqa: ANN401 - whatever the option takes
    if declared.required:
        return inspect.Parameter.empty
    if declared.default == ():
        return None
    return (
        str(declared.default) if declared.option.parser and declared.default is not None else declared.default
    )
