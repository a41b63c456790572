"""What holds for every test: nothing of this machine matters, nothing leaves it, nothing stays behind.

And every journal that a test works on is sound after every pass; no test has to ask for that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from migrate_mfa.journal.database import Journal
from tests.support.in_process import kept, start_quickly
from tests.support.journal_invariants import WATCH, watched
from tests.support.machine import poison, stay_here

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let every worker begin with its share of the slow tests: one that comes last is waited for.

    Each is given as many tests as the others, in this order, and later takes over what others have not begun.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    slow = [each for each in items if each.get_closest_marker("slow")]
    quick = [each for each in items if not each.get_closest_marker("slow")]
    total = len(items)
    items.clear()
    for worker in range(workers):
        share = (total - len(items)) // (workers - worker)
        own = slow[worker::workers]
        rest = max(0, share - len(own))
        items += own + quick[:rest]
        del quick[:rest]


# How fast a busy machine draws examples says nothing of what they show.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_this_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Credentials and a home that are of no use, and no network beyond loopback."""
    with pytest.MonkeyPatch.context() as patch:
        poison(patch, tmp_path_factory.mktemp("home"))
        start_quickly(patch)
        yield


@pytest.fixture(autouse=True)
def _nothing_leaves_or_stays() -> Iterator[None]:
    """Fail whoever went beyond loopback, and put back what a program in this process has changed."""
    with stay_here(), kept():
        yield


@pytest.fixture(scope="session", autouse=True)
def _journals_are_watched() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "close", watched(Journal.close))
        yield


@pytest.fixture(autouse=True)
def _journals_are_sound(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look also at what children have left behind in the test's own directory."""
    WATCH.take()
    yield
    excused = request.node.get_closest_marker("damages_journal")
    if not excused and isinstance(folder := request.node.funcargs.get("tmp_path"), Path):
        WATCH.look_below(folder)
    found = sorted(set(WATCH.take()))
    assert excused or not found, "\n".join(["The journal:", *found])
