"""A JSON Schema of job files, so that an editor knows the keys of each command and their values."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, get_args, get_origin, get_type_hints

from migrate_mfa.cli.options import Declared, group_of

_JSON = {bool: "boolean", int: "integer", float: "number", Decimal: "number"}
Schema = dict[str, Any]


def job_schema(verbs: Iterable[Callable[..., Any]]) -> Schema:
    """The schema of the job files of some commands.

    A job file may omit required options: they may be on the command line.
    """
    commands = {verb.__name__.replace("_", "-"): _keys(verb) for verb in verbs}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A job file of migrate-mfa",
        "type": "object",
        "required": ["command"],
        "properties": {"command": {"enum": list(commands)}},
        "allOf": [
            {
                "if": {"properties": {"command": {"const": name}}, "required": ["command"]},
                "then": {"properties": {"command": True, **keys}, "additionalProperties": False},
            }
            for name, keys in commands.items()
        ],
    }


def _keys(verb: Callable[..., Any]) -> dict[str, Schema]:
    hints = get_type_hints(verb, include_extras=True)
    groups = [group_of(hint) for name, hint in hints.items() if name != "return"]
    return {each.name: _schema(each) for _, options in groups for each in options}


def _schema(declared: Declared) -> Schema:
    kind, option = declared.type, declared.option
    described = {"description": option.help}
    if get_origin(kind) is tuple:
        return described | {"type": "array", "items": _one(get_args(kind)[0], declared)}
    return described | _one(next(iter(get_args(kind)), kind), declared)


def _one(kind: Any, declared: Declared) -> Schema:  # noqa: ANN401 - a type
    """The schema of one value. A parser reads texts such as 50%; one that makes numbers also takes them."""
    option, name = declared.option, _JSON.get(kind, "string")
    if option.parser is not None:
        return {"type": "string" if name == "string" else ["string", name]}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [each.value for each in kind]}
    limits = {"minimum": option.least, "maximum": option.most}
    return {"type": name} | {key: limit for key, limit in limits.items() if limit is not None}
