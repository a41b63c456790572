"""The adapter against a strict Cognito: what it sends is what Cognito wants, what it gives is ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.canary.aws_sign_in import CognitoSignIn
from migrate_mfa.canary.sign_in import Challenge, Tokens, require_flow, too_late, wrong_password
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import Phone
from tests.commands.support import POOL_ID, a_member, pool_document
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrate_mfa.simulator import Running

PASSWORD = "Abcd-1234"
PHONE = Phone("+819012345678")
SECRET = "a_secret_of_some_length_0123"
FLOWS = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
CLIENTS = [
    {"ClientName": "plain", "ClientId": "plain", "ExplicitAuthFlows": FLOWS},
    {"ClientName": "secret", "ClientId": "secret", "ExplicitAuthFlows": FLOWS, "ClientSecret": SECRET},
    {
        "ClientName": "endless",
        "ClientId": "endless",
        "ExplicitAuthFlows": FLOWS,
        "EnableTokenRevocation": False,
    },
    {"ClientName": "srp", "ClientId": "srp"},
]

ON_SMS = a_member(
    "bob",
    phone=PHONE.e164,
    password=PASSWORD,
    UserMFASettingList=["SMS_MFA"],
    PreferredMfaSetting="SMS_MFA",
)
TWO_FACTORS = a_member(
    "two",
    phone=PHONE.e164,
    password=PASSWORD,
    UserMFASettingList=["SMS_MFA", "SOFTWARE_TOKEN_MFA"],
    totp_registered=True,
)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    users = [a_member(name, password=PASSWORD) for name in ("ann", "bob", "cem", "dee")]
    users += [
        a_member("off", password=PASSWORD, Enabled=False),
        a_member("new", password=PASSWORD, UserStatus="UNCONFIRMED"),
        a_member("lost", password=PASSWORD, UserStatus="RESET_REQUIRED"),
        a_member("temp", password=PASSWORD, UserStatus="FORCE_CHANGE_PASSWORD"),
        TWO_FACTORS,
    ]
    document = pool_document(users)
    document["pools"][0]["clients"] = CLIENTS
    document["pools"][0]["config"]["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
    # The answer to a challenge must name the user as the challenge does.
    document["unsettled"] = {"challenge_needs_user_id": True}
    with hosted(document) as found:
        yield found


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)


def client(running: Running, client_id: str = "plain") -> CognitoSignIn:
    return CognitoSignIn(Aws(AwsTarget(user_pool_id=POOL_ID, endpoint_url=running.endpoint)), client_id)


def tokens(sign_in: CognitoSignIn, name: str) -> Tokens:
    got = sign_in.begin(name, PASSWORD)
    assert isinstance(got, Tokens)
    return got


def code(running: Running, name: str) -> str:
    return str(running.control(f"outbox?user={name}")["messages"][-1]["code"])


def user(running: Running, name: str) -> dict[str, Any]:
    users: dict[str, dict[str, Any]] = running.control("state")[POOL_ID]
    return next(each for each in users.values() if each["Username"] == name)


def refused(call: Any, *arguments: Any) -> str:
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value.code


@pytest.mark.parametrize(("client_id", "name"), [("plain", "ann"), ("secret", "bob")])
def test_the_whole_way_with_and_without_a_client_secret(running: Running, client_id: str, name: str) -> None:
    sign_in = client(running, client_id)
    assert sign_in.learn_secret()
    first = tokens(sign_in, name)

    assert sign_in.store_phone(first, PHONE) is None
    assert sign_in.send_code(first).endswith("5678")
    assert refused(sign_in.verify_phone, first, "000000x") == "CodeMismatchException"
    sign_in.verify_phone(first, code(running, name))
    assert user(running, name)["Attributes"]["phone_number_verified"] == "true"
    sign_in.revoke(first)
    assert refused(sign_in.send_code, first) == "NotAuthorizedException"

    running.control(
        "users",
        {
            "pool": POOL_ID,
            "upsert": [
                {"Username": name, "UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"}
            ],
        },
    )
    asked = sign_in.begin(f"{name}@example.com", PASSWORD)
    assert isinstance(asked, Challenge)
    assert (asked.name, asked.username) == ("SMS_MFA", name)
    assert (asked.destination or "").endswith("5678")
    assert refused(sign_in.answer, asked, "000000x") == "CodeMismatchException"
    last = sign_in.answer(asked, code(running, name))
    assert isinstance(last, Tokens)
    sign_in.revoke(last)


def test_a_secret_that_is_wrong_or_missing_is_refused(running: Running) -> None:
    sign_in = client(running, "secret")

    assert refused(sign_in.begin, "cem", PASSWORD) == "NotAuthorizedException"
    sign_in.use_secret(SECRET[::-1])
    assert refused(sign_in.begin, "cem", PASSWORD) == "NotAuthorizedException"
    sign_in.use_secret(SECRET)
    assert isinstance(sign_in.begin("cem", PASSWORD), Tokens)


def test_a_caller_who_may_not_see_the_client_has_to_be_told_its_secret(running: Running) -> None:
    denied = {"kind": "access_denied", "ops": ["DescribeUserPoolClient"]}
    running.control("faults", {"rules": [denied]})

    assert client(running, "secret").learn_secret() is False
    running.control("faults", {"rules": []})
    assert client(running, "secret").learn_secret() is True


@pytest.mark.parametrize("client_id", ["nobody", "", "x" * 200])
def test_a_client_that_is_not_there(running: Running, client_id: str) -> None:
    with pytest.raises(PoolNotReady) as caught:
        client(running, client_id).learn_secret()

    assert "list-user-pool-clients" in caught.value.hint


def test_a_client_without_the_flow_and_one_without_revocation(running: Running) -> None:
    endless = client(running, "endless")

    assert refused(client(running, "srp").begin, "cem", PASSWORD) == "InvalidParameterException"
    assert refused(endless.revoke, tokens(endless, "cem")) == "UnsupportedOperationException"


def refusal_of(call: Any, *arguments: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        call(*arguments)
    return caught.value


def test_what_cognito_says_is_recognised(running: Running) -> None:
    sign_in, got = client(running), tokens(client(running), "dee")
    srp = client(running, "srp")

    assert wrong_password(refusal_of(sign_in.begin, "dee", "another"))
    assert not wrong_password(refusal_of(sign_in.begin, "off", PASSWORD))
    assert refused(sign_in.begin, "new", PASSWORD) == "UserNotConfirmedException"
    assert refused(sign_in.begin, "lost", PASSWORD) == "PasswordResetRequiredException"
    with pytest.raises(PoolNotReady):
        require_flow(refusal_of(srp.begin, "dee", PASSWORD), POOL_ID, "srp")
    for name, challenge in {"temp": "NEW_PASSWORD_REQUIRED", "two": "SELECT_MFA_TYPE"}.items():
        asked = sign_in.begin(name, PASSWORD)
        assert isinstance(asked, Challenge)
        assert (asked.name, asked.username) == (challenge, name)
    sign_in.store_phone(got, PHONE)
    for _ in range(5):
        sign_in.send_code(got)
    assert refused(sign_in.send_code, got) == "LimitExceededException"


def test_codes_and_sessions_that_are_too_old_are_recognised() -> None:
    document = pool_document([a_member("ann", password=PASSWORD), ON_SMS])
    document["pools"][0]["clients"] = CLIENTS
    with hosted(document) as running:
        sign_in = client(running)
        asked = sign_in.begin("bob", PASSWORD)
        assert isinstance(asked, Challenge)
        right = code(running, "bob")
        running.control("clock", {"advance_s": 3 * 60 + 1})
        assert too_late(refusal_of(sign_in.answer, asked, right))

        sign_in.store_phone(tokens(sign_in, "ann"), PHONE)
        sign_in.send_code(tokens(sign_in, "ann"))
        right = code(running, "ann")
        running.control("clock", {"advance_s": 24 * 3600 + 1})
        assert too_late(refusal_of(sign_in.verify_phone, tokens(sign_in, "ann"), right))


def test_an_automatically_verified_number_is_sent_its_code_by_the_write(running: Running) -> None:
    document = pool_document(
        [a_member("ann", password=PASSWORD)], config={"AutoVerifiedAttributes": ["phone_number"]}
    )
    document["pools"][0]["clients"] = CLIENTS
    with hosted(document) as other:
        sign_in = client(other)
        got = tokens(sign_in, "ann")

        assert (sign_in.store_phone(got, PHONE) or "").endswith("5678")
        sign_in.verify_phone(got, code(other, "ann"))


def test_nothing_secret_is_in_what_an_object_or_an_error_shows(running: Running) -> None:
    sign_in = client(running, "secret")
    sign_in.use_secret(SECRET)

    with pytest.raises(ApiError) as caught:
        sign_in.begin("dee", "not-the-password")

    shown = repr(sign_in) + repr(caught.value) + str(caught.value) + caught.value.message
    assert SECRET not in shown
    assert "not-the-password" not in shown
