"""Whose fault a refusal is: one user's, or that of a pool that takes no writes from anybody just now."""

import threading
from collections.abc import Callable

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import UNANSWERED, ApiError

SEVERAL = 3
"""So many users in a row, refused with one code, are reason to ask."""


class Refusals:
    """The users whose writes were refused with one and the same code, without a success in between.

    Cognito documents no code for a pool that takes no writes, so any code will do.
    """

    def __init__(self, ask: Callable[[], MigrateMfaError | None] = lambda: None) -> None:
        """`ask` looks whether the pool takes no writes: the run's problem, or None where nobody can tell."""
        self._ask = ask
        self._lock = threading.Lock()
        self._code = ""
        self._rows: set[int] = set()
        self._asked = False
        self._problem: MigrateMfaError | None = None

    @property
    def rows(self) -> frozenset[int]:
        """The rows of the users refused since the last success."""
        return frozenset(self._rows)

    def refused(self, row: int, error: ApiError) -> None:
        """A write to this row's user was answered with an error.

        Raises:
            MigrateMfaError: it is the pool's fault.
        """
        if error.code in UNANSWERED:
            return
        with self._lock:
            if error.code != self._code:
                self._code, self._rows, self._asked = error.code, set(), False
            self._rows.add(row)
            if len(self._rows) >= SEVERAL and not self._asked:
                self._asked, self._problem = True, self._ask()
            if self._problem is not None:
                raise self._problem

    def accepted(self) -> None:
        """A write was carried out: the pool takes them."""
        if self._rows:
            with self._lock:
                self._code, self._rows = "", set()

    def pool_wide(self) -> MigrateMfaError | None:
        """What is wrong with the pool, asked once more at the end of a run."""
        return self._problem or self._ask()
