"""One simulator for a test, or for a module of them, and the console script pointed at it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator import Running, background
from tests.commands.support import Cli, pool_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Site:
    """A Cognito of one's own, and the tool for it."""

    running: Running
    cli: Cli
    folder: Path


@pytest.fixture
def raise_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Give a maker of sites: users of a pool file, then what `pool_document` takes, and `faults`."""
    with ExitStack() as stack:

        def make(
            users: Iterable[Mapping[str, Any]] = (),
            *,
            faults: Mapping[str, Any] | None = None,
            **pool: Any,
        ) -> Site:
            document = pool_document(users, **pool)
            running = stack.enter_context(background(document, faults=faults, control=True))
            return Site(running, Cli(tmp_path, running.endpoint), tmp_path)

        yield make
