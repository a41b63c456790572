"""Breaks the tool in one named way for each thing that it promises, and shows that the tests notice.

    make mutants ARGS="--promise 4"

Everything happens in a copy of the tree, in a temporary directory. First the tests run without any change
and must pass. Exits 1 if a mutant survives, cannot be made, or does not run.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.tools.mutants.catalogue import MUTANTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.tools.mutants.mutant import Mutant

ROOT: Final = Path(__file__).resolve().parents[3]
_FAILED: Final = re.compile(r"^(?:FAILED|ERROR) (\S+?)(?:\[.*)?(?: - .*)?$", re.MULTILINE)
_PASSED, _SOME_FAILED = 0, 1
_WIDTH: Final = 38


@dataclass(frozen=True, kw_only=True)
class Caught:
    """What became of a mutant: the first test that failed, or why there is none."""

    by: str
    seconds: float
    trouble: str = ""


def copy_tree(target: Path) -> None:
    """Copy what belongs to the project, as it is in the working tree."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)


def run_tests(tree: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a selection in a tree, up to the first failure."""
    options = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-header", "--tb=no", "-rfE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        cwd=tree,
        env={**kept, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )


def mutate(tree: Path, mutant: Mutant) -> str:
    """Put a mutant into a tree. Returns the text that was there.

    Raises:
        ValueError: its text is not there exactly once.
    """
    path = tree / mutant.file
    original = path.read_text(encoding="utf-8")
    if (times := original.count(mutant.find)) != 1:
        raise ValueError(f"its text is {times} times in {mutant.file}")
    path.write_text(original.replace(mutant.find, mutant.put), encoding="utf-8")
    return original


def hunt(tree: Path, mutant: Mutant) -> Caught:
    """Let the tests loose on a mutant."""
    started = time.monotonic()
    try:
        original = mutate(tree, mutant)
    except (OSError, ValueError) as error:
        return Caught(by="", seconds=0.0, trouble=str(error))
    try:
        done = run_tests(tree, mutant.tests)
    finally:
        (tree / mutant.file).write_text(original, encoding="utf-8")
    seconds = time.monotonic() - started
    if done.returncode == _PASSED:
        return Caught(by="", seconds=seconds, trouble="SURVIVED")
    found = _FAILED.search(done.stdout)
    if done.returncode != _SOME_FAILED or found is None:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        return Caught(by="", seconds=seconds, trouble=f"did not run: {' '.join(last)}")
    return Caught(by=found[1], seconds=seconds)


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - its output


def tree_is_used(tree: Path) -> bool:
    """Whether tests in the copy import the copy, and not what is installed."""
    code = "import migrate_mfa; print(migrate_mfa.__file__)"
    env = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True, text=True)
    return Path(done.stdout.strip()).is_relative_to(tree)


def hunt_all(tree: Path, mutants: Sequence[Mutant]) -> int:
    """Run the selections without a change, then every mutant. Returns how many were not caught."""
    started = time.monotonic()
    clean = run_tests(tree, sorted({test for mutant in mutants for test in mutant.tests}))
    if clean.returncode != _PASSED:
        say(clean.stdout[-3000:] + clean.stderr[-3000:])
        say("The tests fail without any mutant: nothing is shown.")
        return len(mutants)
    say(f"Without a mutant all selected tests pass ({time.monotonic() - started:.0f} s).\n")
    say(f"{'promise':>7}  {'mutant':<{_WIDTH}} {'seconds':>7}  caught by")
    missed = 0
    for mutant in mutants:
        caught = hunt(tree, mutant)
        missed += not caught.by
        found = caught.by or f"!!! {caught.trouble}"
        say(f"{mutant.promise:>7}  {mutant.name:<{_WIDTH}} {caught.seconds:>7.1f}  {found}")
    say(f"\n{len(mutants) - missed} of {len(mutants)} mutants were caught.")
    return missed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make mutants ARGS=...", description=__doc__, formatter_class=_HELP)
    parser.add_argument("--promise", type=int, action="append", help="only this promise; repeatable")
    parser.add_argument(
        "--file", action="append", default=[], help="only of files whose path has this; repeatable"
    )
    parser.add_argument("--list", action="store_true", help="say what each mutant does, and end")
    given = parser.parse_args(arguments)
    chosen = [
        mutant
        for mutant in MUTANTS
        if (not given.promise or mutant.promise in given.promise)
        and (not given.file or any(part in mutant.file for part in given.file))
    ]
    if given.list:
        for mutant in chosen:
            say(f"{mutant.promise:>2}  {mutant.name}: {mutant.breach}")
        return 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder).resolve() / "tree"
        copy_tree(tree)
        if not tree_is_used(tree):
            say("The tests in the copy do not use the copy; look at how migrate_mfa is installed.")
            return 1
        return 1 if hunt_all(tree, chosen) else 0


_HELP = argparse.RawDescriptionHelpFormatter

if __name__ == "__main__":
    sys.exit(main())
