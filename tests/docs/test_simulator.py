"""The documents beside the simulator's samples name all that it can be told, and the samples work."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from migrate_mfa.simulator import background
from migrate_mfa.simulator.account.outbox import Sns
from migrate_mfa.simulator.account.recoveries import RecoveryRow
from migrate_mfa.simulator.account.surroundings import Eums
from migrate_mfa.simulator.files import poolfile
from migrate_mfa.simulator.files.edits import Edit
from migrate_mfa.simulator.files.generate import Generate
from migrate_mfa.simulator.server import fault_file
from migrate_mfa.simulator.server.control import Control
from migrate_mfa.simulator.server.service import Service

FOLDER = Path(__file__).resolve().parents[2] / "samples/simulator"
BOTH = pytest.mark.parametrize("name", ["README.md", "README.ja.md"])
ROWS = (Sns, Eums, fault_file.Rule, fault_file.Latency, fault_file.LiveTraffic, fault_file.Step)
KINDS = (
    poolfile.PoolFile,
    poolfile.PoolRow,
    poolfile.UserRow,
    Generate,
    Edit,
    fault_file.FaultFile,
    fault_file.On,
    RecoveryRow,
)


@BOTH
def test_every_member_is_named(name: str) -> None:
    named = set(re.findall(r"`([^`\n]+)`", (FOLDER / name).read_text(encoding="utf-8")))
    members = {each.name for row in ROWS for each in fields(row)}
    members |= {member for kind in KINDS for member in kind.model_fields}

    assert members | {*fault_file.ERRORS, *fault_file.TRANSPORT, *fault_file.PAGES} <= named


@BOTH
def test_every_control_is_in_the_table(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([^`?]+)[^`]*` \| (GET|POST) \|", text, re.MULTILINE)
    control = Control(Service(poolfile.load_world({}, FOLDER), {}, keep_ledger=False))

    assert {(method, path) for path, method in rows} == set(control._routes)


def test_the_samples_are_taken_and_the_example_works() -> None:
    with background(FOLDER / "pool.json", faults=FOLDER / "faults.json", control=True) as running:
        running.control("users", {"upsert": [{"Username": "aiko", "Enabled": False}]})
        (users,) = running.control("state").values()

    assert len(users) == 103
    assert [user["Enabled"] for user in users.values() if user["Username"] == "aiko"] == [False]
