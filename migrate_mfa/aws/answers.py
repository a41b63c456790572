"""The shape that an answer must have. An answer of another shape is garbled and says nothing about a user."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from migrate_mfa.domain.failure import ApiError

P = ParamSpec("P")
T = TypeVar("T")
Answer = Mapping[str, Any]
"""What boto3 returns for a call, or a part of it: JSON, with times as `datetime`."""
_OK = 200
_KINDS: Mapping[str, Any] = {
    "blob": bytes,
    "boolean": bool,
    "double": (int, float),
    "float": (int, float),
    "integer": int,
    "long": int,
    "string": str,
    "timestamp": datetime,
}
_UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def require_form(*, http_response: Any, parsed: Any, model: Any, **_: object) -> None:  # noqa: ANN401
    """Botocore's `after-call`: refuse a 200 that the service's model does not describe.

    Botocore reads a proxy's HTML page as an empty answer, and does not check the types of members. A
    write's answer is empty, so without this check a write that never reached Cognito would look done. The
    query protocol is XML: its members have the right type or are missing.

    Raises:
        ValueError: it is not a JSON object, or a member has another type. A write's effect is then unknown.
    """
    if http_response.status_code != _OK or model.service_model.resolved_protocol != "json":
        return
    unread = b"" if _told(parsed, model.output_shape) else http_response.content
    if unread and not isinstance(json.loads(unread), dict):
        raise ValueError("the answer is not a JSON object")
    if model.output_shape is not None and not _fits(parsed, model.output_shape):
        raise ValueError("a member of the answer has the wrong type")


def _told(parsed: Any, shape: Any) -> bool:  # noqa: ANN401 - JSON, and botocore's shapes
    """Whether botocore has read a member: then it is a JSON object and need not be parsed a second time."""
    return shape is not None and any(name in shape.members for name in parsed)


def _fits(value: Any, shape: Any) -> bool:  # noqa: ANN401 - JSON, and botocore's shapes
    kind = shape.type_name
    if kind == "structure":
        members = shape.members
        return isinstance(value, dict) and all(
            _fits(inner, members[name]) for name, inner in value.items() if name in members
        )
    if kind == "list":
        member = shape.member
        return isinstance(value, list) and all(_fits(each, member) for each in value)
    if kind == "map":
        member = shape.value
        return isinstance(value, dict) and all(_fits(each, member) for each in value.values())
    return isinstance(value, _KINDS.get(kind, object))


def reads(operation: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a method that reads an operation's answer: if a member is missing, the answer is garbled.

    Raises:
        ApiError: `GarbledAnswer`. It never means that a user or a setting does not exist.
    """

    def decorated(method: Callable[P, T]) -> Callable[P, T]:
        @wraps(method)
        def reading(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return method(*args, **kwargs)
            except _UNREADABLE as error:
                raise ApiError(
                    operation=operation, code="GarbledAnswer", message=type(error).__name__
                ) from error

        return reading

    return decorated
