"""What a stage adds to its progress: measured on a clock that the tests move, from calls that they count."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from migrate_mfa.domain.quotas import Category
from migrate_mfa.engine.paced import CallCount
from migrate_mfa.engine.watch import NOTE_EVERY_S, WatchedProgress
from migrate_mfa.ports import Standing
from tests.support.clock import FakeClock
from tests.support.fakes import SilentProgress


class Watch:
    """A progress, and what it measures."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.shown = SilentProgress()
        self.noted: list[Standing] = []
        self.count = CallCount()
        directory: Any = SimpleNamespace(calls={Category.USER_LIST: self.count})
        self.progress = WatchedProgress(self.shown, directory, {}, self.clock, self.noted.append)

    def show(self, stage: str, done: int | None = None, total: int | None = None) -> Standing:
        self.progress.show(Standing(stage=stage, done=done, total=total))
        return self.shown.shown[-1]


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_the_time_left_is_that_of_the_stage_at_its_own_rate(watch: Watch) -> None:
    watch.show("reading the pool", 0, 600)
    watch.clock.advance(100)
    watch.show("deciding", 1000, 3000)
    watch.clock.advance(10)

    assert watch.show("deciding", 1500, 3000).seconds_left == 30


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
    watch.progress.make_way()
    watch.clock.advance(600)
    watch.show("writing", 10, 100)
    watch.clock.advance(10)

    assert [each.stage for each in watch.noted] == ["writing", "waiting for an answer", "writing"]
    assert watch.show("writing", 20, 100).seconds_left == 80
