"""The state of a target, also in a bucket, where only the lease shows which command works on it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.document import Line
from migrate_mfa.fleet.place import BucketPlace, LocalPlace
from migrate_mfa.fleet.printed import show, shown
from migrate_mfa.fleet.standing import Progress, Standing, mark_of, read_standing, standing_of
from migrate_mfa.fleet.unit import Result, State
from migrate_mfa.remote.holder import Holder
from migrate_mfa.remote.names import LOCK
from migrate_mfa.remote.objects import BucketUrl
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock

if TYPE_CHECKING:
    from pathlib import Path

HELD = Holder(
    owner="a",
    host="vm",
    pid=7,
    command="run",
    generation=1,
    renewed_at=0,
    expires_at=90,
    progress={"done": 40, "total": 60},
)


def line(name: str, standing: Standing) -> Line:
    """A target in this state."""
    return Line(
        name=name,
        account=None,
        region="r",
        standing=standing,
        run_dir="d",
        next_command="",
        fleet_command="",
    )


def test_a_lease_tells_its_age_and_nothing_once_it_has_ended() -> None:
    objects = FakeObjects(FakeClock())
    place, now = BucketPlace(BucketUrl("bucket", "fleet"), objects), objects.now()
    held = replace(HELD, renewed_at=now - 42, expires_at=now + 48)
    objects.put(f"one/{LOCK}", held.body())

    standing = read_standing(place, "one")

    assert shown(line("one", standing)) == "one: run; running; 40 of 60 done; lease renewed 42 s ago"
    objects.put(f"one/{LOCK}", held.freed().body())
    assert read_standing(place, "one").progress is None


def test_a_free_lease_of_this_second_is_nobodys_though_the_store_gives_whole_seconds() -> None:
    objects = FakeObjects(FakeClock())
    place, now = BucketPlace(BucketUrl("bucket", "fleet"), objects), objects.now()
    freed = replace(HELD, renewed_at=now + 0.7, expires_at=now + 90).freed()
    objects.put(f"one/{LOCK}", freed.body())

    assert read_standing(place, "one").progress is None


@pytest.mark.parametrize("by_hand", [False, True])
def test_a_result_is_told_from_a_command_by_hand_also_within_one_second(
    tmp_path: Path, *, by_hand: bool
) -> None:
    place = LocalPlace(tmp_path)
    planned = {"command": "plan", "state": "planned", "started_at": "1", "ended_at": "1", "elapsed_s": 0.1}
    ended = planned | {"command": "run", "state": "finished", "elapsed_s": 0.2}
    result = Result(name="one", state=State.SET_ASIDE, exit_code=5, verb="run", mark=mark_of(planned))
    place.write("results/one.json", json.dumps(result.as_dict()).encode())
    place.write("one/report/summary.json", json.dumps(ended if by_hand else planned).encode())

    standing = read_standing(place, "one")

    assert (standing.state, standing.exit_code) == (
        (State.FINISHED, ExitCode.DONE) if by_hand else (State.SET_ASIDE, 5)
    )


@pytest.mark.parametrize("ended_since", [False, True])
def test_the_report_of_the_night_before_is_not_that_of_a_night_that_was_lost(*, ended_since: bool) -> None:
    place = BucketPlace(BucketUrl("bucket", "fleet"), FakeObjects(FakeClock()))
    night = {
        "command": "reconcile",
        "state": "finished",
        "started_at": "1",
        "ended_at": "1",
        "elapsed_s": 0.1,
    }
    begun = Result(name="one", state=State.WAITING, verb="reconcile", mark=mark_of(night), begins=True)
    place.write("results/one.json", json.dumps(begun.as_dict()).encode())
    latest = night | {"started_at": "2"} if ended_since else night
    place.write("one/report/summary.json", json.dumps(latest).encode())

    assert read_standing(place, "one").state is (State.FINISHED if ended_since else State.INTERRUPTED)


def test_a_run_at_work_is_not_shown_as_the_plan_before_it() -> None:
    planned = {"command": "plan", "state": "planned", "counts": {"unprocessed": 60}}

    standing = standing_of(None, planned, Progress(done=40, total=60, verb="run"))

    assert (standing.verb, standing.state, standing.counts) == ("run", State.RUNNING, {})


ALL_DONE: dict[str, object] = {
    "command": "run",
    "state": "interrupted",
    "users_done": 3,
    "counts": {"verified": 2, "failed": 1, "unprocessed": 0},
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ExitCode.SOME_FAILED),
        ({"counts": {"verified": 3, "failed": 0, "unprocessed": 0}}, ExitCode.DONE),
        ({"command": "rollback"}, ExitCode.SOME_FAILED),
        ({"counts": {"verified": 2, "unprocessed": 1}}, None),
        ({"counts": {}}, None),
        ({"command": "reconcile"}, None),
        ({"command": "plan"}, None),
        ({"users_done": None}, None),
    ],
)
def test_a_command_has_done_all_only_where_its_summary_can_tell_that(
    changes: dict[str, object], code: ExitCode | None
) -> None:
    summary = {name: value for name, value in (ALL_DONE | changes).items() if value is not None}

    standing = standing_of(None, summary, None)

    assert standing.exit_code == code
    assert standing.state is (State.INTERRUPTED if code is None else State.FINISHED)


def test_the_rows_of_targets_that_have_not_begun_are_not_passed_over(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ended = Standing(state=State.FINISHED, exit_code=0, verb="run", counts={"verified": 620})
    lines = [line("one", ended), line("two", Standing(state=State.WAITING))]

    show(lines, in_json=False)

    assert capsys.readouterr().out.endswith("rows: verified 620, and those of 1 other target\n")
