"""A short chaos: eight kills, under both policies, one of them among faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tools.chaos.cast import ATTESTED, BY_CODE
from tests.tools.chaos.chaos import account
from tests.tools.chaos.episode import Script, play

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize(("policy", "faulty"), [(ATTESTED, True), (BY_CODE, False)])
def test_a_run_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, policy: str, faulty: bool
) -> None:
    # So slow that a run cannot get to its end between two looks of a busy machine.
    script = Script(
        seed=f"suite/{policy}", policy=policy, faulty=faulty, kills=4, users=30, quota=15, lag_s=0.9
    )
    figures = play(script, tmp_path)
    assert not figures.violations, "\n".join(account(figures, figures.seconds))
    assert figures.kills >= 3, "the kills did not land: this test has lost its point"
    assert figures.writes > 0
    assert figures.sms_max == (policy == BY_CODE)
