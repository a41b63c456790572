"""Every error that ends a command, with its exit code and what to do next.

    MigrateMfaError
    ├── UsageError 2            ├── PoolNotReady 4         ├── NotAllowed 5
    ├── InputUnusable 3         ├── RunDirectoryError 6    └── TooManyFailures / OutOfReach 8
                                ├── Busy
                                └── NoRun

A problem of one user is never an exception: it is a `Verdict`.
"""

from decimal import Decimal
from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes, which scripts rely on."""

    DONE = 0
    BUG = 1
    USAGE = 2
    INPUT = 3
    POOL_NOT_READY = 4
    NOT_ALLOWED = 5
    RUN_DIRECTORY = 6
    SOME_FAILED = 7
    STOPPED = 8
    NOT_MET = 9
    LIMIT = 10
    SIGINT = 130
    SIGTERM = 143


class MigrateMfaError(Exception):
    """An error that ends the command: what happened, and what to do next."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.told = False
        """Whether it was already reported to the metrics file and the topic of the command."""


class UsageError(MigrateMfaError):
    """The command line is not valid."""

    exit_code = ExitCode.USAGE


class Declined(MigrateMfaError):
    """The operator said no at a prompt."""

    exit_code = ExitCode.SIGINT


class Interrupted(MigrateMfaError):
    """A signal came before any work had begun."""

    exit_code = ExitCode.SIGINT

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__("Interrupted before anything was begun.", "Nothing was written.")
        self.exit_code = exit_code


class InputUnusable(MigrateMfaError):
    """The roster, the job file or the plan cannot be used."""

    exit_code = ExitCode.INPUT


class NotPlanned(InputUnusable):
    """The run directory has no finished plan, so no user was changed."""


class RollbackUnfinished(InputUnusable):
    """A rollback must be finished before this command can work in the run directory."""


class AlreadyRun(InputUnusable):
    """The plan was applied, and a new one would lose what is known of its users."""


class PoolNotReady(MigrateMfaError):
    """The pool does not exist, or a write would have no effect or a harmful one."""

    exit_code = ExitCode.POOL_NOT_READY


class NotAllowed(MigrateMfaError):
    """Credentials or permissions are missing or have expired."""

    exit_code = ExitCode.NOT_ALLOWED


class RunDirectoryError(MigrateMfaError):
    """The run directory or the lane is locked, of another run, full, not writable or from a newer version."""

    exit_code = ExitCode.RUN_DIRECTORY


class Busy(RunDirectoryError):
    """Another command uses the run directory or the lane: the same command may succeed later."""


class NoRun(RunDirectoryError):
    """Nothing has begun in the run directory, so there is nothing to resume."""


class TooManyFailures(MigrateMfaError):
    """Too large a share of the users failed."""

    exit_code = ExitCode.STOPPED


class OutOfReach(MigrateMfaError):
    """AWS cannot be reached, or answers only with errors; the cause is not a user."""

    exit_code = ExitCode.STOPPED


class SmsLimitExceeded(MigrateMfaError):
    """The plan would send more SMS than `--max-sms` allows."""

    exit_code = ExitCode.STOPPED


class CostLimitExceeded(MigrateMfaError):
    """The work may cost more than `--max-cost` allows."""

    exit_code = ExitCode.STOPPED

    def __init__(self, message: str, hint: str, may_cost: Decimal) -> None:
        super().__init__(message, hint)
        self.may_cost = may_cost
        """How much it may cost, in the currency of the operator's prices."""
