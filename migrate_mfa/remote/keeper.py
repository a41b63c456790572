"""A thread that renews a lease. If it cannot, it drains the command and ends it before the lease expires."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from migrate_mfa import stop
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError
from migrate_mfa.remote import lease
from migrate_mfa.remote.objects import BucketUrl, StoreError


class Keeper:
    """A thread that renews a lease while a command works."""

    def __init__(
        self,
        held: lease.Lease,
        drain: Callable[[str], None],
        end: Callable[[str], None],
        progress: Callable[[], Mapping[str, object] | None] = lambda: None,
    ) -> None:
        """`drain` is called once, with the reason; `end` must not return."""
        self._lease = held
        self._progress = progress
        self._drain = drain
        self._end = end
        self._done = threading.Event()
        self._drains = False
        self._trouble = ""
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, before the lease is released."""
        self._done.set()
        self._thread.join()

    def _keep(self) -> None:
        pause = lease.RENEWED_S
        while not self._done.wait(pause):
            self._judge()
            try:
                self._lease.renew(progress=self._progress())
            except (StoreError, MigrateMfaError) as error:
                self._trouble = str(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread must end the process in time
                self._trouble = type(error).__name__
            else:
                self._trouble = ""
            self._judge()
            pause = lease.RETRY_S if self._trouble or self._lease.lost else lease.RENEWED_S

    def _judge(self) -> None:
        trouble = f"({self._trouble or 'this process was paused'})"
        if self._lease.age >= lease.ENDS_S:
            self._end(f"Its lease could not be renewed for {lease.ENDS_S:.0f} s {trouble}.")
        if (self._lease.lost or self._lease.age >= lease.DRAINS_S) and not self._drains:
            self._drains = True
            self._drain(
                "The lease was taken away."
                if self._lease.lost
                else f"The lease could not be renewed for {lease.DRAINS_S:.0f} s {trouble}."
            )


@contextmanager
def kept(
    held: lease.Lease,
    url: BucketUrl,
    say: Callable[[str], None],
    *,
    progress: Callable[[], Mapping[str, object] | None] = lambda: None,
    scratch: Path | None = None,
) -> Iterator[None]:
    """Renew a lease during the context, then release it.

    Args:
        held: the lease.
        url: the operator's name of the leased place.
        say: prints why the command drains or ends.
        progress: the command's progress, for the lease.
        scratch: a directory that is removed before the process is ended.
    """
    keeper = Keeper(
        held,
        lambda reason: _drain(url, reason, say),
        lambda reason: _end_now(f"{url}: {reason}", say, scratch),
        progress,
    )
    keeper.start()
    try:
        yield
    finally:
        keeper.stop()
        held.release()


def _drain(url: BucketUrl, reason: str, say: Callable[[str], None]) -> None:
    """Drain, as at SIGTERM."""
    say(f"{url}: {reason} This command ends what is in flight; run the same command again to resume.")
    stop.drain(f"The lease of {url}")


def _end_now(text: str, say: Callable[[str], None], scratch: Path | None) -> None:
    """End before another command may begin; first remove `scratch`, which contains personal data."""
    say(f"{text} This command ends at once. Nothing is lost; run the same command again to resume.")
    if scratch is not None:
        shutil.rmtree(scratch, ignore_errors=True)
    os._exit(ExitCode.RUN_DIRECTORY)
