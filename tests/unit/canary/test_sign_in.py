import pytest

from migrate_mfa.canary.sign_in import (
    Challenge,
    Tokens,
    challenge_sentence,
    explain,
    goes_to,
    mask_destination,
    require_flow,
    secret_hash,
    too_late,
    wrong_password,
)
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Phone

PHONE = Phone("+819012345678")


def error(code: str, message: str = "", status: int = 400) -> ApiError:
    return ApiError(operation="AdminInitiateAuth", code=code, message=message, status=status)


def test_the_secret_hash_is_that_of_the_developer_guide() -> None:
    # HMAC-SHA256 with the key "secret" over "ann" + "client", by another implementation (openssl dgst).
    assert secret_hash("secret", "ann", "client") == "1KBhTmaloN8gn8mYFOpcHRnT/Jn7qaddEv2E6vNUy30="
    assert secret_hash("secret", "bob", "client") != secret_hash("secret", "ann", "client")


@pytest.mark.parametrize(
    ("shown", "masked"),
    [
        ("+********5678", "+**********78"),
        ("+81*******78", "+*********78"),
        ("+819012345678", "[number]"),
        ("a***@e***", "[address]"),
        ("", ""),
    ],
)
def test_a_destination_shows_two_digits_at_most(shown: str, masked: str) -> None:
    assert mask_destination(shown) == masked


@pytest.mark.parametrize(
    ("shown", "fits"),
    [("+********5678", True), ("+*********78", True), ("+********5679", False), ("", True), ("***", True)],
)
def test_a_masked_destination_can_be_told_from_another_number(shown: str, *, fits: bool) -> None:
    assert goes_to(shown, PHONE) == fits


def test_tokens_and_challenges_print_nothing_secret() -> None:
    shown = repr(Tokens("secret access", "secret refresh"))
    shown += repr(Challenge(name="SMS_MFA", session="secret", username="secret", destination="secret"))

    assert "secret" not in shown
    assert "SMS_MFA" in shown


@pytest.mark.parametrize(
    ("code", "message", "password", "late"),
    [
        ("NotAuthorizedException", "Incorrect username or password.", True, False),
        ("NotAuthorizedException", "User is disabled.", False, False),
        ("NotAuthorizedException", "Invalid session for the user, session is expired.", False, True),
        ("ExpiredCodeException", "", False, True),
        ("CodeMismatchException", "Invalid code or auth state for the user.", False, False),
        ("UserNotFoundException", "Incorrect username or password.", False, False),
    ],
)
def test_what_another_try_could_mend(code: str, message: str, *, password: bool, late: bool) -> None:
    assert (wrong_password(error(code, message)), too_late(error(code, message))) == (password, late)


def test_only_a_missing_flow_is_the_clients_fault() -> None:
    require_flow(error("InvalidParameterException", "Missing required parameter USERNAME"), "p", "c")
    require_flow(error("NotAuthorizedException", "flow"), "p", "c")

    with pytest.raises(PoolNotReady) as caught:
        require_flow(error("InvalidParameterException", "Auth flow not enabled for this client"), "p", "c")

    assert "ALLOW_ADMIN_USER_PASSWORD_AUTH" in caught.value.message


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (error("LimitExceededException", "Attempt limit exceeded"), "five codes and fifteen tries an hour"),
        (error("UnsupportedOperationException"), "token revocation disabled"),
        (error("CodeDeliveryFailureException"), "sandbox"),
        (error("InternalErrorException", status=500), "may have been done"),
        (error("NotAuthorizedException", "User is disabled."), "AdminInitiateAuth: NotAuthorizedException."),
    ],
)
def test_a_refusal_is_explained(given: ApiError, says: str) -> None:
    assert says in explain(given)


def test_an_explanation_has_no_personal_data() -> None:
    text = explain(error("UserLambdaValidationException", "ann@example.com, +81 90-1234-5678 is not welcome"))

    assert text.endswith("[address] [number] is not welcome")


def test_an_explanation_is_no_web_page() -> None:
    text = explain(error("500", "<!doctype html> <title>Internal Server Error</title>", 500))

    assert text == "AdminInitiateAuth: no usable answer (500); it may have been done."


def test_an_unknown_challenge_is_named() -> None:
    assert "PIN_PAD" in challenge_sentence("PIN_PAD")
