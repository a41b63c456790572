"""Every journal that a test works on is sound after every pass; no test has to ask for that."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.journal.database import Journal
from tests.support.journal_invariants import WATCH, watched

if TYPE_CHECKING:
    from collections.abc import Iterator


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
