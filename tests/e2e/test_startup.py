"""--help is quick: it loads nothing that only a real command needs."""

from __future__ import annotations

import json
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
    "command", [(), ("check",), ("plan",), ("run",), ("audit",), ("demo",), ("status",)], ids=" ".join
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


def test_a_command_that_counts_nothing_by_groups_does_without_pandas(tmp_path: Path) -> None:
    line = ["run", "nowhere.csv", "--user-pool-id", "ap-northeast-1_x", "--verification", "attested", "--yes"]
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *line],
        env=Cli(tmp_path).env(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )

    code, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 3
    assert "boto3" in modules
    assert not {"pandas", "numpy"} & set(modules)
