"""A run as a person sees it, on real terminals of two sizes; and the same from another terminal."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import POOL_ID, members_of, roster_of
from tests.support.screen import at_a_terminal, has

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

NAMES = tuple(f"user{number:02d}" for number in range(60))


@pytest.fixture
def site(raise_site: Callable[..., Site]) -> Site:
    made = raise_site(members_of(NAMES))
    roster_of(made.folder, NAMES)
    return made


def a_run(*options: object, rps: int = 15) -> tuple[object, ...]:
    return (
        "run", "roster.csv", "--user-pool-id", POOL_ID, "--run-dir", "run", "--verification", "attested",
        "--yes", "--max-rps", f"UserUpdate={rps}", *options,
    )  # fmt: skip


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40)])
def test_a_run_is_seen_live_and_leaves_one_summary(site: Site, columns: int, lines: int) -> None:
    with at_a_terminal(columns, lines, site, *a_run()) as screen:
        rows = screen.watch(has("writing  █", "until about", "calls/s", "update ", "mfa ", "verified"))
        shown = [row for row in rows if row.startswith(("writing ", "update", "mfa"))]
        assert screen.end() == 0
        left = screen.rows

    assert re.match(r"writing  █+░+  \d+ %  \d+ of 60", shown[0])
    assert re.match(r"update +\d+\.\d +15 +\d+ +\d+", shown[1])
    assert not has("█")(left), "the view has gone"
    assert has("verified", "60 of 60 users have SMS MFA", "Next: ", "  migrate-mfa audit")(left)
    drawn = [[row for row in frame if row] for frame in screen.frames if has("writing  █")(frame)]
    assert drawn
    assert max(len(frame) for frame in drawn) <= lines


def test_another_terminal_watches_it_and_ends_with_it(site: Site) -> None:
    with at_a_terminal(80, 24, site, *a_run("--progress", "none")) as run:
        run.watch(lambda _: (site.folder / "run" / "log.jsonl").exists())
        with at_a_terminal(80, 40, site, "status", "--run-dir", "run", "--watch") as watcher:
            watcher.watch(has("run of pool", "writing  █", "Ctrl-C leaves this view"))
            assert not has("█")(run.rows)
            assert run.end() == 0
            assert watcher.end() == 0
            assert has("users have SMS MFA.", "Next: ")(watcher.rows)
            assert not has("█")(watcher.rows)


def test_leaving_the_view_leaves_the_run_alone(site: Site) -> None:
    with at_a_terminal(80, 24, site, *a_run("--progress", "none", rps=1)) as run:
        run.watch(lambda _: (site.folder / "run" / "log.jsonl").exists())
        with at_a_terminal(80, 24, site, "status", "--run-dir", "run", "--watch") as watcher:
            watcher.watch(has("writing  ", "of 60"))
            watcher.process.send_signal(signal.SIGINT)
            assert watcher.end() == 0
            assert any(map(has("run: running"), watcher.frames))
        assert run.process.poll() is None
        run.process.terminate()
        assert run.end() == 143


def test_a_view_without_a_terminal_is_refused(site: Site) -> None:
    done = site.cli("status", "--run-dir", "run", "--watch")

    assert done.code == 2
    assert "--watch needs a terminal" in done.err
