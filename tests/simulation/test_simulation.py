"""A short form of `make simulate-faults`, and proof that its judge can tell."""

from unittest.mock import patch

import pytest

from migrate_mfa.domain.model import Verdict
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.engine import apply_row, write_gate
from migrate_mfa.engine.row_writer import RowWriter
from migrate_mfa.pacing.turns import Turns
from tests.simulation.scheduler import NoEndError
from tests.simulation.simulate import main, play
from tests.support.stepwise import StepwiseClock


@pytest.mark.parametrize("seed", [2, 3, 4, 7])
def test_no_promise_is_broken_in_a_few_worlds(seed: int) -> None:
    played = play(seed)

    assert played.violations == ()
    assert played.writes


def test_a_seed_decides_everything() -> None:
    assert play(3, trace=True).trace == play(3, trace=True).trace


@pytest.mark.parametrize(
    ("seed", "what"),
    [
        pytest.param(21, "a factor given back for ever in a pool that requires MFA by now", id="give-back"),
        pytest.param(127, "restored, of SMS MFA that nobody can see", id="unseen"),
        pytest.param(5373, "restored by another run directory, without a word", id="put back"),
        pytest.param(2957, "a second code after a kill, and the number removed since", id="second code"),
    ],
)
def test_worlds_that_once_broke_a_promise_do_so_no_more(seed: int, what: str) -> None:
    assert play(seed).violations == (), what


def violations(seeds: range) -> str:
    return "\n".join(text for seed in seeds for text in play(seed).violations)


def test_the_judge_sees_a_write_long_after_its_read() -> None:
    with (
        patch.object(Turns, "take", lambda *_: None),
        patch.object(Turns, "cover", lambda *_: True),
        patch.object(write_gate, "OLDEST_LOOK_S", 1e9),
    ):
        assert "after the read that decided it" in violations(range(1, 3))


@pytest.mark.damages_journal
def test_the_judge_sees_a_write_without_an_intent() -> None:
    with patch("migrate_mfa.journal.write_store.WorkStore.record_intent", lambda *_: 0):
        assert "without an intent" in violations(range(1, 3))


@pytest.mark.damages_journal
def test_the_judge_sees_what_is_told_and_is_not_so() -> None:
    with (
        patch.object(RowWriter, "_make", lambda *_: None),
        patch.object(apply_row._RowRun, "_look_back", apply_row._RowRun._look),
        patch.object(apply_row, "_is_undone", lambda *_: True),
        patch.object(apply_row, "not_effective", lambda *_: Verdict(Reason.ENROLLED)),
    ):
        assert "and is not" in violations(range(1, 3))


def test_the_scheduler_sees_that_nobody_can_go_on() -> None:
    clock = StepwiseClock()

    with pytest.raises(NoEndError, match="wait for each other"):
        clock.perform(clock.scheduler.park)


def test_the_command_tells_the_seeds_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with patch("migrate_mfa.journal.write_store.WorkStore.record_intent", lambda *_: 0):
        assert main(["--seed", "1"]) in {0, 1}
    assert "worlds" in capsys.readouterr().out
