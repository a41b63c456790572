"""A Cognito of its own for a test, and the program pointed at it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator import background
from tests.commands.support import Cli, pool_document
from tests.support.clock import QuickClock
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from migrate_mfa.simulator import Running


@dataclass(frozen=True, slots=True)
class Site:
    """A Cognito of one's own, and the tool for it."""

    running: Running
    cli: Cli
    folder: Path


@pytest.fixture
def raise_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Give a maker of sites: users of a pool file, then what `pool_document` takes, and `faults`.

    `speed` lets so many seconds of the service and of the program pass in a real one.
    `process` gives the service a process of its own, which may be killed.
    """
    with ExitStack() as stack:

        def make(
            users: Iterable[Mapping[str, Any]] = (),
            *,
            faults: Mapping[str, Any] | None = None,
            speed: float | None = None,
            process: bool = False,
            **pool: Any,
        ) -> Site:
            clock = None if speed is None else QuickClock(speed)
            document = pool_document(users, speed=speed or 1.0, **pool)
            server = background(document, faults=faults, control=True) if process else None
            running = stack.enter_context(server or hosted(document, faults=faults))
            cli = Cli(tmp_path, running.endpoint, clock=clock)
            stack.callback(cli.close)
            return Site(running, cli, tmp_path)

        yield make
