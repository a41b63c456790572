"""Environment variables: warnings for those that no option reads, and those that override a job file."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from migrate_mfa.cli.options import PREFIX
from migrate_mfa.domain.formatting import the_nearest

_WIDENING = frozenset({"--yes", "--despite", "--phone-conflict"})


def unread(program: Any, environment: Mapping[str, str] = os.environ) -> Iterator[str]:  # noqa: ANN401 - Typer's own types are private
    """A sentence for each variable of ours that no option reads.

    Args:
        program: the group of all commands.
        environment: name → value.
    """
    named = sorted(name for name in environment if name.upper().replace("-", "_").startswith(PREFIX))
    if not named:
        return
    known, flags = _known(program)
    for name in named:
        if name not in known:
            yield f"The variable {name} is not read: {_reason(name, known, flags)}"


def _reason(name: str, known: set[str], flags: set[str]) -> str:
    if (spelled := name.upper().replace("-", "_")) in known:
        return f"it must be {spelled}."
    flag = "--" + name[len(PREFIX) :].lower().replace("_", "-")
    if flag in _WIDENING:
        why = "nothing left in an environment may widen what a run may do"
        return f"{flag} is given on the command line only, because {why}."
    if flag in flags:
        return f"{flag} is given on the command line only, because it concerns one invocation."
    ends = [each[len(PREFIX) :] for each in known]  # with their prefix, all names would be alike
    near = the_nearest(name[len(PREFIX) :], ends, shown=PREFIX.__add__)
    return f"there is no option {flag}. {near}".rstrip()


def _known(program: Any) -> tuple[set[str], set[str]]:  # noqa: ANN401 - likewise
    """All variables that options read, and all options."""
    parameters = [each for command in program.commands.values() for each in command.params]
    known = {name for each in parameters for name in names_of(each) if name.startswith(PREFIX)}
    return known, {flag for each in parameters for flag in (*each.opts, *each.secondary_opts)}


def names_of(parameter: Any) -> list[str]:  # noqa: ANN401 - likewise
    """The variables that an option reads."""
    named = parameter.envvar or []
    return [named] if isinstance(named, str) else list(named)


def variable_of(parameter: Any) -> str:  # noqa: ANN401 - likewise
    """The variable that an option's value comes from; empty where none is set."""
    return next((name for name in names_of(parameter) if os.environ.get(name)), "")
