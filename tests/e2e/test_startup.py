"""--help is quick: it loads nothing that only a real command needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support import Cli

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {"boto3", "botocore", "pandas", "numpy", "structlog", "tenacity", "phonenumbers", "sqlite3", "moto"}
PROBE = """
import json, sys
from migrate_mfa.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


@pytest.mark.parametrize(
    "command", [(), ("plan",), ("run",), ("audit",), ("demo",), ("status",)], ids=" ".join
)
def test_help_imports_no_heavy_package(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command, "--help"],
        env=Cli(tmp_path).env(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert "typer" in modules
    assert not HEAVY & set(modules)


def test_a_usage_error_imports_no_heavy_package_either(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "plan", "--no-such-option"],
        env=Cli(tmp_path).env(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 2
    assert not HEAVY & set(modules)


def test_a_command_that_works_loads_no_package_of_another_one(tmp_path: Path) -> None:
    """pandas alone takes as long as all the rest of a run's start, and fifty megabytes."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "run", "--run-dir", "nowhere", "--yes"],
        env=Cli(tmp_path).env(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 6
    assert "boto3" in modules
    assert not {"pandas", "numpy", "moto"} & set(modules)


def test_help_takes_no_more_than_ten_bare_starts(tmp_path: Path) -> None:
    """In CPU time, which a busy machine stretches little; the least of three."""
    bare, helped = (
        min(cpu_of(command, tmp_path) for _ in range(3))
        for command in ([sys.executable, "-c", ""], [sys.executable, "-m", "migrate_mfa", "--help"])
    )

    assert helped <= 20 * bare  # ten is the aim; the rest is for the noise of a shared machine


def cpu_of(command: list[str], folder: Path) -> float:
    with subprocess.Popen(command, env=Cli(folder).env(), cwd=folder, stdout=subprocess.DEVNULL) as child:
        _, code, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(code)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime
