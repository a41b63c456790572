"""The figures of a live run come from the ledger: whose call it was, when, and whether it was throttled."""

from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.tools.bench.lane_matrix import Cell
from tests.tools.bench.live import _read

if TYPE_CHECKING:
    from migrate_mfa.simulator import Running

BEGAN = 1000.0


class Told:
    """A simulator with one user of the roster, "a", and one of the others, "b"."""

    def __init__(self, calls: list[tuple[float, str, str]]) -> None:
        self.answers: dict[str, Any] = {
            "state": {"pool": {"a": {"Username": "user0000000"}, "b": {"Username": "user0000001"}}},
            "ledger": {
                "calls": [
                    {"category": category, "at": BEGAN + at, "user": user, "code": code}
                    for at, user, code in calls
                    for category in ("UserUpdate", "UserRead")
                ]
            },
        }

    def control(self, path: str) -> dict[str, Any]:
        return cast("dict[str, Any]", self.answers[path])


def test_calls_are_counted_by_whose_they_are() -> None:
    throttle = "TooManyRequestsException"
    told = Told(
        [(0.0, "a", ""), (1.0, "a", throttle), (25.0, "b", throttle), (31.0, "b", ""), (999.0, "a", "")]
    )
    cell = Cell(0.6, 40.0, random=False, burst_s=1.0)

    found = _read(cast("Running", told), BEGAN, 1, cell)

    assert found.own == 50
    assert (found.theirs_first, found.theirs_later) == (100, 0)
    assert found.used == pytest.approx(1 / (25 * cell.end - 2))
