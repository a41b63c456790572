"""What a failed call means: for this attempt, for the user, or for the whole run.

Codes are matched as strings, because Cognito also answers with codes that the SDK's model does not list:
AdminSetUserMFAPreference is throttled without declaring TooManyRequestsException (API reference).
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, OutOfReach, PoolNotReady
from migrate_mfa.domain.reasons import Reason


class Effect(StrEnum):
    """What is known about the effect of a failed call."""

    THROTTLED = "throttled"
    """Throttled; not executed."""
    NOT_EXECUTED = "not_executed"
    """Never reached the service, or was refused before it had any effect; safe to repeat."""
    UNKNOWN = "unknown"
    """May have been executed; only a read can tell."""
    REFUSED = "refused"
    """Refused for this user."""
    FATAL = "fatal"
    """Concerns every user; ends the run."""


class ApiError(Exception):
    """One failed attempt at one AWS operation.

    `code` is the AWS error code, or one of ours for failures without an answer: `ConnectFailed` (nothing was
    sent), `ConnectionLost` (sent, no answer), `GarbledAnswer`. `message` is AWS's text, which can contain
    personal data: it is never logged or printed unmasked. `problem` is set if the configuration or the
    credentials are the cause: the error that ends the run, which says more than the code. `pool_id` is the
    pool that the call was about, if any.
    """

    def __init__(
        self,
        *,
        operation: str,
        code: str,
        message: str = "",
        status: int = 0,
        problem: MigrateMfaError | None = None,
        pool_id: str = "",
    ) -> None:
        super().__init__(f"{operation}: {code}")
        self.operation = operation
        self.code = code
        self.message = message
        self.status = status
        self.problem = problem
        self.pool_id = pool_id

    @property
    def may_have_stored(self) -> bool:
        """Whether the call may have taken effect although the service refused it: only a read can tell.

        A Lambda trigger, a limit on messages or the sending of a message can fail after the attributes were
        stored.
        """
        return self.effect is Effect.UNKNOWN or (self.operation, self.code) in _AFTER_STORE

    @property
    def effect(self) -> Effect:
        """What is known about the effect of the call."""
        return Effect.FATAL if self.problem is not None else effect_of(self.code, self.status)

    @property
    def may_be_no_users_fault(self) -> bool:
        """Whether the cause may be other than this user; NotAuthorizedException alone does not tell."""
        return self.effect is not Effect.REFUSED or self.code == "NotAuthorizedException"

    @property
    def unconnected(self) -> bool:
        """Whether nothing was sent because there was no connection."""
        return self.code in UNCONNECTED

    @property
    def why_unconnected(self) -> str:
        """A sentence to append to a message: what did not answer; empty if there was a connection."""
        said = self.message if self.unconnected else ""
        return f" {said[0].upper()}{said[1:]}." if said else ""


CONNECT_FAILED, PROXY_FAILED, TLS_FAILED = "ConnectFailed", "ProxyFailed", "TlsFailed"
UNCONNECTED = frozenset({CONNECT_FAILED, PROXY_FAILED, TLS_FAILED})
NOT_OFFERED = frozenset({"InvalidAction", "UnknownOperationException"})
"""An emulator or a proxy does not know the operation; the codes of the two protocols."""
UNANSWERED = frozenset({CONNECT_FAILED, "ConnectionLost", "GarbledAnswer"})
"""Our codes for failures without an answer from Cognito."""
UNKNOWN_TO_SDK = "UnknownToThisSdk"
"""Our code for an operation that is newer than this AWS SDK."""
THROTTLES = frozenset(
    {
        "TooManyRequestsException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
    }
)
_STORES = ("AdminUpdateUserAttributes", "AdminSetUserMFAPreference")
_AFTER_STORE = frozenset(
    {
        *product(
            _STORES,
            (
                "UserLambdaValidationException",
                "UnexpectedLambdaException",
                "InvalidLambdaResponseException",
                "LimitExceededException",
            ),
        ),
        # "Unable to send the message" has this code too.
        ("AdminUpdateUserAttributes", "InvalidParameterException"),
    }
)
_NOT_EXECUTED = frozenset({*UNCONNECTED, "ConcurrentModificationException"})


@dataclass(frozen=True, slots=True)
class RunProblem:
    """A failure that concerns every user: the error to raise and its hint."""

    error: type[MigrateMfaError]
    what: str
    hint: str


POLICY = "migrate-mfa iam-policy"
COMMAND_MARK = "COMMAND"
"""A placeholder in hints after `iam-policy`: `named_in` replaces it by the command that was given."""
_CREDENTIALS = RunProblem(
    NotAllowed,
    "the credentials have expired or are not accepted",
    "Sign in again, then run the same command again to resume.",
)
_PERMISSION = RunProblem(
    NotAllowed,
    "your credentials do not allow this",
    "Attach the policy that this prints, then run the same command again to resume:\n"
    f"  {POLICY} {COMMAND_MARK}",
)
_NOT_ENABLED = RunProblem(
    NotAllowed,
    "the service or the Region is not enabled in this account",
    "Enable it in the account's settings, or correct --region and --user-pool-id.",
)
_UNKNOWN_KEY = RunProblem(
    NotAllowed,
    "the credentials have expired or are not accepted",
    "Sign in again, then run the same command again to resume. AWS gives the same answer for a Region that "
    "is not enabled in this account.",
)
_SMS_ROLE = RunProblem(
    PoolNotReady,
    "the pool's SMS role does not work",
    "Check the role in SmsConfiguration: its trust policy, its ExternalId and sns:Publish.",
)
_POOL = RunProblem(
    PoolNotReady,
    "the user pool does not exist, or cannot be changed in this Region",
    "Check --user-pool-id, --region and the account of the credentials.",
)
_RUN_PROBLEMS = {
    "AccessDeniedException": _PERMISSION,
    "AccessDenied": _PERMISSION,
    "ExpiredTokenException": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "RequestExpired": _CREDENTIALS,
    "UnrecognizedClientException": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "OptInRequired": _NOT_ENABLED,
    "OptInRequiredException": _NOT_ENABLED,
    "SubscriptionRequiredException": _NOT_ENABLED,
    "IncompleteSignature": _CREDENTIALS,
    "MissingAuthenticationToken": _CREDENTIALS,
    "MissingAuthenticationTokenException": _CREDENTIALS,
    "NoCredentials": _CREDENTIALS,
    "InvalidSignatureException": RunProblem(
        NotAllowed,
        "AWS does not accept the signature",
        "Check the clock of this machine, then the secret key.",
    ),
    "SignatureDoesNotMatch": _CREDENTIALS,
    "InvalidSmsRoleAccessPolicyException": _SMS_ROLE,
    "InvalidSmsRoleTrustRelationshipException": _SMS_ROLE,
    "InvalidEmailRoleAccessPolicyException": RunProblem(
        PoolNotReady, "the pool's e-mail role does not work", "Look at the pool's EmailConfiguration."
    ),
    "ResourceNotFoundException": _POOL,
    "OperationNotEnabledException": _POOL,
    **dict.fromkeys(
        NOT_OFFERED,
        RunProblem(OutOfReach, "the endpoint does not know this operation", "Check --endpoint-url."),
    ),
}
_USER_REASONS = {
    "InvalidParameterException": Reason.REJECTED,
    # Not always a missing permission: it can concern one user. Several in a row end the run.
    "NotAuthorizedException": Reason.REJECTED,
    "CodeMismatchException": Reason.REJECTED,
    "ExpiredCodeException": Reason.REJECTED,
    "MFAMethodNotFoundException": Reason.REJECTED,
    "UnauthorizedException": Reason.REJECTED,
    "UnsupportedOperationException": Reason.REJECTED,
    "UnsupportedTokenTypeException": Reason.REJECTED,
    "UserLambdaValidationException": Reason.REJECTED,
    "UnexpectedLambdaException": Reason.REJECTED,
    "InvalidLambdaResponseException": Reason.REJECTED,
    "UserNotFoundException": Reason.USER_NOT_FOUND,
    "AliasExistsException": Reason.PHONE_TAKEN,
    "UserNotConfirmedException": Reason.AWAITING_CONFIRMATION,
    "PasswordResetRequiredException": Reason.AWAITING_PASSWORD_RESET,
    # A limit of one user, not a rate: waiting for seconds does not help ("Quotas in Amazon Cognito").
    "LimitExceededException": Reason.GAVE_UP,
}
OF_ONE_USER = frozenset(
    {
        "UserNotFoundException",
        "AliasExistsException",
        "UserNotConfirmedException",
        "PasswordResetRequiredException",
    }
)
"""Codes that concern one user, even if many users in a row are refused with them."""

_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


def effect_of(code: str, status: int = 0) -> Effect:
    """Classify a failed call by its code and HTTP status; the effect of an unknown code is unknown."""
    if code in THROTTLES or status == _TOO_MANY_REQUESTS:
        return Effect.THROTTLED
    if code in _NOT_EXECUTED:
        return Effect.NOT_EXECUTED
    if code in _RUN_PROBLEMS:
        return Effect.FATAL
    if code in _USER_REASONS and status < _SERVER_ERROR:
        return Effect.REFUSED
    return Effect.UNKNOWN


def run_problem(error: ApiError) -> MigrateMfaError:
    """The error that ends the run, for a failure whose effect is FATAL."""
    if error.problem is not None:
        return error.problem
    problem = _RUN_PROBLEMS[error.code]
    pool = f" --user-pool-id {error.pool_id}" if error.pool_id else ""
    hint = problem.hint.replace(COMMAND_MARK, f"{COMMAND_MARK}{pool}")
    return problem.error(f"{error.operation}: {problem.what} ({error.code}).", hint)


def named_in(hint: str, command: str, pool_id: str | None = None, *, deep: bool = False) -> str:
    """A hint whose `iam-policy` line, if it has one, can be pasted.

    Args:
        hint: of an error that ends a command.
        command: the command.
        pool_id: its pool, if one was given.
        deep: whether --deep was given.
    """
    pool = "" if pool_id is None or "--user-pool-id" in hint else f" --user-pool-id {pool_id}"
    line = f"{POLICY} {command}{pool}{' --deep' if deep else ''}"
    return hint.replace(f"{POLICY} {COMMAND_MARK}", line)


def user_reason(code: str) -> Reason:
    """The reason of a row whose call was REFUSED."""
    return _USER_REASONS[code]
