"""Options: fields of groups, with what the command line needs to know about each."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Annotated, Any, ClassVar, Self, get_args, get_origin, get_type_hints

PREFIX = "MIGRATE_MFA_"
"""The prefix of the variables that set options."""
HEADINGS = (
    "Arguments",
    "Options",
    "To do a verb over a fleet",
    "For fleet init",
    "Decisions",
    "AWS",
    "How much",
    "How fast",
    "SMS and cost",
    "Reading the roster",
    "Text messages",
    "Output",
    "Other",
)
"""The headings of every help, in this order: the most used options come first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How a field appears on the command line; its flag, variable and heading follow from field and group.

    `parser` takes the flag and a text. It raises UsageError, or ValueError with a message that begins with
    "it".
    """

    help: str
    metavar: str | None = None
    parser: Callable[[str, Any], Any] | None = None
    flags: tuple[str, ...] = ()
    """The flags, if not just --field-name: a short one such as -q, or both sides of a switch."""
    argument: bool = False
    """Whether it is an argument, without a flag."""
    variable: bool = True
    """Whether a MIGRATE_MFA_ variable can set it, if its group has variables."""
    variables: tuple[str, ...] = ()
    """Variables of other tools with the same meaning."""
    callback: Callable[..., Any] | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """One option of a group: its flag and variables, and the type and default of its field."""

    name: str
    type: Any
    option: Option
    default: Any
    """MISSING if the option is required."""
    variables: tuple[str, ...]
    heading: str | None

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING

    @property
    def flag(self) -> str:
        """The flag: --field-name."""
        return f"--{self.name.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Options that belong together; a command takes the group as one parameter."""

    given: frozenset[str] = frozenset()
    """The options that a flag, a variable or the job file sets; the others have their defaults."""
    heading: ClassVar[str | None] = None
    has_variables: ClassVar[bool] = True

    def __init_subclass__(cls, heading: str | None = None, *, variables: bool | None = None) -> None:
        """Set the heading of the options in the help, and whether variables can set them."""
        cls.heading = heading or cls.heading
        cls.has_variables = cls.has_variables if variables is None else variables

    @classmethod
    def of(cls, values: Mapping[str, Any], given: frozenset[str] = frozenset()) -> Self:
        """The group from values by name; None and missing values become the default."""
        names = [each.name for each in declared(cls)]  # type: ignore[arg-type] # mypy does not hash Self
        taken = {name: values[name] for name in names if values.get(name) is not None}
        lists = {name: tuple(value) for name, value in taken.items() if isinstance(value, list)}
        return cls(**taken | lists, given=given & taken.keys())


class Only:
    """In the annotation of a parameter: the command takes only these options of the group."""

    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)


def group_of(annotation: Any) -> tuple[type[Group], list[Declared]]:  # noqa: ANN401 - a type, or an Annotated one
    """The group that a parameter is annotated with, and the options of it that its command takes."""
    group, *extras = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    names = next((each.names for each in extras if isinstance(each, Only)), None)
    return group, [each for each in declared(group) if names is None or each.name in names]


@cache
def declared(group: type[Group]) -> list[Declared]:
    """The options of a group, in their order."""
    return list(_declared(group))


def _declared(group: type[Group]) -> Iterator[Declared]:
    hints = get_type_hints(group, include_extras=True)
    for field in fields(group):
        if get_origin(hints[field.name]) is not Annotated:
            continue
        kind, option = get_args(hints[field.name])
        ours = (f"{PREFIX}{field.name.upper()}",) if group.has_variables and option.variable else ()
        yield Declared(field.name, kind, option, field.default, (*ours, *option.variables), group.heading)
