from collections.abc import Iterator

import pytest

from migrate_mfa.domain import errors
from migrate_mfa.domain.errors import ExitCode, MigrateMfaError

EXIT_CODES = {
    "DONE": 0,
    "BUG": 1,
    "USAGE": 2,
    "INPUT": 3,
    "POOL_NOT_READY": 4,
    "NOT_ALLOWED": 5,
    "RUN_DIRECTORY": 6,
    "SOME_FAILED": 7,
    "STOPPED": 8,
    "NOT_MET": 9,
    "LIMIT": 10,
    "SIGINT": 130,
    "SIGTERM": 143,
}
ERRORS = {
    "UsageError": 2,
    "Declined": 130,
    "Interrupted": 130,
    "InputUnusable": 3,
    "PoolNotReady": 4,
    "NotAllowed": 5,
    "RunDirectoryError": 6,
    "TooManyFailures": 8,
    "OutOfReach": 8,
    "SmsLimitExceeded": 8,
}


def subclasses(of: type[MigrateMfaError]) -> Iterator[type[MigrateMfaError]]:
    for each in of.__subclasses__():
        yield each
        yield from subclasses(each)


def test_scripts_may_rely_on_these_exit_codes() -> None:
    known = {code.name: code.value for code in ExitCode}

    assert {name: known[name] for name in EXIT_CODES} == EXIT_CODES
    assert len(set(known.values())) == len(known)


@pytest.mark.parametrize(("name", "code"), ERRORS.items())
def test_each_error_ends_the_command_with_its_own_code(name: str, code: int) -> None:
    error: type[MigrateMfaError] = getattr(errors, name)

    assert error.exit_code == code


def test_every_error_has_a_purpose_of_its_own_and_an_exit_code_that_is_no_bug() -> None:
    kinds = list(subclasses(MigrateMfaError))
    purposes = [each.__doc__ for each in kinds]

    assert {each.__name__ for each in kinds} >= set(ERRORS)
    assert all(purposes)
    assert len(set(purposes)) == len(purposes)
    assert all(each.exit_code not in {ExitCode.DONE, ExitCode.BUG} for each in kinds)


def test_an_error_without_a_code_of_its_own_counts_as_a_bug() -> None:
    assert MigrateMfaError("x").exit_code is ExitCode.BUG


def test_an_error_says_what_happened_and_what_to_do() -> None:
    error = errors.PoolNotReady("The pool is off.", "Switch it on.")

    assert str(error) == error.message == "The pool is off."
    assert error.hint == "Switch it on."
