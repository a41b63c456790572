"""Runs other people's Cognito tests against the simulator, and counts: make score.

The tests of moto and of ministack come from their source distributions, at pinned versions, by name, from
the package index that pip knows. They stay in a cache directory outside this project, with an environment of
their own: nothing of them is part of it. Both are written for emulators that allow more than Cognito does, so
many must fail here; what counts is why. Two tests of moto assert what Cognito does not do: those must fail.

    python -m tests.tools.score.score [--cache DIR] [--only moto|ministack] [--names]
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from migrate_mfa.simulator import background

if TYPE_CHECKING:
    from collections.abc import Mapping

CACHE = Path.home() / ".cache" / "migrate-mfa" / "third-party"
UNREAL = {"test_admin_setting_single_mfa", "test_admin_initiate_auth_when_sms_mfa_enabled"}
"""Tests of moto that switch SMS MFA on for a user without a number, and take any code."""
_NEEDS = ("pytest", "pytest-timeout", "pyotp==2.9.0", "pycognito", "freezegun", "requests", "boto3")
_REFUSED = re.compile(r"An error occurred \((\w+)\) when calling the (\w+) operation")
_UNKNOWN = {"UnknownOperationException", "InvalidAction"}
_KINDS = {
    "not simulated: an operation": ("UnknownOperationException", "InvalidAction"),
    "not simulated: SRP and custom sign-in": ("Initiate Auth method not supported", "Initiate Aut..."),
    "not simulated: hosted pages and the emulator's own": (
        "JSONDecodeError",
        "HTTPError",
        "assert 400 == ",
        "failed on setup",
        "ConnectionError",
        "substring not found",
    ),
    "skipped by itself": ("skipped",),
}
_WIDTH = 90
_CONFTEST = '''\
"""The fixtures that ministack's own conftest.py would give; its source distribution has none."""

import os

import boto3
import pytest

ENDPOINT = os.environ["MINISTACK_ENDPOINT"]


def make_client(service, **options):
    usual = {"region_name": "us-east-1", "aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client(service, endpoint_url=ENDPOINT, **(usual | options))


@pytest.fixture
def cognito_idp():
    return make_client("cognito-idp")


@pytest.fixture
def cognito_identity():
    return make_client("cognito-identity")


@pytest.fixture
def lam():
    return make_client("lambda")
'''


@dataclass(frozen=True)
class Suite:
    """One source distribution, and how its tests are pointed at an endpoint."""

    package: str
    version: str
    tests: str
    account: str
    region: str
    extra: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    def environment(self, endpoint: str) -> dict[str, str]:
        """Both ways; each suite reads its own."""
        return {
            "TEST_SERVER_MODE": "true",
            "TEST_SERVER_MODE_ENDPOINT": endpoint,
            "MINISTACK_ENDPOINT": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


SUITES = (
    Suite("moto", "5.2.5", "tests/test_cognitoidp", "123456789012", "us-west-2", "[server,cognitoidp]"),
    Suite(
        "ministack",
        "1.5.33",
        "tests/test_cognito.py",
        "000000000000",
        "us-east-1",
        files={"tests/conftest.py": _CONFTEST},
    ),
)


def main() -> int:
    """Score the suites. Returns 1 where a test passed that must not."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cache", type=Path, default=CACHE, help="where the foreign tests live")
    parser.add_argument("--only", choices=[suite.package for suite in SUITES])
    parser.add_argument("--names", action="store_true", help="name every test that failed")
    args = parser.parse_args()
    wrong: set[str] = set()
    for suite in SUITES:
        if args.only in {None, suite.package}:
            cases = _run(suite, _folder(suite, args.cache), _python(suite, args.cache))
            _show(suite, cases, names=args.names)
            wrong |= {name for name, why in cases if name in UNREAL and not why}
    for name in sorted(wrong):
        print(f"{name} passes, and must not: Cognito does not do what it asserts.")
    return int(bool(wrong))


def _folder(suite: Suite, cache: Path) -> Path:
    """Fetch and unpack the source distribution, unless it is there."""
    folder = cache / f"{suite.package}-{suite.version}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        _pip(
            sys.executable,
            "download",
            "--no-deps",
            "--no-binary",
            suite.package,
            "--dest",
            str(cache),
            f"{suite.package}=={suite.version}",
        )
        with tarfile.open(cache / f"{folder.name}.tar.gz") as archive:
            archive.extractall(cache, filter="data")
    for name, text in suite.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _python(suite: Suite, cache: Path) -> Path:
    """Make the environment that the tests run in, unless it is there."""
    environment = cache / f"venv-{suite.package}"
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        _pip(str(python), "install", f"{suite.package}{suite.extra}=={suite.version}", *_NEEDS)
    return python


def _pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", arguments[0], "--quiet", "--disable-pip-version-check", *arguments[1:]]
    subprocess.run(command, check=True)


def _run(suite: Suite, folder: Path, python: Path) -> list[tuple[str, str]]:
    """Run the tests. Returns each test's name with why it failed, "" where it passed."""
    results = folder / "results.xml"
    results.unlink(missing_ok=True)
    command = [str(python), "-m", "pytest", suite.tests, "-q", "--timeout=60", f"--junitxml={results}"]
    world = {"account": suite.account, "region": suite.region}
    with background(world) as running:
        subprocess.run(
            [*command, "-o", "addopts=", "-p", "no:cacheprovider", "--color=no"],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(folder)} | suite.environment(running.endpoint),
            stdout=(folder / "output.txt").open("w"),
            stderr=subprocess.STDOUT,
            check=False,
        )
    return [(case.get("name", ""), _why(case)) for case in ET.parse(results).iter("testcase")]  # noqa: S314 - ours


def _why(case: ET.Element) -> str:
    """Say in one line why a case failed, or was not run."""
    for kind in ("failure", "error", "skipped"):
        found = case.find(kind)
        if found is not None:
            return f"{kind}: {found.get('message', '')}\n{found.text or ''}"
    return ""


def _show(suite: Suite, cases: list[tuple[str, str]], *, names: bool) -> None:
    """Print the figures, and the failures by kind, the most frequent first."""
    kinds: dict[str, list[str]] = {}
    for name, why in cases:
        if why:
            kinds.setdefault(_kind(why), []).append(name)
    failed = sum(map(len, kinds.values()))
    print(f"{suite.package} {suite.version}: {len(cases) - failed} passed, {failed} did not")
    for kind, failing in sorted(kinds.items(), key=lambda item: (-len(item[1]), item[0])):
        print(f"  {len(failing):>4}  {kind}")
        for name in failing if names else ():
            print(f"          {name}")


def _kind(why: str) -> str:
    """Group a failure: what is not simulated, what is refused, what is answered otherwise."""
    first = why.split("\n", maxsplit=1)[0]
    if refused := _REFUSED.search(why):
        code, operation = refused.groups()
        if code not in _UNKNOWN:
            return f"refused with {code}: {operation}"
        return f"not simulated: {operation}"
    return next(
        (kind for kind, signs in _KINDS.items() if any(sign in first for sign in signs)), first[:_WIDTH]
    )


if __name__ == "__main__":
    sys.exit(main())
