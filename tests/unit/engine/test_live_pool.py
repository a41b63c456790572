"""The pool's settings, read again by one thread when it is time, and judged as at the start."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest

from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.model import MfaMode, PoolFacts
from migrate_mfa.engine.live_pool import OLDEST_S, LivePool, SettingsChangedError
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.builders import a_pool
from tests.support.fakes import FakeClock


class Pool:
    def __init__(self) -> None:
        self.facts = a_pool()
        self.reads = 0
        self.clock = FakeClock()
        self.stop = Stop()
        self.said: list[str] = []
        self.live = LivePool(self.facts, self.read, clock=self.clock, stop=self.stop, say=self.said.append)
        self.live.guard(require_sms_mfa)

    def read(self) -> PoolFacts:
        self.reads += 1
        return self.facts

    def use(self, every_s: float, for_s: float) -> None:
        for _ in range(round(for_s / every_s)):
            self.clock.advance(every_s)
            self.live.current()


def test_it_is_read_again_when_it_is_old_however_often_it_is_asked_for() -> None:
    pool = Pool()

    pool.use(every_s=1, for_s=3600)

    assert pool.reads == int(3600 // (OLDEST_S + 1))


@pytest.mark.parametrize(("gap", "reads"), [(OLDEST_S, 0), (OLDEST_S + 1, 1)])
def test_it_is_read_again_after_a_pause(gap: float, reads: int) -> None:
    pool = Pool()

    pool.clock.advance(gap)
    pool.live.current()
    pool.live.current()

    assert pool.reads == reads


def test_a_machine_that_slept_is_a_pause_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = Pool()
    later = pool.clock.now() + OLDEST_S + 1  # the monotonic clock stood still
    monkeypatch.setattr(pool.clock, "now", lambda: later)

    pool.live.current()

    assert pool.reads == 1


def test_many_threads_read_it_once() -> None:
    pool = Pool()
    pool.clock.advance(OLDEST_S + 1)
    together = Barrier(8)

    def ask(_: int) -> PoolFacts:
        together.wait()
        return pool.live.current()

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(ask, range(8)))

    assert pool.reads == 1
    assert all(each is pool.live.facts for each in found)


def test_what_no_decision_depends_on_changes_nothing() -> None:
    pool = Pool()
    before = pool.live.facts
    pool.facts = replace(pool.facts, estimated_users=5, name="other", code_sms_parts=2, sign_in_sms_parts=3)
    pool.clock.advance(OLDEST_S + 1)

    pool.live.require(before)

    assert pool.said == []


def test_who_was_decided_by_other_settings_is_decided_again() -> None:
    pool = Pool()
    before = pool.live.facts
    pool.facts = replace(pool.facts, phone_auto_verified=True, mfa=MfaMode.ON)
    pool.clock.advance(OLDEST_S + 1)

    for _ in range(2):  # the thread that read them, and one that comes later
        with pytest.raises(SettingsChangedError):
            pool.live.require(before)
    pool.live.require(pool.facts)

    assert pool.reads == 1
    assert pool.said == [
        (
            "The pool's settings have changed (mfa, phone_auto_verified). "
            "The remaining rows are decided by the new ones."
        )
    ]


def test_settings_that_a_start_would_refuse_are_refused_from_then_on() -> None:
    pool = Pool()
    before = pool.live.facts
    pool.facts = replace(pool.facts, mfa=MfaMode.OFF)
    pool.clock.advance(OLDEST_S + 1)

    for _ in range(2):
        with pytest.raises(PoolNotReady, match="switched off"):
            pool.live.require(before)

    assert pool.reads == 1


def test_nobody_waits_for_them_once_the_run_is_ending_in_a_hurry() -> None:
    pool = Pool()
    pool.clock.advance(OLDEST_S + 1)
    pool.stop.request(StopCause.SIGTERM)

    with pytest.raises(Stopped):
        pool.live.current()

    assert pool.reads == 0


def test_codes_that_began_since_the_last_look_are_told_once() -> None:
    pool = Pool()
    told: list[float] = []
    pool.live.guard(require_sms_mfa, told.append)
    pool.use(every_s=OLDEST_S + 1, for_s=3 * (OLDEST_S + 1))
    seen = pool.clock.now()
    pool.clock.advance(OLDEST_S + 1)
    pool.facts = replace(pool.facts, phone_auto_verified=True)

    pool.use(every_s=OLDEST_S + 1, for_s=3 * (OLDEST_S + 1))
    pool.live.look_back()

    assert told == [seen]


def test_a_look_back_sees_what_no_write_has_seen_any_more() -> None:
    pool = Pool()
    told: list[float] = []
    pool.live.guard(require_sms_mfa, told.append)

    pool.live.look_back()
    pool.facts = replace(pool.facts, phone_auto_verified=True)
    pool.live.look_back()

    assert told == [pool.live.seen_at]
