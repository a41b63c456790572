"""The log of a command: into the run directory once there is one, never onto standard output."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate_mfa.journal.log import configure
from migrate_mfa.ports import Progress
from migrate_mfa.settings import Settings


@contextmanager
def logged(settings: Settings, directory: Path, pool_id: str, progress: Progress) -> Iterator[None]:
    """Log into `log.jsonl`; what could not be written is said once, and harms nothing."""
    log = configure(
        directory / "log.jsonl", level=settings.output.log_level, context={"pool": pool_id}, echo=progress.say
    )
    try:
        with log:
            yield
    finally:
        if log.loss:
            progress.say(log.loss)
