"""The options of a command as a file names them: valid names and values, and the command line they give."""

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from migrate_mfa.cli.expand import expanded
from migrate_mfa.cli.job_file import check_together, processed
from migrate_mfa.cli.options import Declared, group_of
from migrate_mfa.cli.plain_help import Program, in_words
from migrate_mfa.domain.errors import ExitCode, UsageError


class VerbOptions:
    """The options of one command."""

    def __init__(self, verb: Callable[..., ExitCode]) -> None:
        self.verb = verb.__name__.replace("_", "-")
        self._function = verb

    @cached_property
    def _declared(self) -> Mapping[str, Declared]:
        from typing import get_type_hints

        hints = get_type_hints(self._function, include_extras=True)
        groups = [group_of(hint) for name, hint in hints.items() if name != "return"]
        return {each.name: each for _, options in groups for each in options}

    @cached_property
    def _command(self) -> Any:  # noqa: ANN401 - Typer's own types are private
        program = Program(name=self.verb, add_completion=False)
        program.command(self.verb)(expanded(self._function))
        return get_command(program)

    @property
    def names(self) -> Collection[str]:
        """The long names, with underscores."""
        return self._declared.keys()

    def fault(self, name: str, value: object) -> str:
        """What is wrong with a value; empty if the option accepts it."""
        parameter = next(each for each in self._command.params if each.name == name)
        context = self._command.make_context(self.verb, [], resilient_parsing=True)
        try:
            processed(parameter, value, context)
        except typer.BadParameter as error:
            return in_words(error)
        except UsageError as error:
            return error.message
        return ""

    def require_together(self, path: Path, values: Mapping[str, object]) -> None:
        """Refuse values that contradict each other.

        Raises:
            InputUnusable: names the file.
        """
        context = self._command.make_context(self.verb, [], resilient_parsing=True)
        parameters = {each.name: each for each in self._command.params}
        taken = {name: processed(parameters[name], value, context) for name, value in values.items()}
        check_together(path, taken, self._command)

    def words(self, values: Mapping[str, object]) -> list[str]:
        """The command line of the command with these options; the values come from a TOML file."""
        found = [self.verb]
        for name, value in values.items():
            declared = self._declared[name]
            for each in value if isinstance(value, list) else [value]:
                found += _words(declared, each)
        return found


def _words(declared: Declared, value: object) -> list[str]:
    if isinstance(value, bool):
        return [declared.flag] if value else []
    return [str(value)] if declared.option.argument else [declared.flag, str(value)]
