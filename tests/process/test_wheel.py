"""What a user has who has no checkout: the wheel alone, and on Windows one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.commands.support import SAMPLES, Cli

ROOT = Path(__file__).resolve().parents[2]
BUILD = "import sys; from flit_core import buildapi; print(getattr(buildapi, sys.argv[1])(sys.argv[2]))"


def built(kind: str, source: Path, to: Path) -> Path:
    """A distribution, built as pip has it built."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, kind, str(to)], cwd=source, capture_output=True, text=True, check=True
    )
    return to / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("build_wheel", ROOT, tmp_path_factory.mktemp("wheel"))


def samples_of(wheel: Path) -> dict[str, bytes]:
    with ZipFile(wheel) as file:
        inside = [each for each in file.namelist() if each.startswith("migrate_mfa/samples/")]
        return {Path(each).name: file.read(each) for each in inside}


def test_a_wheel_holds_the_samples_of_the_checkout(wheel: Path) -> None:
    rosters_and_pool = {*SAMPLES.glob("*.csv"), SAMPLES / "pool.json"}

    assert samples_of(wheel) == {each.name: each.read_bytes() for each in rosters_and_pool}


def test_a_wheel_from_the_source_distribution_is_the_same(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(built("build_sdist", ROOT, tmp_path)) as file:
        file.extractall(tmp_path, filter="data")
    (unpacked,) = (each for each in tmp_path.iterdir() if each.is_dir())

    again = built("build_wheel", unpacked, tmp_path)

    with ZipFile(wheel) as one, ZipFile(again) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
    assert samples_of(again) == samples_of(wheel)


@pytest.mark.slow
def test_the_demo_works_from_the_wheel_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    """A fresh environment with the wheel; what it depends on comes from the environment of the tests."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    python, program = (str(tmp_path / "venv" / "bin" / name) for name in ("python", "migrate-mfa"))
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    # pip asks rustc for its version, which may leave something in the home directory
    subprocess.run([sys.executable, *install], env=os.environ | {"HOME": str(tmp_path)}, check=True)
    empty = tmp_path / "empty"
    empty.mkdir()

    command = [program, "demo", "--users", "5"]
    demo = subprocess.run(
        command, cwd=empty, env=Cli(empty).env(), capture_output=True, text=True, check=False
    )
    where = [python, "-c", "import migrate_mfa; print(migrate_mfa.__file__)"]
    found = subprocess.run(where, cwd=empty, capture_output=True, text=True, check=True).stdout

    assert found.startswith(str(site)), "the program of the wheel, not of the checkout"
    assert demo.returncode == 0, demo.stderr
    assert "All 61 rows of the samples ended as samples/*.expected.csv says" in demo.stdout
    assert [each.name for each in empty.iterdir() if each.name != "scratch"] == ["migrate-mfa-runs"]


def test_the_version_names_what_a_bug_report_needs(tmp_path: Path) -> None:
    probe = (
        "import sys; from migrate_mfa.main import main; main(['--version']); print('boto3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], env=Cli(tmp_path).env(), capture_output=True, text=True, check=True
    )
    import botocore

    ours, theirs, loaded = done.stdout.splitlines()
    assert ours.startswith("migrate-mfa 0.")
    assert theirs == f"Python {sys.version.split()[0]}, botocore {botocore.__version__}"
    assert loaded == "False"


WINDOWS = """
import os, signal, sys
for name in ("fcntl", "termios", "resource", "pwd", "grp", "tty"):
    sys.modules[name] = None
for name in ("SIGHUP", "SIGPIPE", "SIGKILL", "SIGALRM", "pthread_sigmask"):
    delattr(signal, name)
del os.geteuid, os.O_NOFOLLOW, os.O_NONBLOCK
from migrate_mfa.__main__ import entry
entry()
"""


@pytest.mark.parametrize(
    "line", [(), ("--help",), ("plan", "users.csv"), ("run", "--help"), ("demo",), ("simulate",)], ids=str
)
def test_on_windows_one_sentence_names_the_ways_out(line: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-c", WINDOWS, *line]
    done = subprocess.run(command, env=Cli(tmp_path).env(), capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "WSL 2" in done.stderr
    assert "container" in done.stderr
