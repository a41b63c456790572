"""What a stage adds to its progress: measured on a clock that the tests move, from calls that they count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.pacing.measure import NOTE_EVERY_S, MeasuredProgress
from migrate_mfa.ports import ProgressUpdate
from tests.support.clock import FakeClock
from tests.support.fakes import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterable


class Watch:
    """A progress, and what it measures."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.shown = SilentProgress()
        self.noted: list[ProgressUpdate] = []
        self.count = CallCount()
        user_pool: Any = SimpleNamespace(calls={Category.USER_LIST: self.count})
        self.progress = MeasuredProgress(self.shown, user_pool, {}, self.clock, self.noted.append)

    def show(self, stage: str, done: int | None = None, total: int | None = None) -> ProgressUpdate:
        self.progress.show(ProgressUpdate(stage=stage, done=done, total=total))
        return self.shown.shown[-1]

    def over(self, done: Iterable[int], total: int) -> ProgressUpdate:
        """A second passes before each; gives what is shown at the last."""
        for each in done:
            self.clock.advance(1)
            self.show("writing", each, total)
        return self.shown.shown[-1]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_the_time_left_is_that_of_the_stage_from_its_own_start(watch: Watch) -> None:
    watch.show("reading the pool", 0, 600)
    watch.clock.advance(100)
    watch.show("deciding", 1000, 3000)
    watch.clock.advance(10)

    assert watch.show("deciding", 1500, 3000).seconds_left == 30


def test_the_time_left_follows_the_last_minute(watch: Watch) -> None:
    """A run that was throttled to a tenth takes ten times as long, however fast it was for hours."""
    watch.show("writing", 0, 10_000)
    fast = watch.over(range(10, 5010, 10), 10_000)
    slow = watch.over(range(5001, 5081), 10_000)

    assert fast.seconds_left == 500
    assert slow.seconds_left == pytest.approx(4920, rel=0.01)


def test_no_time_is_told_while_nothing_moves(watch: Watch) -> None:
    watch.show("writing", 0, 100)

    assert watch.over([50], 100).seconds_left == 1
    assert watch.over([50] * 80, 100).seconds_left is None


@pytest.mark.parametrize(("done", "total"), [(None, None), (120, None), (120, 100), (0, 100)])
def test_no_time_is_told_where_none_can_be_known(watch: Watch, done: int | None, total: int | None) -> None:
    watch.show("reading the pool", 0, total)
    watch.clock.advance(10)

    assert watch.show("reading the pool", done, total).seconds_left is None


def test_the_rates_are_those_of_the_last_seconds_of_this_stage(watch: Watch) -> None:
    watch.count.sent = 5000
    watch.show("writing", 0)
    watch.clock.advance(0.25)
    watch.count.sent += 3
    at_once = watch.show("writing", 1).rates
    watch.clock.advance(0.75)
    watch.count.sent += 9
    soon = watch.show("writing", 2).rates
    watch.clock.advance(5)
    watch.count.sent += 10
    later = watch.show("writing", 3).rates

    assert (at_once, soon, later) == ((), (("UserList", 12.0),), (("UserList", 2.0),))


def test_it_is_noted_at_once_where_a_stage_begins_and_then_now_and_then(watch: Watch) -> None:
    for tenth in range(int(3 * NOTE_EVERY_S * 10)):
        watch.show("reading the roster", tenth)
        watch.clock.advance(0.1)
    watch.show("reading the pool", 0)

    assert [each.stage for each in watch.noted] == ["reading the roster"] * 3 + ["reading the pool"]
    assert len(watch.shown.shown) == 3 * NOTE_EVERY_S * 10 + 1


def test_who_waits_for_an_answer_says_so_and_the_wait_counts_for_no_stage(watch: Watch) -> None:
    watch.show("writing", 0, 100)
    watch.progress.pause()
    watch.clock.advance(600)
    watch.show("writing", 10, 100)
    watch.clock.advance(10)

    assert [each.stage for each in watch.noted] == ["writing", "waiting for an answer", "writing"]
    assert watch.show("writing", 20, 100).seconds_left == 80
