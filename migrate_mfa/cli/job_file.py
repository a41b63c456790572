"""Job files: a command's options in TOML. Flags and variables override them; they override the defaults."""

import os
from collections.abc import Mapping
from inspect import Parameter
from pathlib import Path
from typing import Annotated, Any

import typer

from migrate_mfa.cli.options import HEADINGS, declared
from migrate_mfa.cli.plain_help import in_words
from migrate_mfa.cli.prompt import tell
from migrate_mfa.cli.streams import write
from migrate_mfa.cli.toml_file import read_toml
from migrate_mfa.cli.variables import variable_of
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, UsageError
from migrate_mfa.domain.formatting import the_nearest

_OWN = frozenset({"job", "show_config", "help"})
_JOB = "migrate_mfa.job"
"""The key under which a context keeps the values of the job file."""
_SOURCES = {
    "COMMANDLINE": "flag",
    "ENVIRONMENT": "variable",
    "DEFAULT_MAP": "job file",
    "DEFAULT": "default",
}


def _load(context: typer.Context, path: Path | None) -> Path | None:
    """Take the job's options as defaults, which the command line and the environment override.

    Raises:
        InputUnusable: the file cannot be read or is for another command, a key is not an option, or an
            option does not accept its value.
    """
    if path is None or context.resilient_parsing:
        return path
    job = read_toml(path, "job file", "See --job.")
    if (command := job.pop("command", None)) != context.info_name:
        other = f"is a job for {command!r}, not for {context.info_name!r}"
        raise InputUnusable(
            f"{path} {'does not name its command' if command is None else other}.",
            f'Its first line names the command: command = "{context.info_name}".',
        )
    known = {each.name: each for each in context.command.params if each.name and each.name not in _OWN}
    values = {}
    for key, value in job.items():
        if key not in known:
            raise InputUnusable(
                f"{path}: {key!r} is no option of {context.info_name}.",
                f"{the_nearest(key, known)} All: {', '.join(sorted(known))}.".lstrip(),
            )
        try:
            values[key] = processed(known[key], value, context)
        except typer.BadParameter as error:
            raise InputUnusable(f"{path}: {key} = {_shown(value)}: {in_words(error)}") from error
        except UsageError as error:
            raise InputUnusable(f"{path}: {error.message}", error.hint) from error
    check_together(path, values, context.command)
    context.default_map = {**(context.default_map or {}), **job}
    context.meta[_JOB] = values
    return path


def processed(parameter: Any, value: Any, context: typer.Context) -> Any:  # noqa: ANN401 - Typer's own, and TOML
    """A value, converted for its option.

    Raises:
        BadParameter: the option does not accept it.
    """
    flag, several = getattr(parameter, "is_flag", False), getattr(parameter, "multiple", False)
    if isinstance(value, bool) is not flag:
        raise typer.BadParameter("it takes true or false." if flag else "it does not take true or false.")
    if isinstance(value, list) is not several:
        raise typer.BadParameter("it takes a list, such as [...]." if several else "it takes one value.")
    if isinstance(value, dict):
        raise typer.BadParameter("it takes one value, not a table.")
    return parameter.process_value(context, value)


def check_together(path: Path, values: Mapping[str, object], command: Any) -> None:  # noqa: ANN401 - Typer's own types are private
    """Refuse values that contradict each other; missing ones may come from the command line or a variable.

    Raises:
        InputUnusable: names the file.
    """
    for group in command.callback.option_groups:
        try:
            if all(each.name in values for each in declared(group) if each.required):
                group.of(values)
        except UsageError as error:
            raise InputUnusable(f"{path}: {error.message}", error.hint) from error


_JOB_FILE = typer.Option(
    "--job",
    help="TOML file with options of this command. Flags and variables win over it.",
    metavar="FILE",
    callback=_load,
    is_eager=True,
    show_default=False,
    rich_help_panel=HEADINGS[-1],
)
_SHOW = typer.Option(
    "--show-config",
    help="Print every effective value and its source, then exit.",
    rich_help_panel=HEADINGS[-1],
)
JOB_OPTIONS = (
    Parameter("job", Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[Path | None, _JOB_FILE]),
    Parameter("show_config", Parameter.KEYWORD_ONLY, default=False, annotation=Annotated[bool, _SHOW]),
)
"""The additional options of a command that accepts a job file."""


def begin(context: typer.Context) -> frozenset[str]:
    """The names of the options that were given; the others have their defaults.

    With --show-config, print all options and exit.

    Raises:
        typer.Exit: after --show-config.
    """
    shows = context.params.get("show_config")
    saved = _of_the_run_directory(context) if shows else {}
    given = set()
    for parameter in context.command.params:
        if parameter.name in _OWN:
            continue
        value, source, variable = _origin(context, parameter)
        beaten = _beaten(context, parameter.name, value) if variable else ""
        if source != _SOURCES["DEFAULT"]:
            given.add(parameter.name)
        elif parameter.name in saved:
            value, source = saved[parameter.name]
        if shows:
            write(f"{parameter.name} = {_shown(value)}  # {source}")
            if variable:
                write(f"  # {variable}{f', not {beaten}' if beaten else ''}")
        elif beaten:
            tell(f"{variable} ({_shown(value)}) wins over {beaten}.")
    if shows:
        raise typer.Exit
    return frozenset(given)


def _origin(context: typer.Context, parameter: Any) -> tuple[Any, str, str]:  # noqa: ANN401 - Typer's own types are private
    """An option's value, its kind of source, and the name of the variable if that is the source."""
    source = context.get_parameter_source(parameter.name)
    value = context.params.get(parameter.name)
    if source is None or source.name != "ENVIRONMENT":
        return value, _SOURCES[source.name if source else "DEFAULT"], ""
    name = variable_of(parameter)
    left_to_the_sdk = value is None
    return (os.environ.get(name) if left_to_the_sdk else value), _SOURCES[source.name], name


def _beaten(context: typer.Context, name: str, value: object) -> str:
    """The job file's value that a variable overrides; empty if there is none."""
    job = context.meta.get(_JOB, {})
    return f"{name}: {_shown(job[name])} of the job file" if name in job and job[name] != value else ""


def _of_the_run_directory(context: typer.Context) -> dict[str, tuple[object, str]]:
    """The values that a run directory gives to missing options: from its plan, and its last pass's pace."""
    from migrate_mfa.journal.meta import planned_directory

    directory, roster = context.params.get("run_dir"), context.params.get("roster")
    try:
        meta = planned_directory(directory) if isinstance(directory, Path) else None
    except MigrateMfaError:
        meta = None
    if meta is None:
        return {}
    settled: dict[str, tuple[object, str]] = {}
    if roster is None:
        settled = {name: (value, "from the plan") for name, value in meta.settled.items()}
    if pace := meta.paces.get(context.info_name or ""):
        limits = [f"{name}={rate:g}" for name, rate in pace.max_rps.items()] or None
        source = f"from the last {context.info_name}"
        settled |= {"quota_share": (pace.quota_share, source), "max_rps": (limits, source)}
    return settled


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    if value is None:
        return "(unset)"
    return str(value).lower() if isinstance(value, bool) else str(value)
