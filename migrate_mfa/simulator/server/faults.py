"""Simulated faults, by a fault document; `fault_file` describes its members."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from itertools import chain
from random import Random
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.files.documents import require
from migrate_mfa.simulator.server.fault_file import FaultFile, Latency, LiveTraffic, Rule, Step, read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrate_mfa.simulator.server.call import Call


class Faults:
    """A loaded fault document, and its counters."""

    def __init__(self, document: Mapping[str, Any], now: float) -> None:
        """Read a fault document; `now` is the steady clock's second from which it counts.

        Raises:
            ValueError: An unknown member, kind, operation or category.
        """
        require(FaultFile, document)
        self.rules = read_rows(Rule, "rules", document)
        self.latency = read_rows(Latency, "latency", document)
        self.script = read_rows(Step, "script", document)
        self.list_lag_s = float(document.get("list_lag_s", 0.0))
        self.read_lag_s = float(document.get("read_lag_ms", 0.0)) / 1000
        self.unsettled: Mapping[str, Any] = document.get("unsettled", {})
        self.fired: Counter[int] = Counter()
        self._seed = document.get("seed", 0)
        self._start = now
        self._others = [
            (row.category, _Ahead(row.moments(Random(f"{self._seed}:traffic{number}"))))  # noqa: S311
            for number, row in enumerate(read_rows(LiveTraffic, "live_traffic", document))
        ]
        self._calls = 0
        self._attempt = 0
        self._attempts: Counter[tuple[str, str]] = Counter()
        self._active = bool(self.rules or self.latency or self.script)

    def begin(self, call: Call) -> None:
        """Count a call; the other methods are about the latest one."""
        if self._active:
            self._calls += 1
            self._attempts[call.op, call.who] += 1
            self._attempt = self._attempts[call.op, call.who]

    def choose(self, call: Call) -> Rule | None:
        """Give the rule that applies to this call, if any."""
        for number, rule in enumerate(self.rules):
            if (
                self.fired[number] < rule.times
                and rule.holds(call, self._calls, self._attempt, call.at - self._start)
                and (rule.rate >= 1 or self._chance(call, f"rule{number}") < rule.rate)
            ):
                self.fired[number] += 1
                return rule
        return None

    def delay(self, call: Call) -> float:
        """Give the seconds that the answer takes."""
        return sum(
            row.seconds(self._chance(call, f"latency{number}"))
            for number, row in enumerate(self.latency)
            if row.holds(call, self._calls, self._attempt, call.at - self._start)
        )

    def others(self, call: Call) -> list[float]:
        """Give the times of live traffic in the call's category up to the call, each of them once."""
        elapsed = call.at - self._start
        came = [ahead.until(elapsed) for category, ahead in self._others if category == call.category]
        return [self._start + at for at in sorted(chain.from_iterable(came))]

    def steps(self, call: Call, when: str) -> list[Step]:
        """Give the steps that are due at this moment of the call."""
        return [
            step for step in self.script if step.when == when and step.due(call, self._calls, self._attempt)
        ]

    def _chance(self, call: Call, salt: str) -> float:
        key = f"{self._seed}:{salt}:{call.op}:{call.who}:{self._attempt}".encode()
        return int.from_bytes(hashlib.blake2s(key, digest_size=8).digest()) / 2**64


class _Ahead:
    """Rising numbers, taken in steps up to a limit."""

    def __init__(self, numbers: Iterator[float]) -> None:
        """`numbers` is read up to the limit, and one number further."""
        self._numbers = numbers
        self._next = next(numbers, math.inf)

    def until(self, bound: float) -> Iterator[float]:
        """Give the next numbers up to `bound`."""
        while self._next <= bound:
            yield self._next
            self._next = next(self._numbers, math.inf)
