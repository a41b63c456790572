"""The mutants can be made, their tests are there, and every promise has one; `make mutants` runs them."""

from __future__ import annotations

import ast
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.tools.mutants.catalogue import MUTANTS, PROMISES
from tests.tools.mutants.mutants import ROOT

if TYPE_CHECKING:
    from tests.tools.mutants.mutant import Mutant

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))


@each_mutant
def test_the_text_of_a_mutant_is_in_the_tree_exactly_once_and_it_still_compiles(mutant: Mutant) -> None:
    source = (ROOT / mutant.file).read_text(encoding="utf-8")

    assert source.count(mutant.find) == 1
    changed = source.replace(mutant.find, mutant.put)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))


@each_mutant
def test_the_tests_that_must_notice_a_mutant_are_there(mutant: Mutant) -> None:
    assert mutant.tests
    for test in mutant.tests:
        file, *names = test.split("::")
        assert (ROOT / file).is_file()
        assert not names or tuple(names) in node_ids_of(file)


@cache
def node_ids_of(file: str) -> frozenset[tuple[str, ...]]:
    """The node ids of a file, without parameters."""
    found: set[tuple[str, ...]] = set()
    for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {(node.name, each.name) for each in node.body if isinstance(each, ast.FunctionDef)}
        elif isinstance(node, ast.FunctionDef):
            found.add((node.name,))
    return frozenset(found)


def test_every_promise_is_broken_at_least_once() -> None:
    assert {mutant.promise for mutant in MUTANTS} == set(PROMISES)


def test_every_mutant_has_a_name_of_its_own_and_a_sentence() -> None:
    assert max(Counter(mutant.name for mutant in MUTANTS).values()) == 1
    assert all(mutant.breach.endswith(".") for mutant in MUTANTS)
