"""The state of a target, also in a bucket, where only the lease shows which command works on it."""

from __future__ import annotations

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.document import Line
from migrate_mfa.fleet.place import BucketPlace
from migrate_mfa.fleet.printed import show, shown
from migrate_mfa.fleet.standing import Progress, Standing, read_standing, standing_of
from migrate_mfa.fleet.unit import State
from migrate_mfa.remote.holder import Holder
from migrate_mfa.remote.names import LOCK
from migrate_mfa.remote.objects import BucketUrl
from tests.support.fake_objects import FakeObjects
from tests.support.fakes import FakeClock


def test_a_lease_tells_its_age_and_nothing_once_it_has_ended() -> None:
    objects = FakeObjects(FakeClock())
    place, now = BucketPlace(BucketUrl("bucket", "fleet"), objects), objects.now()
    held = Holder(
        owner="a",
        host="vm",
        pid=7,
        command="run",
        generation=1,
        renewed_at=now - 42,
        expires_at=now + 48,
        progress={"done": 40, "total": 60},
    )
    objects.put(f"one/{LOCK}", held.body())

    standing = read_standing(place, "one")

    line = Line(
        name="one",
        account=None,
        region="r",
        standing=standing,
        run_dir="d",
        next_command="",
        fleet_command="",
    )
    assert shown(line) == "one: run; running; 40 of 60 done; lease renewed 42 s ago"
    objects.put(f"one/{LOCK}", held.freed().body())
    assert read_standing(place, "one").progress is None


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
    lines = [
        Line(
            name=name,
            account=None,
            region="r",
            standing=standing,
            run_dir="d",
            next_command="",
            fleet_command="",
        )
        for name, standing in (("one", ended), ("two", Standing(state=State.WAITING)))
    ]

    show(lines, in_json=False)

    assert capsys.readouterr().out.endswith("rows: verified 620, and those of 1 other target\n")
