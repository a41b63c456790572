"""Mutants of fleets: one owner a lane, whatever happens to who has started it."""

from __future__ import annotations

from typing import Final

from tests.tools.mutants.mutant import Mutant

_FLEET: Final = "tests/process/test_fleet.py::"

FLEETS: Final = (
    Mutant(
        name="a command outlives its supervisor",
        promise=4,
        breach="A coordinator that is killed leaves its commands at work.",
        file="migrate_mfa/fleet/supervise.py",
        find='ours = ("--exit-with-parent", "--last-word-to"',
        put='ours = ("--last-word-to"',
        tests=(
            _FLEET + "test_a_coordinator_that_is_killed_leaves_commands_that_drain_and_the_next_one_finishes",
        ),
    ),
    Mutant(
        name="two machines in one lane",
        promise=4,
        breach="In a bucket, the commands of a fleet do not keep the lock of their lane there.",
        file="migrate_mfa/fleet/lanes.py",
        find='    if remote and "lane_lock" in options.names:\n',
        put='    if not remote and "lane_lock" in options.names:\n',
        tests=("tests/unit/fleet/test_lanes.py",),
    ),
    Mutant(
        name="the first write is taken back first",
        promise=6,
        breach="A fleet's rollback leaves users of two targets with the number of the first.",
        file="migrate_mfa/fleet/lanes.py",
        find='step = -1 if options.verb == "rollback" else 1',
        put="step = 1",
        tests=("tests/commands/test_fleet.py",),
    ),
    Mutant(
        name="a target that is worked on is set aside",
        promise=4,
        breach="A fleet gives up a target that the command of another supervisor still works on.",
        file="migrate_mfa/fleet/retry.py",
        find=" and not each.owned for each in ended)",
        put=" for each in ended)",
        tests=("tests/unit/fleet/test_retry.py",),
    ),
    Mutant(
        name="a limit is got around",
        promise=4,
        breach="A target that stopped because too many users failed is tried again.",
        file="migrate_mfa/fleet/retry.py",
        find="ended.exit_code == ExitCode.STOPPED and ended.ended_by not in _GUARDS",
        put="ended.exit_code == ExitCode.STOPPED",
        tests=("tests/unit/fleet/test_retry.py",),
    ),
    Mutant(
        name="a fleet without an end",
        promise=4,
        breach="A target that is lost each time is tried for ever.",
        file="migrate_mfa/fleet/retry.py",
        find="return _is_lost(ended[-1]) and sum(map(_is_lost, ended)) < patience.tries",
        put="return _is_lost(ended[-1])",
        tests=("tests/unit/fleet/test_retry.py",),
    ),
)
