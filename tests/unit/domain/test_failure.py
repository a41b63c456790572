import pytest

from migrate_mfa.domain.errors import ExitCode, NotAllowed, OutOfReach, PoolNotReady
from migrate_mfa.domain.failure import ApiError, Effect, effect_of, run_problem, user_reason
from migrate_mfa.domain.reasons import Outcome, Reason

THROTTLED, NOT_EXECUTED, UNKNOWN = Effect.THROTTLED, Effect.NOT_EXECUTED, Effect.UNKNOWN
REFUSED, FATAL = Effect.REFUSED, Effect.FATAL

CODES = [
    ("TooManyRequestsException", 400, THROTTLED),
    ("ThrottlingException", 400, THROTTLED),
    ("InternalErrorException", 500, UNKNOWN),
    ("InternalFailure", 500, UNKNOWN),
    ("ServiceUnavailable", 503, UNKNOWN),
    ("RequestTimeoutException", 408, UNKNOWN),
    ("AnythingElse", 500, UNKNOWN),
    ("AnythingElse", 502, UNKNOWN),
    ("ConnectionLost", 0, UNKNOWN),
    ("GarbledAnswer", 200, UNKNOWN),
    ("ConnectFailed", 0, NOT_EXECUTED),
    ("ConcurrentModificationException", 400, NOT_EXECUTED),
    ("UserNotFoundException", 400, REFUSED),
    ("InvalidParameterException", 400, REFUSED),
    ("AliasExistsException", 400, REFUSED),
    ("UserNotConfirmedException", 400, REFUSED),
    ("PasswordResetRequiredException", 400, REFUSED),
    ("NotAuthorizedException", 400, REFUSED),
    ("UserLambdaValidationException", 400, REFUSED),
    ("UnexpectedLambdaException", 400, REFUSED),
    ("InvalidLambdaResponseException", 400, REFUSED),
    ("LimitExceededException", 400, REFUSED),
    ("CodeMismatchException", 400, REFUSED),
    ("ExpiredCodeException", 400, REFUSED),
    ("MFAMethodNotFoundException", 400, REFUSED),
    ("UnauthorizedException", 400, REFUSED),
    ("UnsupportedOperationException", 400, REFUSED),
    ("UnsupportedTokenTypeException", 400, REFUSED),
    ("CodeDeliveryFailureException", 400, UNKNOWN),
    ("UserNotFoundException", 500, UNKNOWN),
    ("NeverHeardOfException", 400, UNKNOWN),
    ("NeverHeardOfException", 403, UNKNOWN),
    ("InvalidSmsRoleAccessPolicyException", 400, FATAL),
    ("InvalidSmsRoleTrustRelationshipException", 400, FATAL),
    ("InvalidEmailRoleAccessPolicyException", 400, FATAL),
    ("ResourceNotFoundException", 400, FATAL),
    ("OperationNotEnabledException", 400, FATAL),
    ("AccessDeniedException", 403, FATAL),
    ("UnrecognizedClientException", 403, FATAL),
    ("ExpiredTokenException", 403, FATAL),
]


@pytest.mark.parametrize(("code", "status", "effect"), CODES)
def test_each_code_says_what_became_of_the_call(code: str, status: int, effect: Effect) -> None:
    assert effect_of(code, status) is effect
    assert ApiError(operation="AdminGetUser", code=code, status=status).effect is effect


@pytest.mark.parametrize("code", [code for code, _, effect in CODES if effect is THROTTLED])
def test_a_throttle_is_a_throttle_whatever_the_status(code: str) -> None:
    assert {effect_of(code, status) for status in (0, 400, 429, 503)} == {THROTTLED}


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UserNotFoundException", Reason.USER_NOT_FOUND),
        ("InvalidParameterException", Reason.REJECTED),
        ("AliasExistsException", Reason.PHONE_TAKEN),
        ("UserNotConfirmedException", Reason.AWAITING_CONFIRMATION),
        ("PasswordResetRequiredException", Reason.AWAITING_PASSWORD_RESET),
        ("NotAuthorizedException", Reason.REJECTED),
        ("UserLambdaValidationException", Reason.REJECTED),
        ("UnexpectedLambdaException", Reason.REJECTED),
        ("InvalidLambdaResponseException", Reason.REJECTED),
        ("LimitExceededException", Reason.GAVE_UP),
    ],
)
def test_a_refusal_becomes_the_reason_of_the_row(code: str, reason: Reason) -> None:
    assert user_reason(code) is reason
    assert user_reason(code).outcome in {Outcome.FAILED, Outcome.PENDING}


@pytest.mark.parametrize(
    ("code", "error", "exit_code"),
    [
        ("AccessDeniedException", NotAllowed, ExitCode.NOT_ALLOWED),
        ("ExpiredTokenException", NotAllowed, ExitCode.NOT_ALLOWED),
        ("UnrecognizedClientException", NotAllowed, ExitCode.NOT_ALLOWED),
        ("InvalidSignatureException", NotAllowed, ExitCode.NOT_ALLOWED),
        ("NoCredentials", NotAllowed, ExitCode.NOT_ALLOWED),
        ("InvalidSmsRoleAccessPolicyException", PoolNotReady, ExitCode.POOL_NOT_READY),
        ("InvalidSmsRoleTrustRelationshipException", PoolNotReady, ExitCode.POOL_NOT_READY),
        ("InvalidEmailRoleAccessPolicyException", PoolNotReady, ExitCode.POOL_NOT_READY),
        ("ResourceNotFoundException", PoolNotReady, ExitCode.POOL_NOT_READY),
        ("OperationNotEnabledException", PoolNotReady, ExitCode.POOL_NOT_READY),
        ("UnknownOperationException", OutOfReach, ExitCode.STOPPED),
        ("InvalidAction", OutOfReach, ExitCode.STOPPED),
    ],
)
def test_what_concerns_every_user_ends_the_run_and_says_what_to_do(
    code: str, error: type[Exception], exit_code: ExitCode
) -> None:
    problem = run_problem(ApiError(operation="AdminGetUser", code=code, message="secret text"))

    assert type(problem) is error
    assert problem.exit_code is exit_code
    assert problem.message.startswith("AdminGetUser: ")
    assert code in problem.message
    assert "secret text" not in problem.message
    assert problem.hint


def test_an_api_error_prints_no_text_of_the_service() -> None:
    error = ApiError(operation="AdminGetUser", code="Odd", message="ann@example.com is not welcome")

    assert str(error) == "AdminGetUser: Odd"
    assert "ann" not in repr(error)
