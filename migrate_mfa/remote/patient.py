"""Objects of a bucket with retries: calls of unknown effect are repeated."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from migrate_mfa.remote.objects import IsOld, Objects, Put, Stored, StoreError

if TYPE_CHECKING:
    from migrate_mfa.remote.lease import Waiting

T = TypeVar("T")
ATTEMPTS = 6
_FIRST_S, _LONGEST_S = 0.25, 4.0
_TELL_AFTER_S = 2.0
"""Shorter silences are nothing that a person should look at."""


class PatientObjects:
    """`Objects` for the beginning and the end of a command, with several attempts for each call.

    If the answer to a conditional write was lost, the repeated write fails its condition: the caller must
    check whether the object is its own.
    """

    def __init__(self, inner: Objects, waiting: "Waiting", attempts: int = ATTEMPTS) -> None:
        self._inner = inner
        self._waiting = waiting
        self._told = False
        self._attempts = attempts
        self._retrying = Retrying(
            stop=stop_after_attempt(attempts),
            wait=wait_exponential(_FIRST_S, max=_LONGEST_S),
            retry=retry_if_exception_type(StoreError),
            before_sleep=self._tell,
            sleep=waiting.sleep,
            reraise=True,
        )

    def _tell(self, state: RetryCallState) -> None:
        """Say once that the bucket is waited for, as soon as that takes so long that a person would ask."""
        if self._told or state.seconds_since_start is None or state.seconds_since_start < _TELL_AFTER_S:
            return
        self._told = True
        error = state.outcome.exception() if state.outcome else None
        self._waiting.say(
            f"Amazon S3 does not answer ({error}). Trying again, up to {self._attempts} times a call."
        )

    def now(self) -> float:
        """See `Objects.now`."""
        return self._retrying(self._inner.now)

    def get(self, name: str) -> Stored | None:
        """See `Objects.get`."""
        return self._retrying(self._inner.get, name)

    def download(self, name: str, path: Path) -> bool:
        """See `Objects.download`."""
        return self._retrying(self._inner.download, name, path)

    def is_readable(self, name: str) -> bool:
        """See `Objects.is_readable`."""
        return self._retrying(self._inner.is_readable, name)

    def put(
        self, name: str, body: bytes | Path, *, new: bool = False, replaces: str | None = None,
        seconds: float | None = None,
    ) -> Put:  # fmt: skip
        """See `Objects.put`."""
        return self._retrying(
            partial(self._inner.put, name, body, new=new, replaces=replaces, seconds=seconds)
        )

    def names(self, prefix: str = "") -> list[str]:
        """See `Objects.names`."""
        return self._retrying(self._inner.names, prefix)

    def delete(self, name: str, *, tag: str | None = None) -> None:
        """See `Objects.delete`."""
        self._retrying(partial(self._inner.delete, name, tag=tag))

    def delete_many(self, names: Sequence[str]) -> None:
        """See `Objects.delete_many`."""
        self._retrying(self._inner.delete_many, names)

    def delete_versions(self, is_old: IsOld) -> int:
        """See `Objects.delete_versions`."""
        return self._retrying(self._inner.delete_versions, is_old)

    def outer(self) -> str | None:
        """See `Objects.outer`."""
        return self._retrying(self._inner.outer)
