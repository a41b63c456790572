"""Whose fault a refusal is: one user's, or that of a pool that takes no writes from anybody just now."""

import threading
from collections.abc import Callable

from migrate_mfa.domain.errors import MigrateMfaError, PoolNotReady
from migrate_mfa.domain.failure import OF_ONE_USER, UNANSWERED, ApiError
from migrate_mfa.domain.point_in_time_recovery import NobodyCanTellError
from migrate_mfa.engine.limits import LEAST_FAILURES

SEVERAL = 3
"""So many users in a row, refused with one code, are reason to ask."""


class Refusals:
    """The users whose writes were refused with one and the same code, without a success in between.

    Cognito documents no code for a pool that takes no writes, so any code will do.
    """

    def __init__(self, ask: Callable[[], MigrateMfaError | None] = lambda: None) -> None:
        """`ask` looks whether the pool takes no writes: the run's problem, or None where it takes them.

        It raises `NobodyCanTellError` where that cannot be asked. Then the refusals have to do.
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
                self._asked, self._problem = True, self._answer()
            if len(self._rows) >= LEAST_FAILURES:
                self._problem = self._problem or self._suspected(len(self._rows))
            if self._problem is not None:
                raise self._problem

    def accepted(self) -> None:
        """A write was carried out: the pool takes them."""
        if self._rows:
            with self._lock:
                self._code, self._rows = "", set()

    def pool_wide(self, last: BaseException | None = None) -> MigrateMfaError | None:
        """What is wrong with the pool, asked once more at the end of a run.

        `last` is the failure that ended the run before it came here, if one did.
        """
        more = isinstance(last, ApiError) and last.code == self._code
        return self._problem or self._answer() or self._suspected(len(self._rows) + more)

    def unsettled(self) -> MigrateMfaError | None:
        """What is wrong with the pool where a run has come to its end, and its last writes were refused."""
        return self._answer() if self._rows else None

    def _answer(self) -> MigrateMfaError | None:
        try:
            self._unknown, problem = False, self._ask()
        except NobodyCanTellError:
            self._unknown, problem = True, None
        return problem

    def _suspected(self, users: int) -> MigrateMfaError | None:
        """The pool's fault by the look of it: one code for one user after another, and nobody can tell."""
        if not self._unknown or self._code in OF_ONE_USER or users < SEVERAL:
            return None
        return PoolNotReady(
            f"Cognito refused {users} users in a row with {self._code}. It seems to refuse every change of a "
            "user, as during a point-in-time recovery, so no user is marked as failed. Your credentials, or "
            "this AWS SDK, cannot ask whether there is one (ListPointInTimeRecoveries).",
            "Check the pool in the console, then run the same command again. If these users are the cause, "
            "allow cognito-idp:ListPointInTimeRecoveries and use boto3 1.44.8 or newer: they are then marked "
            "as failed.",
        )
