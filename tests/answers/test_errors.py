"""Every error code of every operation on a user's way, before and after it was carried out.

The codes are those of botocore's service model, and those that `domain.failure` knows. Whatever comes, nobody
is harmed, the journal says `unknown` where something may have been stored, nothing is stored twice, the same
command does the rest, and a rollback gives everybody back. `ANSWERS_ERRORS=all` tries each lasting code, and
both ways on from each case; without it the cases take turns, and reads have their own codes and one of each
kind.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from migrate_mfa.domain import failure
from migrate_mfa.domain.failure import Effect, effect_of
from tests.answers.operations import called
from tests.answers.row_way import CONFIG, LIST, OF_A_ROW, POOL, POOL_MFA, PREFER, READ, UPDATE, End, Ways
from tests.commands.support import SENDS_CODES, phone_of
from tests.support.builders import ATTESTED, BY_CODE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrate_mfa.domain.model import VerificationPolicy

COMMON: Final = sorted(
    {
        *failure.THROTTLES,
        *failure._RUN_PROBLEMS.keys() - {"NoCredentials"},
        *failure._USER_REASONS,
        "ConcurrentModificationException",
    }
    | {"InternalFailure", "ServiceUnavailable", "BrandNewException", "ValidationException"}
)
STATUS: Final = {"InternalErrorException": 500, "InternalFailure": 500, "ServiceUnavailable": 503}
BROKEN: Final = ("reset", "garbage")
"""No answer, and no answer of Cognito's."""

ALL: Final = os.environ.get("ANSWERS_ERRORS") == "all"
LASTING: Final = frozenset(
    {"AccessDeniedException", "BrandNewException", "InternalErrorException", "InvalidParameterException"}
    | {"InvalidSmsRoleAccessPolicyException", "TooManyRequestsException", "UserLambdaValidationException"}
    | {"UserNotFoundException", *BROKEN}
)
"""One of each kind, for what takes many calls."""

NEXT_TIME_5: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature"}
    | {"InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken"}
    | {"MissingAuthenticationTokenException", "OptInRequired", "OptInRequiredException", "RequestExpired"}
    | {"SignatureDoesNotMatch", "SubscriptionRequiredException", "UnrecognizedClientException"}
)
NEXT_TIME_4: Final = frozenset(
    {"InvalidEmailRoleAccessPolicyException", "InvalidSmsRoleAccessPolicyException"}
    | {"InvalidSmsRoleTrustRelationshipException", "OperationNotEnabledException"}
    | {"ResourceNotFoundException"}
)
NEXT_TIME_8: Final = frozenset({"InvalidAction", "UnknownOperationException"})
REASONS: Final = {
    "AliasExistsException": "phone_taken",
    "UserNotFoundException": "user_not_found",
    "UserNotConfirmedException": "awaiting_confirmation",
    "PasswordResetRequiredException": "awaiting_password_reset",
    "LimitExceededException": "gave_up",
}
"""The others of `failure._USER_REASONS` are `rejected`."""
AT_THE_DOOR: Final = (
    NEXT_TIME_5 | NEXT_TIME_8 | {"ResourceNotFoundException", "OperationNotEnabledException"}
    | (REASONS.keys() - {"LimitExceededException"}) | failure.THROTTLES
    | {"NotAuthorizedException", "UnauthorizedException", "ConcurrentModificationException"}
    | {"CodeMismatchException", "ExpiredCodeException", "MFAMethodNotFoundException"}
    | {"UnsupportedOperationException", "UnsupportedTokenTypeException"}
)  # fmt: skip
"""Said before anything is done, so never afterwards."""
CHECKED_FIRST: Final = frozenset({(PREFER, "InvalidParameterException")})
"""With a number it is the message that may fail, later; without one it is only the request that is wrong."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which an operation goes wrong; `attempts` empty for each time."""

    operation: str
    code: str
    when: str
    attempts: tuple[int, ...]

    @property
    def faults(self) -> dict[str, object]:
        rule: dict[str, object] = {"ops": [self.operation], "when": self.when}
        if self.code in BROKEN:
            rule["kind"] = self.code
        else:
            status = STATUS.get(self.code, 400)
            rule |= {"kind": "error", "code": self.code, "status": status, "message": "Injected."}
        return {"rules": [rule | ({"attempts": list(self.attempts)} if self.attempts else {})]}

    @property
    def lasts(self) -> bool:
        return not self.attempts

    def __str__(self) -> str:
        how_often = "always" if self.lasts else f"at attempt {self.attempts[0]}"
        return f"{self.operation} {self.code} {self.when} {how_often}"


def cases_of(operation: str) -> Iterator[Case]:
    write = operation in {UPDATE, PREFER}
    moments: tuple[tuple[int, ...], ...] = ((1,), (2,), ()) if operation == READ else ((1,), ())
    common = COMMON if write or ALL else sorted(LASTING)
    for code in sorted({*common, *called()[operation].errors, *BROKEN}):
        late = write and code not in AT_THE_DOOR and (operation, code) not in CHECKED_FIRST
        for when in ("before", "after") if late else ("before",):
            for attempts in moments:
                if attempts or ALL or _lasts(operation, code):
                    yield Case(operation, code, when, attempts)


def _lasts(operation: str, code: str) -> bool:
    """Whether a code is also given each time; a throttle for ten minutes takes a thousand calls."""
    return code in LASTING and (code not in failure.THROTTLES or operation == UPDATE)


def allowed(case: Case, good: str) -> set[str]:
    """How a row may end, or the run, as README.md and the table of reasons have it."""
    for exit_code, codes in ((4, NEXT_TIME_4), (5, NEXT_TIME_5), (8, NEXT_TIME_8)):
        if case.code in codes:
            return {f"exit {exit_code}"}
    if effect_of(case.code, STATUS.get(case.code, 400)) is Effect.REFUSED:
        if case.operation in {POOL, POOL_MFA} or (case.operation, case.code) == (
            LIST,
            "NotAuthorizedException",
        ):
            return {"exit 8"}
        stored = case.when == "after" and case.operation in {UPDATE, PREFER}
        return {good} if stored else {REASONS.get(case.code, "rejected")}
    if case.operation == UPDATE and case.when == "before" and good == "awaiting_code" and not _certain(case):
        return {"gave_up"}  # nobody risks a second SMS
    return {"gave_up", "exit 8"} if case.lasts and case.when == "before" else {good}


def _certain(case: Case) -> bool:
    """Whether it is certain that nothing was done, so that the call is made again."""
    return effect_of(case.code) in {Effect.THROTTLED, Effect.NOT_EXECUTED}


@pytest.mark.parametrize(
    ("operation", "policy"),
    [*((each, ATTESTED) for each in OF_A_ROW), (READ, BY_CODE), (UPDATE, BY_CODE)],
    ids=lambda value: getattr(value, "value", value),
)
def test_whatever_an_operation_answers_nobody_is_harmed_and_everybody_can_be_given_back(
    tmp_path: Path, operation: str, policy: VerificationPolicy
) -> None:
    cases = list(cases_of(operation))
    config = CONFIG.get(operation, {}) | (SENDS_CODES if policy is BY_CODE else {})
    wrong: list[str] = []
    for back in (False, True):
        mine = [case for at, case in enumerate(cases) if ALL or (at % 2 == back)]
        ways = Ways(tmp_path / f"{back}", len(mine), policy, config)
        try:
            table = _Table(ways, mine, "enrolled" if policy is ATTESTED else "awaiting_code", wrong)
            table.go()
            table.go_back() if back else table.go_again()
        finally:
            ways.close()
    assert not wrong, "\n".join(wrong)


class _Table:
    """One pool with a user for each case. `wrong` takes a line for each thing that did not hold."""

    def __init__(self, ways: Ways, cases: list[Case], good: str, wrong: list[str]) -> None:
        self._ways = ways
        self._cases = dict(enumerate(cases, 1))
        self._good = good
        self._wrong = wrong
        self._ends: dict[int, End] = {}

    def go(self) -> None:
        for row, case in self._cases.items():
            self._ways.wire.service.load_faults(case.faults)
            self._ends[row] = end = self._ways.go(row)
            self._ways.wire.service.load_faults({})
            self._hold(row, f"{end}", end.told in allowed(case, self._good))
            self._check(row, "")

    def go_again(self) -> None:
        """The same command does what was left, and nothing twice; who is pending waits for reconcile."""
        second = self._ways.again()
        for row in self._cases:
            first = self._ends[row].told
            told = second[row].told if row in second else first
            waits = told == first and first in _PENDING
            self._hold(row, f"{first}, then {told}", told == self._good or waits)
            self._check(row, ", then nothing")

    def go_back(self) -> None:
        back, now = self._ways.roll_back(), self._ways.wire.users()
        for row in self._cases:
            name = self._ways.names[row - 1]
            self._hold(row, f"rolled back: {back.get(row)}", row not in back or back[row].told == "restored")
            self._hold(row, f"rolled back: {now[name]}", now[name] == self._ways.before[name])

    def _check(self, row: int, when: str) -> None:
        name, results = self._ways.names[row - 1], self._ways.results(row)
        executed, user = self._ways.executed(name), self._ways.wire.users()[name]
        number = user["Attributes"].get("phone_number", phone_of(row))
        proved = user["Attributes"].get("phone_number_verified") == "true"
        owned_up, sent = sum(result != "refused" for result in results), self._ways.wire.sms(name)
        self._hold(row, f"carried out{when}: {dict(executed)}", max(executed.values(), default=0) <= 1)
        self._hold(row, f"{sent} SMS{when}", sent <= 1)
        self._hold(row, f"carried out: {executed}, journaled: {results}", owned_up >= executed.total())
        self._hold(row, f"another number{when}", number == phone_of(row))
        self._hold(row, f"verified without a proof{when}", self._good == "enrolled" or not proved)
        mfa = bool(user["UserMFASettingList"])
        self._hold(row, f"MFA without a proof{when}", self._good == "enrolled" or not mfa)

    def _hold(self, row: int, what: str, holds: bool) -> None:
        if not holds:
            self._wrong.append(f"{self._cases[row]}: {what}")


_PENDING: Final = frozenset({"awaiting_confirmation", "awaiting_password_reset"})
