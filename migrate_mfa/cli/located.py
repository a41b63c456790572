"""Where a run directory is: a path on this machine, or a bucket with a working copy on this machine."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrate_mfa.remote.objects import BucketUrl, is_bucket_url

if TYPE_CHECKING:
    from migrate_mfa.cli.caller import Aws
    from migrate_mfa.domain.quotas import Lane
    from migrate_mfa.remote.lease import Waiting
    from migrate_mfa.remote.objects import Objects

_ITSELF = {"unlock", "iam-policy", "fleet"}
"""The commands that read a bucket themselves, without a working copy."""
_WORK = {"plan", "run", "disable", "audit", "canary", "reconcile", "rollback", "purge"}
"""The commands that write to their run directory, so that only one at a time may use it."""


@contextmanager
def located(command: str, values: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The values of a command's options, with a working copy instead of a run directory in a bucket.

    A roster in a bucket is downloaded too; it keeps its name.

    Args:
        command: its name.
        values: its options by name.

    Raises:
        RunDirectoryError: another command works there, or it is not complete.
        InputUnusable: there is no such roster.
        OutOfReach: the bucket does not answer.
    """
    with _roster_here(values):
        url = values.get("run_dir")
        if command in _ITSELF or not isinstance(url, BucketUrl):
            yield values
            return
        from migrate_mfa.remote import working_copy as copies

        run = copies.RemoteRun(url, opened(url, values))
        if command not in _WORK:
            with copies.for_reading(run, waiting(), writes_report=command == "report") as path:
                yield {**values, "run_dir": path}
            return
        with copies.for_work(run, command, waiting()) as path:
            yield {**values, "run_dir": path}
            if command == "purge":
                _tell_of_others(url, copies.purge_versions(run, waiting()))


def _tell_of_others(url: BucketUrl, names: Sequence[str]) -> None:
    if names:
        waiting().say(
            f"Other objects below {url} were not removed: {', '.join(names)}. Remove those with personal "
            "data yourself."
        )


@contextmanager
def _roster_here(values: Mapping[str, Any]) -> Iterator[None]:
    source = values.get("roster")
    if source is None or not is_bucket_url(source):
        yield
        return
    from migrate_mfa.roster.text import fetched

    with file_here(source, "roster", values) as path:
        token = fetched.set({source: path})
        try:
            yield
        finally:
            fetched.reset(token)


@contextmanager
def file_here(source: str, what: str, values: Mapping[str, Any]) -> Iterator[Path]:
    """A file on this machine, or a downloaded copy of one in a bucket.

    Args:
        source: a path or `s3://BUCKET/KEY`.
        what: the kind of file, such as "roster".
        values: options by name, for the access to AWS.

    Raises:
        InputUnusable: there is no such object.
        OutOfReach: the bucket does not answer.
    """
    if not is_bucket_url(source):
        yield Path(source)
        return
    from migrate_mfa.remote.working_copy import fetched

    url = BucketUrl.parse(source)
    with fetched(opened(url.parent, values, holds_run=False), url, what, waiting()) as path:
        yield path


def require_readable(source: str, what: str, values: Mapping[str, Any], attempts: int) -> None:
    """Refuse a file in a bucket that `file_here` could not download; raises as `file_here`."""
    from migrate_mfa.remote.working_copy import require_readable

    url = BucketUrl.parse(source)
    require_readable(opened(url.parent, values, holds_run=False), url, what, waiting(), attempts)


def opened(url: BucketUrl, values: Mapping[str, Any], *, holds_run: bool = True) -> "Objects":
    """A place in a bucket, with the command's AWS options but without its role: that is only for the pool.

    Args:
        url: the place.
        values: options by name.
        holds_run: whether it is a run directory, not the folder of a file.

    Raises:
        UsageError: the AWS configuration cannot be used.
        NotAllowed: it gives no usable credentials.
    """
    from migrate_mfa.remote.aws_objects import open_bucket

    names = ("profile", "region", "endpoint_url", "kms_key")
    return open_bucket(url, **{name: values.get(name) for name in names}, holds_run=holds_run)


def lane_in_bucket(
    url: BucketUrl, lane: "Lane", aws: "Aws", say: Callable[[str], None]
) -> AbstractContextManager[None]:
    """Own a lane among all machines with its lock below `url`; raises like `remote.lane.leased_lane`."""
    from migrate_mfa.remote.lane import leased_lane, place_of

    place = place_of(url, lane)
    return leased_lane(place, opened(place, vars(aws)), lane, waiting(say))


def waiting(say: Callable[[str], None] | None = None) -> "Waiting":
    """Real time; messages go to standard error unless `say` is given."""
    from migrate_mfa.cli.prompt import tell
    from migrate_mfa.clock import SystemClock, since_boot
    from migrate_mfa.remote.lease import Waiting

    return Waiting(elapsed=since_boot, sleep=SystemClock().sleep, say=say or tell)
