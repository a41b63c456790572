from __future__ import annotations

import pytest

from migrate_mfa.workflows.ending import _took


@pytest.mark.parametrize(
    ("seconds", "rate", "told"),
    [
        (None, None, ""),
        (0.3, 40.6, "It took under a second."),
        (9.9, 1.2, "It took 10 s."),
        (10.0, 12.04, "It took 10 s, 12.0 users/s."),
        (4000.0, None, "It took 1 h 07 min."),
    ],
)
def test_a_pass_tells_its_rate_only_where_it_was_long_enough(
    seconds: float | None, rate: float | None, told: str
) -> None:
    assert _took(seconds, rate) == told
