"""Checks of requests by the service's published model: required members, lengths, ranges, values, patterns.

The model is the one that botocore ships (`cognito-idp/…/service-2.json`), read as data. It is checked before
an operation's own rules, which no model describes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple

from migrate_mfa.simulator.account.errors import constraint, sensitive_constraint

if TYPE_CHECKING:
    from collections.abc import Iterator


class Broken(NamedTuple):
    """A member's path, its value, the rule that it breaks, and whether the value is sensitive."""

    path: str
    value: object
    rule: str
    sensitive: bool = False


def check_model(operation: str, params: Mapping[str, Any]) -> None:
    """Refuse a request that the model of Cognito user pools does not allow.

    Like the service, it ignores members that the model does not know.

    Raises:
        CognitoError: InvalidParameterException, for the first member that is wrong.
    """
    model = _model()
    asked = model["operations"].get(operation, {}).get("input")
    if asked is None:
        return
    for broken in _broken(model["shapes"], asked["shape"], params, ""):
        if broken.sensitive:
            raise sensitive_constraint(broken.path, broken.rule)
        raise constraint(broken.value, broken.path, broken.rule)


@cache
def _model() -> dict[str, Any]:
    versions = files("botocore") / "data" / "cognito-idp"
    newest = max((each for each in versions.iterdir() if each.is_dir()), key=lambda each: each.name)
    file = next(each for each in newest.iterdir() if each.name.startswith("service-2.json"))
    raw = file.read_bytes()
    found: dict[str, Any] = json.loads(gzip.decompress(raw) if file.name.endswith(".gz") else raw)
    return found


def _broken(shapes: Mapping[str, Any], name: str, value: object, path: str) -> Iterator[Broken]:
    shape = shapes[name]
    match value:
        case None:
            return
        case Mapping() if shape["type"] == "structure":
            yield from _in_structure(shapes, shape, value, path)
        case Mapping() if shape["type"] == "map":
            for key, each in value.items():
                yield from _broken(shapes, shape["value"]["shape"], each, f"{path}.{key}.member")
        case list() if shape["type"] == "list":
            yield from _outside(shape, len(value), value, path, "length")
            for number, each in enumerate(value, 1):
                yield from _broken(shapes, shape["member"]["shape"], each, f"{path}.{number}.member")
        case str() if shape["type"] == "string":
            yield from _in_string(shape, value, path)
        case int() if shape["type"] in {"integer", "long"}:
            yield from _outside(shape, value, value, path, "value")


def _in_structure(
    shapes: Mapping[str, Any], shape: Mapping[str, Any], value: Mapping[str, Any], path: str
) -> Iterator[Broken]:
    begin = f"{path}." if path else ""
    for member in shape.get("required", ()):
        if value.get(member) is None:
            yield Broken(f"{begin}{_lower(member)}", None, "Member must not be null")
    for member, inner in shape["members"].items():
        if member in value:
            yield from _broken(shapes, inner["shape"], value[member], f"{begin}{_lower(member)}")


def _in_string(shape: Mapping[str, Any], value: str, path: str) -> Iterator[Broken]:
    yield from _outside(shape, len(value), value, path, "length")
    sensitive = shape.get("sensitive", False)
    if (allowed := shape.get("enum")) is not None and value not in allowed:
        yield Broken(path, value, f"Member must satisfy enum value set: [{', '.join(allowed)}]", sensitive)
    pattern = _compiled(shape.get("pattern", ""))
    if pattern is not None and not pattern.fullmatch(value):
        rule = f"Member must satisfy regular expression pattern: {shape['pattern']}"
        yield Broken(path, value, rule, sensitive)


def _outside(shape: Mapping[str, Any], size: int, value: object, path: str, what: str) -> Iterator[Broken]:
    rule, sensitive = f"Member must have {what}", shape.get("sensitive", False)
    if size < shape.get("min", size):
        yield Broken(path, value, f"{rule} greater than or equal to {shape['min']}", sensitive)
    if size > shape.get("max", size):
        yield Broken(path, value, f"{rule} less than or equal to {shape['max']}", sensitive)


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of the model; None if it has Unicode classes, which `re` does not support."""
    return re.compile(pattern) if pattern and r"\p{" not in pattern else None


def _lower(member: str) -> str:
    return member[0].lower() + member[1:]
