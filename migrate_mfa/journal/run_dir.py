"""The directory of a run, working copies, and the lock of a lane."""

import os
import re
import tempfile
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.domain.errors import NoRun, RunDirectoryError
from migrate_mfa.journal.lock import Writer, last_writer, name_holder, take_lock
from migrate_mfa.journal.run_files import JOURNAL, is_begun

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrate_mfa.domain.quotas import Lane
    from migrate_mfa.journal.connection import Replica
    from migrate_mfa.journal.database import Database

RUNS = "migrate-mfa-runs"
AUDIT = "audit"
"""The name of an audit's directory among the runs of its pool."""
_COMMON = Path("/tmp")  # noqa: S108 - the one directory in which all users of a machine may make files
_UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """The local files of a run directory in another place, for the duration of one command."""

    path: Path
    name: str
    """The operator's name of the run directory."""
    replica_of: "Callable[[Database], Replica] | None" = None
    """Makes the object that keeps the run directory up to date; None if it is only read."""
    bring: "Callable[[Path], bool]" = lambda _: False
    """Uploads one of its files before the command ends. Returns whether that worked."""
    is_ours: "Callable[[], bool]" = lambda: True
    """Whether files of this command are still written to the run directory."""

    def without_run(self) -> NoRun:
        """The error for a run directory that does not exist."""
        return NoRun(
            f"There is no run in {self.name}.",
            "Correct --run-dir. To list the runs of a bucket: migrate-mfa runs s3://BUCKET",
        )

    def unusable(self, why: str) -> RunDirectoryError:
        """The error if the local files cannot be used; the run directory itself is not the cause."""
        return RunDirectoryError(
            f"The working copy of {self.name} in {self.path.parent.parent} cannot be used ({why}).",
            "Is the disk full, or does another program work there? Free some space, or set TMPDIR to another "
            "local directory. Then run the same command again; nothing that was written is lost.",
        )


working_copy: ContextVar[WorkingCopy | None] = ContextVar("working_copy", default=None)
"""The working copy of the command in this context."""


def copy_of(directory: Path) -> WorkingCopy | None:
    """The working copy in this directory, or None if it is the run directory itself."""
    copy = working_copy.get()
    return copy if copy is not None and copy.path == directory else None


def keeps_reports() -> bool:
    """Whether the operator will find the report files that this command has written."""
    copy = working_copy.get()
    return copy is None or copy.is_ours()


def shown(path: Path) -> str:
    """The operator's name of a run directory, or of a file in one."""
    copy = working_copy.get()
    if copy is None or not path.is_relative_to(copy.path):
        return str(path)
    inner = path.relative_to(copy.path)
    return copy.name if inner == Path() else f"{copy.name}/{inner}"


def default_run_dir(user_pool_id: str, roster: str, roster_sha256: str) -> Path:
    """`./migrate-mfa-runs/POOL/ROSTER-SHA8`: the same roster resumes, a changed one is a new run."""
    stem = "stdin" if roster == "-" else _UNSAFE.sub("_", Path(roster).stem)
    return Path(RUNS) / user_pool_id / f"{stem}-{roster_sha256[:8]}"


def default_audit_dir(user_pool_id: str) -> Path:
    """`./migrate-mfa-runs/POOL/audit`: each audit of a pool replaces the report of the one before."""
    return Path(RUNS) / user_pool_id / AUDIT


def audit_beside(run_dir: str, user_pool_id: str | None) -> str:
    """The directory for audits of a run's pool: beside the run, so that its page finds them.

    The runs in a directory of their pool share it. Elsewhere the neighbours may be runs of other pools, such
    as the targets of a fleet; no target's name has a plus sign.
    """
    parent = run_dir.rpartition("/")[0]
    is_of_pool = parent.rpartition("/")[2] == user_pool_id
    return f"{parent}/{AUDIT}" if is_of_pool else f"{run_dir}+{AUDIT}"


def default_canary_dir(user_pool_id: str, now: float) -> Path:
    """`./migrate-mfa-runs/POOL/canary-TIME`: each canary can be undone by itself."""
    return Path(RUNS) / user_pool_id / f"canary-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}"


def lock_lane(lane: "Lane") -> int:
    """Lock a lane on this machine: two commands in one lane would use its share of the quotas twice.

    Returns:
        A descriptor; the lock ends with it, or with the process.

    Raises:
        RunDirectoryError: another migrate-mfa, of any user, works in this lane; or the lock cannot be made.
    """
    path = _lane_lock(lane)
    try:
        _make_common(path.parent)
        lock = take_lock(
            path,
            f"Another migrate-mfa works in this account in {lane.region}: both would share one quota.",
            "Wait until it ends, or stop it; it can be resumed. To list all runs: migrate-mfa runs",
        )
    except OSError as error:
        raise RunDirectoryError(
            f"The lock of this account and Region cannot be taken in {path.parent} ({error.strerror}).",
            "Its owner must correct or remove it.",
        ) from error
    with suppress(PermissionError):  # another process made it
        os.fchmod(lock, 0o644)
    return lock


def name_lane_holder(lane: "Lane", directory: Path) -> None:
    """Note in the lock of our lane which run directory we work on."""
    name_holder(_lane_lock(lane), shown(directory.absolute()))


def last_lane_writer(lane: "Lane") -> Writer | None:
    """The run directory whose command last wrote to users of a lane, and when the command ended."""
    return last_writer(_lane_lock(lane))


def note_lane_writer(lane: "Lane", directory: Path, ended: float | None = None) -> None:
    """Note in the lock of our lane that we write to users, or when we ended."""
    directory_name = shown(directory.absolute())
    name_holder(_lane_lock(lane), directory_name, Writer(directory_name, ended))


def lane_name(lane: "Lane") -> str:
    """A file name for a lane, different for each lane."""
    return f"lane-{sha256(f'{lane.endpoint} {lane.account} {lane.region}'.encode()).hexdigest()[:16]}"


def _lane_lock(lane: "Lane") -> Path:
    return _common() / "migrate-mfa-lanes" / f"{lane_name(lane)}.lock"


def _common() -> Path:
    """The directory that all processes of this machine share; TMPDIR is only a fallback."""
    usable = os.access(_COMMON, os.W_OK | os.X_OK)
    return _COMMON if usable else Path(tempfile.gettempdir())


def _make_common(directory: Path) -> None:
    """A directory in which every user of this machine may make locks, but not remove those of others."""
    try:
        directory.mkdir()
    except FileExistsError:
        return
    directory.chmod(0o1777)


def without_journal(directory: Path) -> RunDirectoryError:
    """The error for a directory without a journal; NoRun if no command has begun there."""
    kind = RunDirectoryError if is_begun(directory) else NoRun
    return kind(
        f"{shown(directory)} is not a run directory: it has no {JOURNAL}.",
        "List the run directories with: migrate-mfa runs",
    )
