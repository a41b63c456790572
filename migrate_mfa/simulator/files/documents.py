"""The documents that people write for the simulator: members and types, checked before they are used.

A message about a wrong document names the place and the valid form, never the value: it may be a user's
number.
"""

from __future__ import annotations

import json
from dataclasses import is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model

from migrate_mfa.simulator.server.shapes import ANY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic_core import ErrorDetails

_MOST_SHOWN = 5
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}

T = TypeVar("T")

STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
"""The `model_config` of every kind of document: no unknown members, and no texts instead of numbers."""


def parsed(text: str | bytes) -> dict[str, Any]:
    """Read a document, which is a JSON object.

    Raises:
        ValueError: It is anything else.
    """
    document: object = json.loads(text, object_pairs_hook=_object)
    if not isinstance(document, dict):
        raise ValueError("it should be an object")  # noqa: TRY004 - a wrong document, like the others
    return document


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"it has twice in one object: {', '.join(twice)}")
    return found


def require(kind: type[BaseModel], document: object, where: str = "") -> None:
    """Refuse a document that is not of this kind.

    Args:
        kind: What it should be.
        document: What it is, as JSON gives it.
        where: Its place in a greater document.

    Raises:
        ValueError: The text names each wrong place and the valid form.
    """
    try:
        kind.model_validate(document)
    except ValidationError as wrong:
        raise ValueError(_sentences(wrong, where, kind)) from None


def built(kind: type[T], document: object, where: str) -> T:
    """Make a dataclass, or a tuple of dataclasses, from a document.

    Raises:
        ValueError: As `require`.
    """
    try:
        # Through JSON: only then a strict type accepts an object as a dataclass and a list as a set.
        adapter: TypeAdapter[T] = _adapter(kind)  # type: ignore[arg-type]
        made = adapter.validate_json(json.dumps(document), strict=True)
    except ValidationError as wrong:
        raise ValueError(_sentences(wrong, where, kind)) from None
    return made


@cache
def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """A type's validator, cached: to make it takes longer than to check most documents."""
    return TypeAdapter(kind)


def structure(title: str, shapes: Mapping[str, Any], *, open_ended: bool = True) -> type[BaseModel]:
    """Make a kind of document of shapes (see `shapes`).

    Args:
        title: What it is called.
        shapes: The shape of each member.
        open_ended: Whether there may be other members.
    """
    fields: dict[str, Any] = {name: (_type(name, shape), None) for name, shape in shapes.items()}
    extra: Any = "allow" if open_ended else "forbid"
    return create_model(title, __config__=ConfigDict(extra=extra, strict=True), **fields)


def _type(name: str, shape: Any) -> Any:  # noqa: ANN401 - shapes nest freely
    if isinstance(shape, list):
        return list[_type(name, shape[0])]  # type: ignore[misc]
    if isinstance(shape, dict):
        return dict[str, _type(name, shape[ANY])] if ANY in shape else structure(name, shape)  # type: ignore[misc]
    return shape


def _sentences(wrong: ValidationError, where: str, kind: Any) -> str:  # noqa: ANN401 - any type
    errors = wrong.errors(include_url=False, include_input=False)
    shown = [_sentence(error, where, kind) for error in errors[:_MOST_SHOWN]]
    if len(errors) > _MOST_SHOWN:
        shown.append(f"and {len(errors) - _MOST_SHOWN} more places")
    return "\n".join(shown)


def _sentence(error: ErrorDetails, where: str, kind: Any) -> str:  # noqa: ANN401 - any type
    place = where
    for part in error["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
    if error["type"] in _UNKNOWN:
        return f"{place} is not known; known are {', '.join(_known(kind, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"{place} is missing"
    if (belongs := _BELONGS.get(error["type"])) is None:
        return f"{place or 'it'} {error['msg'].removeprefix('Input ').removeprefix('Value error, ')}"
    return f"{place or 'it'} should be {belongs.format(**error.get('ctx', {}))}"


_BELONGS = {
    **dict.fromkeys(("model_type", "dict_type", "dataclass_type"), "an object"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "a list"),
    **dict.fromkeys(("float_type", "float_parsing"), "a number"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "a whole number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "true or false"),
    "finite_number": "a number that is finite",
    "string_type": "a text",
    "none_required": "null",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "{ge:g} or more",
    "less_than": "less than {lt:g}",
    "less_than_equal": "{le:g} or less",
}
"""The valid form, by pydantic's names of errors; its own texts speak of inputs and strings."""


def _known(kind: Any, path: Iterable[int | str]) -> list[str]:  # noqa: ANN401 - any type
    """Give the members of the kind at this path."""
    for part in path:
        if isinstance(part, str) and isinstance(kind, type) and issubclass(kind, BaseModel):
            kind = kind.model_fields[part].annotation
        kind = next((each for each in get_args(kind) if each is not type(None)), kind)
    return sorted(kind.__annotations__ if is_dataclass(kind) else kind.model_fields)
