"""Each promise has tests that show it, and they say so: `pytest -m promise` runs them all."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.tools.mutants.catalogue import PROMISES

TESTS = Path(__file__).resolve().parents[1]


def marked_in(path: Path) -> set[int]:
    """The numbers in a file's `pytest.mark.promise(...)` that mark a test, a class or the whole file."""
    marks: list[ast.expr] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            marks += node.decorator_list
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            marks += node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
    return {
        ast.literal_eval(mark.args[0])
        for mark in marks
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise"
    }


def test_every_promise_is_shown_by_a_test_that_is_marked_so() -> None:
    marked = set().union(*(marked_in(path) for path in TESTS.rglob("test_*.py")))

    assert marked == set(PROMISES)
