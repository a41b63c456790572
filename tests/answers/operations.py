"""The operations that the tool calls, found from its code, and what botocore's models say of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name

from migrate_mfa.domain.point_in_time_recovery import LIST
from tests.commands.support import ROOT
from tests.support.wire import SERVICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import OperationModel, Shape

_TOOL = ROOT / "migrate_mfa"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of one service."""

    service: str
    name: str
    model: OperationModel

    @property
    def errors(self) -> tuple[str, ...]:
        """The codes that the model lists for it."""
        shapes: list[Any] = self.model.error_shapes
        return tuple(sorted(shape.metadata.get("error", {}).get("code") or shape.name for shape in shapes))

    @property
    def output(self) -> Shape | None:
        """The shape of its answer."""
        found: Shape | None = self.model.output_shape
        return found


@cache
def _known() -> dict[str, Operation]:
    session = botocore.session.get_session()
    found: dict[str, Operation] = {}
    for service in reversed(SERVICES):
        model = session.get_service_model(service)
        for name in model.operation_names:
            found[name] = Operation(service, name, model.operation_model(name))
    return found


def _named() -> Iterator[str]:
    """Text constants of what talks to AWS, and the methods that it calls of a client."""
    methods = {xform_name(name): name for name in _known()}
    for path in sorted([*_TOOL.glob("aws/*.py"), *_TOOL.glob("*/aws_*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield methods.get(node.func.attr, "")
            elif isinstance(node, ast.Name) and node.id == "LIST":
                yield LIST


@cache
def called() -> dict[str, Operation]:
    """Every operation that the tool calls, by name; one that an older SDK does not know is left out."""
    known = _known()
    return {name: known[name] for name in sorted(set(_named())) if name in known}
