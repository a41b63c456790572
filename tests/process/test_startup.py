"""--help is quick: it loads nothing that only a real command needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import Cli

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "rich",
    "boto3",
    "botocore",
    "pandas",
    "numpy",
    "structlog",
    "tenacity",
    "phonenumbers",
    "sqlite3",
    "moto",
    "jinja2",
    "leather",
}
PROBE = """
import json, sys
from migrate_mfa.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(name for name in sys.modules if "." not in name)]))
"""


def probed(folder: Path, *command: str) -> tuple[int, set[str]]:
    """The exit code of a command line, and the packages that were loaded when it ended."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *command],
        env=Cli(folder).env(),
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(done.stdout.splitlines()[-1])
    return code, set(modules)


@pytest.mark.parametrize(
    "command", [(), ("check",), ("plan",), ("run",), ("audit",), ("demo",), ("status",)], ids=" ".join
)
def test_help_imports_no_heavy_package(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, modules = probed(tmp_path, *command, "--help")

    assert code == 0
    assert "typer" in modules
    assert not HEAVY & modules


def test_a_usage_error_imports_no_heavy_package_either(tmp_path: Path) -> None:
    code, modules = probed(tmp_path, "plan", "--no-such-option")

    assert code == 2
    assert not HEAVY & modules


def test_a_command_that_works_loads_no_package_of_another_one(tmp_path: Path) -> None:
    """pandas alone takes as long as all the rest of a run's start, and fifty megabytes."""
    code, modules = probed(tmp_path, "run", "--run-dir", "nowhere", "--yes")

    assert code == 6
    assert "boto3" in modules
    assert not {"pandas", "numpy", "moto"} & modules


def test_help_takes_no_more_than_ten_bare_starts(tmp_path: Path) -> None:
    """In CPU time, which a busy machine stretches little; the least of five, and a fifth for the noise."""
    bare, helped = (
        min(cpu_of(command, tmp_path) for _ in range(5))
        for command in ([sys.executable, "-c", ""], [sys.executable, "-m", "migrate_mfa", "--help"])
    )

    assert helped <= 12 * bare


def cpu_of(command: list[str], folder: Path) -> float:
    with subprocess.Popen(command, env=Cli(folder).env(), cwd=folder, stdout=subprocess.DEVNULL) as child:
        _, code, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(code)
    assert child.returncode == 0
    return usage.ru_utime + usage.ru_stime
