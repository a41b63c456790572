"""On which file systems a journal may lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.errors import ExitCode, RunDirectoryError
from migrate_mfa.journal import connection
from migrate_mfa.journal.connection import MOUNTS, file_system_of, require_local
from migrate_mfa.journal.database import NAME, Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LINES = (
    "21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw",
    "22 21 0:20 / /proc rw - proc proc rw",
    "30 21 0:40 / /home rw,relatime shared:7 master:1 - nfs4 filer.example:/home rw,vers=4.2",
    "31 30 254:3 / /home/taro/disk rw,relatime - xfs /dev/vdb rw",
    r"32 21 0:41 / /srv/the\040share rw,relatime - cifs //filer/share rw",
    "33 21 0:42 / /tmp rw - tmpfs tmpfs rw",
    "34 21 0:43 / /both rw - nfs filer:/both rw",
    "35 34 0:44 / /both rw - overlay overlay rw",
)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/var/lib/run", ("/", "ext4")),
        ("/", ("/", "ext4")),
        ("/home", ("/home", "nfs4")),
        ("/home/taro/run", ("/home", "nfs4")),
        ("/homework/run", ("/", "ext4")),
        ("/home/taro/disk/run", ("/home/taro/disk", "xfs")),
        ("/srv/the share/run", ("/srv/the share", "cifs")),
        ("/both/run", ("/both", "overlay")),
    ],
)
def test_the_file_system_of_a_path_is_that_of_the_longest_mount_above_it(
    path: str, expected: tuple[str, str]
) -> None:
    assert file_system_of(path, list(LINES)) == expected


def test_lines_that_nobody_knows_tell_nothing() -> None:
    assert file_system_of("/run", ["", "21 1 254:0", "no mount at all - nfs"]) == ("", "")


@pytest.fixture
def mounted_as(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Path], None]:
    """Let the kernel tell that a directory is such a file system."""

    def mount(kind: str, at: Path) -> None:
        file = tmp_path / "mountinfo"
        point = str(at.resolve()).replace(" ", r"\040")
        file.write_text(f"21 1 254:0 / / rw - ext4 /dev/root rw\n30 21 0:40 / {point} rw - {kind} x rw\n")
        monkeypatch.setattr(connection, "MOUNTS", file)

    return mount


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "lustre", "fuse", "fuse.sshfs"])
def test_a_run_directory_on_a_network_file_system_is_refused_and_not_made(
    kind: str, tmp_path: Path, mounted_as: Callable[[str, Path], None]
) -> None:
    share = tmp_path / "a share"
    share.mkdir()
    mounted_as(kind, share)

    with pytest.raises(RunDirectoryError) as refused:
        Journal.create_or_open(share / "pool" / "run")

    assert refused.value.exit_code == ExitCode.RUN_DIRECTORY
    assert f"({kind}, mounted at {share.resolve()})" in refused.value.message
    assert "local disk" in refused.value.hint
    assert list(share.iterdir()) == []


def test_a_link_to_a_network_file_system_is_seen_through(
    tmp_path: Path, mounted_as: Callable[[str, Path], None]
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (tmp_path / "run").symlink_to(share)
    mounted_as("nfs", share)

    with pytest.raises(RunDirectoryError, match="network file system"):
        require_local(tmp_path / "run")


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "overlay", "tmpfs", "fuseblk", "virtiofs"])
def test_local_file_systems_are_fine(
    kind: str, tmp_path: Path, mounted_as: Callable[[str, Path], None]
) -> None:
    mounted_as(kind, tmp_path)

    require_local(tmp_path)


def test_a_run_that_is_there_can_still_be_looked_at(
    tmp_path: Path, mounted_as: Callable[[str, Path], None]
) -> None:
    Journal.create_or_open(tmp_path / "run").close()
    mounted_as("nfs", tmp_path)

    with Journal.look_at(tmp_path / "run") as journal:
        assert (journal.directory / NAME).is_file()


def test_nothing_is_refused_where_the_kernel_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MOUNTS", tmp_path / "no-proc")

    require_local(tmp_path)


@pytest.mark.skipif(not MOUNTS.exists(), reason="/proc is of Linux")
def test_what_this_kernel_tells_can_be_read() -> None:
    assert file_system_of("/proc", MOUNTS.read_text().splitlines()) == ("/proc", "proc")
