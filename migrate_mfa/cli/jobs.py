"""Job files: a command's options in TOML, below flags and variables, above the defaults."""

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from migrate_mfa.cli.output import write
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, UsageError

_OWN = frozenset({"job", "show_config", "help"})
_SOURCES = {
    "COMMANDLINE": "flag",
    "ENVIRONMENT": "variable",
    "DEFAULT_MAP": "job file",
    "DEFAULT": "default",
}


def _load(context: typer.Context, path: Path | None) -> Path | None:
    """Put the job's options below the command line and the environment.

    Raises:
        InputUnusable: the file cannot be read, is for another command, has a key that is no option, or a
            value that its option does not take.
    """
    if path is None or context.resilient_parsing:
        return path
    job = _read(path)
    if (command := job.pop("command", None)) != context.info_name:
        raise InputUnusable(
            f"{path} is a job for {command!r}, not for {context.info_name!r}.",
            'Its first line says which command it is for: command = "…".',
        )
    known = {each.name: each for each in context.command.params if each.name and each.name not in _OWN}
    for key, value in job.items():
        if key not in known:
            raise InputUnusable(
                f"{path}: {key!r} is no option of {context.info_name}.", _nearest(key, set(known))
            )
        if trouble := _trouble(known[key], value, context):
            raise InputUnusable(f"{path}: {key} = {_shown(value)}: {trouble}")
    _check_as_settings(path, job)
    context.default_map = {**(context.default_map or {}), **job}
    return path


def _trouble(parameter: Any, value: Any, context: typer.Context) -> str:  # noqa: ANN401 - Typer's own, and TOML
    """What is wrong with a value, for its option; empty when nothing is."""
    if isinstance(value, bool) is not getattr(parameter, "is_flag", False):
        return "it takes true or false." if not isinstance(value, bool) else "it does not take true or false."
    if isinstance(value, list) is not getattr(parameter, "multiple", False):
        return "it takes one value." if isinstance(value, list) else "it takes a list, such as [...]."
    try:
        parameter.process_value(context, value)
    except typer.BadParameter as error:
        return error.message
    return ""


def _check_as_settings(path: Path, job: dict[str, Any]) -> None:
    from migrate_mfa.settings import from_params

    try:
        from_params(job)
    except UsageError as error:
        raise InputUnusable(f"{path}: {error.message}", error.hint) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputUnusable(
            f"The job file {path} cannot be read ({error.strerror}).", "See --job."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise InputUnusable(f"The job file {path} is not TOML: {reason}.") from error


def _nearest(key: str, known: set[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    return f"The nearest is {near[0]!r}; all: {', '.join(sorted(known))}."


Job = Annotated[
    Path | None,
    typer.Option(
        "--job",
        help="A TOML file with options of this command; flags and variables win over it.",
        callback=_load,
        is_eager=True,
        show_default=False,
    ),
]
ShowConfig = Annotated[
    bool, typer.Option("--show-config", help="Print every effective value and its source, and do nothing.")
]


def begin(context: typer.Context) -> dict[str, Any]:
    """The parameters of a command, and as `given` the names of those that are not mere defaults.

    With --show-config they are printed, and that is all.

    Raises:
        typer.Exit: after --show-config.
    """
    sources = {name: _source(context, name) for name in context.params}
    if not context.params.get("show_config"):
        given = frozenset(name for name, source in sources.items() if source != _SOURCES["DEFAULT"])
        return {**context.params, "given": given}
    saved = _of_the_run_directory(context)
    for name, value in context.params.items():
        if name not in _OWN:
            told = (value, sources[name]) if sources[name] != _SOURCES["DEFAULT"] else None
            text, source = told or saved.get(name, (value, sources[name]))
            write(f"{name} = {_shown(text)}  # {source}")
    raise typer.Exit


def _source(context: typer.Context, name: str) -> str:
    source = context.get_parameter_source(name)
    return _SOURCES[source.name if source else "DEFAULT"]


def _of_the_run_directory(context: typer.Context) -> dict[str, tuple[Any, str]]:
    """What a run directory settles of options that are not given: the plan what decides, a pass its pace."""
    from migrate_mfa.wiring.pace import last_pace
    from migrate_mfa.wiring.passes import planned_directory

    directory, roster = context.params.get("run_dir"), context.params.get("roster")
    try:
        meta = planned_directory(directory) if directory is not None else {}
    except MigrateMfaError:
        return {}
    pace = dict(last_pace(meta, context.info_name or ""))
    if "max_rps" in pace:
        pace["max_rps"] = [f"{name}={rate:g}" for name, rate in pace["max_rps"].items()] or None
    planned = meta if roster is None else {}
    return {name: (value, "from the plan") for name, value in planned.items()} | {
        name: (value, f"from the last {context.info_name}") for name, value in pace.items()
    }


def _shown(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_shown(each) for each in value) + "]"
    if value is None:
        return "(unset)"
    return str(value).lower() if isinstance(value, bool) else str(value)
