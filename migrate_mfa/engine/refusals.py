"""The cause of a refusal: one user, or a pool that refuses all writes at present."""

import threading
from collections.abc import Callable

from migrate_mfa.domain.errors import MigrateMfaError, PoolNotReady
from migrate_mfa.domain.failure import OF_ONE_USER, UNANSWERED, ApiError
from migrate_mfa.domain.point_in_time_recovery import NobodyCanTellError
from migrate_mfa.engine.limits import LEAST_FAILURES

SEVERAL = 3
"""After this many users in a row, refused with one code, the pool's recoveries are read."""


class Refusals:
    """The users whose writes were refused with the same code, without a success in between.

    Cognito documents no code for a pool that refuses all writes, so every code counts.
    """

    def __init__(self, ask: Callable[[], MigrateMfaError | None] = lambda: None) -> None:
        """`ask` returns the error that ends the run if the pool refuses writes, else None.

        It raises `NobodyCanTellError` if that cannot be read. Then the refusals decide.
        """
        self._ask = ask
        self._lock = threading.Lock()
        self._code = ""
        self._rows: set[int] = set()
        self._asked = self._unknown = False
        self._problem: MigrateMfaError | None = None

    @property
    def rows(self) -> frozenset[int]:
        """The rows of the users refused since the last success."""
        return frozenset(self._rows)

    def refused(self, row: int, error: ApiError) -> None:
        """Record that a write to this row's user was answered with an error.

        Raises:
            MigrateMfaError: the pool is the cause.
        """
        if error.code in UNANSWERED:
            return
        with self._lock:
            if error.code != self._code:
                self._code, self._rows, self._asked = error.code, set(), False
            self._rows.add(row)
            if len(self._rows) >= SEVERAL and not self._asked:
                self._asked, self._problem = True, self._answer()
            if len(self._rows) >= LEAST_FAILURES:
                self._problem = self._problem or self._suspected(len(self._rows))
            if self._problem is not None:
                raise self._problem

    def accepted(self) -> None:
        """Record a successful write: the pool accepts writes."""
        if self._rows:
            with self._lock:
                self._code, self._rows = "", set()

    def pool_wide(self, last: BaseException | None = None) -> MigrateMfaError | None:
        """What is wrong with the pool, read once more at the end of a run.

        `last` is the failure that ended the run, if it was not recorded here.
        """
        more = isinstance(last, ApiError) and last.code == self._code
        return self._problem or self._answer() or self._suspected(len(self._rows) + more)

    def unsettled(self) -> MigrateMfaError | None:
        """What is wrong with the pool, if the last writes of a finished run were refused."""
        return self._answer() if self._rows else None

    def _answer(self) -> MigrateMfaError | None:
        try:
            self._unknown, problem = False, self._ask()
        except NobodyCanTellError:
            self._unknown, problem = True, None
        return problem

    def _suspected(self, users: int) -> MigrateMfaError | None:
        """The error if the pool seems to be the cause: several users had one code, and nobody can tell."""
        if not self._unknown or self._code in OF_ONE_USER or users < SEVERAL:
            return None
        return PoolNotReady(
            f"Cognito refused {users} users in a row with {self._code}. It seems to refuse every change of a "
            "user, as during a point-in-time recovery, so no user is marked as failed. Your credentials, or "
            "this AWS SDK, cannot check whether there is one (ListPointInTimeRecoveries).",
            "Check the pool in the console, then run the same command again. If these users are the cause, "
            "allow cognito-idp:ListPointInTimeRecoveries and use boto3 1.44.8 or newer: they are then marked "
            "as failed.",
        )
