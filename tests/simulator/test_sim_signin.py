"""AdminInitiateAuth, InitiateAuth and the answers to their challenges."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.sim_app import (
    FLOWS,
    ON_SMS,
    PASSWORD,
    App,
    last_message,
    messages,
    outcome,
    wrong,
)
from tests.simulator.sim_site import OTHER_PHONE, PHONE, ROLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

NOT_AUTHORIZED = "NotAuthorizedException"
INVALID = "InvalidParameterException"
SMS_BLOCK: dict[str, Any] = {"SmsConfiguration": ROLE}
TOTP_POOL: dict[str, Any] = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}


@pytest.fixture
def app(site: Site) -> App:
    """Give an app client of a pool in which taro is on SMS MFA with an unverified number."""
    site.user(**ON_SMS)
    return App.make(site)


def advance(site: Site, seconds: float) -> None:
    site.running.control("clock", {"advance_s": seconds})


def text_of(call: Callable[[], Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call()
    return str(caught.value.response["Error"]["Message"])


@pytest.mark.parametrize("admin", [True, False])
def test_a_user_on_sms_mfa_is_asked_for_a_code_and_gets_tokens_for_it(site: Site, admin: bool) -> None:
    site.user(**ON_SMS)
    app = App.make(site, admin=admin)

    asked = app.begin()
    result = app.answer(asked, SMS_MFA_CODE=last_message(site)["code"])["AuthenticationResult"]

    assert asked["ChallengeName"] == "SMS_MFA"
    assert asked["ChallengeParameters"] == {
        "CODE_DELIVERY_DELIVERY_MEDIUM": "SMS",
        "CODE_DELIVERY_DESTINATION": "+********2222",
        "USER_ID_FOR_SRP": "taro",
    }
    assert (result["ExpiresIn"], result["TokenType"]) == (3600, "Bearer")
    assert all(result[name].count(".") == 2 for name in ("AccessToken", "IdToken", "RefreshToken"))


def test_tokens_say_whose_they_are_and_how_long(site: Site) -> None:
    mail = {"email": "taro@example.com", "email_verified": "true"}
    site.user(password=PASSWORD, Attributes=mail)
    result = App.make(site).begin()["AuthenticationResult"]

    identity, access = (claims(result[name]) for name in ("IdToken", "AccessToken"))

    assert identity["cognito:username"] == access["username"] == "taro"
    assert (identity["email"], identity["email_verified"]) == ("taro@example.com", True)
    assert identity["aud"] == access["client_id"]
    assert access["exp"] - access["iat"] == identity["exp"] - identity["iat"] == result["ExpiresIn"]
    assert "email" not in access


def claims(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return found


def test_the_message_is_in_the_outbox_without_the_whole_number(app: App, site: Site) -> None:
    app.begin()

    message = last_message(site)

    assert (message["username"], message["purpose"], message["medium"]) == ("taro", "authentication", "SMS")
    assert (message["destination"], message["failure"]) == ("+********2222", None)
    assert len(message["code"]) == 6
    assert PHONE not in json.dumps(message)
    assert site.sms() == {"authentication": 1}


def test_the_outbox_goes_on_behind_a_number(app: App, site: Site) -> None:
    app.begin()
    first = last_message(site)["seq"]
    app.begin()

    newer = site.running.control(f"outbox?since={first}")["messages"]

    assert [message["seq"] for message in newer] == [first + 1]


def test_after_a_wrong_code_the_right_one_counts_in_the_same_session(app: App, site: Site) -> None:
    asked = app.begin()
    code = last_message(site)["code"]

    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=wrong(code))) == "CodeMismatchException"
    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == "ok"


def test_a_code_is_good_once(app: App, site: Site) -> None:
    asked = app.begin()
    code = last_message(site)["code"]
    app.answer(asked, SMS_MFA_CODE=code)

    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == NOT_AUTHORIZED


def test_a_code_of_another_session_is_wrong(app: App, site: Site) -> None:
    first = app.begin()
    old = last_message(site)["code"]
    second = app.begin()
    new = last_message(site)["code"]

    assert old == new or outcome(lambda: app.answer(second, SMS_MFA_CODE=old)) == "CodeMismatchException"
    assert outcome(lambda: app.answer(first, SMS_MFA_CODE=old)) == "ok"


@pytest.mark.parametrize(
    ("minutes", "late_s", "code"), [(3, 175, "ok"), (3, 185, NOT_AUTHORIZED), (15, 890, "ok")]
)
def test_a_session_lives_as_long_as_the_client_says(
    site: Site, minutes: int, late_s: float, code: str
) -> None:
    site.user(**ON_SMS)
    app = App.make(site, AuthSessionValidity=minutes)
    asked = app.begin()
    sent = last_message(site)["code"]

    advance(site, late_s)

    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=sent)) == code


def test_what_a_late_answer_gets_is_a_switch(app: App, site: Site) -> None:
    asked = app.begin()
    site.running.control("faults", {"unsettled": {"late_answer_error": "ExpiredCodeException"}})
    advance(site, 200)

    found = outcome(lambda: app.answer(asked, SMS_MFA_CODE=last_message(site)["code"]))

    assert found == "ExpiredCodeException"


def test_a_session_is_at_most_15_minutes_long(site: Site) -> None:
    assert outcome(lambda: App.make(site, AuthSessionValidity=16)) == INVALID


def test_a_session_belongs_to_its_user(app: App, site: Site) -> None:
    site.user("hana", **ON_SMS)
    asked = app.begin()
    code = last_message(site)["code"]

    assert outcome(lambda: app.answer(asked, "hana", SMS_MFA_CODE=code)) == NOT_AUTHORIZED


def test_a_session_belongs_to_its_client(app: App, site: Site) -> None:
    asked = app.begin()
    code = last_message(site)["code"]
    other = App.make(site)

    assert outcome(lambda: other.answer(asked, SMS_MFA_CODE=code)) == NOT_AUTHORIZED
    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == "ok"


def test_a_session_asks_what_it_asks(app: App, site: Site) -> None:
    asked = app.begin()
    other = {**asked, "ChallengeName": "NEW_PASSWORD_REQUIRED"}

    assert outcome(lambda: app.answer(other, NEW_PASSWORD="Wxyz-9876")) == NOT_AUTHORIZED
    assert outcome(lambda: app.answer({**asked, "Session": "x" * 40}, SMS_MFA_CODE="1")) == NOT_AUTHORIZED


@pytest.mark.parametrize("missing", ["SMS_MFA_CODE", "USERNAME"])
def test_an_answer_needs_its_members(app: App, site: Site, missing: str) -> None:
    asked = app.begin()
    given = {"USERNAME": "taro", "SMS_MFA_CODE": "123456"}
    del given[missing]

    found = outcome(
        lambda: site.call(
            "admin_respond_to_auth_challenge",
            ClientId=app.client_id,
            ChallengeName="SMS_MFA",
            Session=asked["Session"],
            ChallengeResponses=given,
        )
    )

    assert found == INVALID


def test_from_the_fifth_wrong_code_on_the_user_is_locked_out_for_twice_as_long_each_time(
    site: Site,
) -> None:
    site.user(**ON_SMS)
    app = App.make(site, AuthSessionValidity=15)
    asked = app.begin()
    code = last_message(site)["code"]

    def answer(text: str) -> str:
        return outcome(lambda: app.answer(asked, SMS_MFA_CODE=text))

    found = []
    for failure in range(1, 14):  # the thirteenth locks for 2 ** 8 seconds
        found.append(answer(wrong(code)))
        if 5 <= failure < 13:
            advance(site, 2 ** (failure - 5))
    advance(site, 200)
    early = answer(code)
    advance(site, 56)

    assert found == ["CodeMismatchException"] * 13
    assert (early, answer(code)) == (NOT_AUTHORIZED, "ok")


def test_a_right_code_ends_the_count_of_failures(app: App, site: Site) -> None:
    for _ in range(3):
        asked = app.begin()
        code = last_message(site)["code"]
        for _ in range(4):
            assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=wrong(code))) == "CodeMismatchException"  # noqa: B023
        assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == "ok"  # noqa: B023


def test_wrong_passwords_lock_the_user_out_too(app: App, site: Site) -> None:
    found = []
    for failure in range(1, 14):
        found.append(text_of(lambda: app.begin(password="Wrong-123")))
        if 5 <= failure < 13:
            advance(site, 2 ** (failure - 5))
    locked = text_of(app.begin)
    advance(site, 256)

    assert found == ["Incorrect username or password."] * 13
    assert (locked, outcome(app.begin)) == ("Password attempts exceeded", "ok")


def test_the_first_right_code_verifies_the_number(app: App, site: Site) -> None:
    assert site.attributes()["phone_number_verified"] == "false"

    app.tokens()

    assert site.attributes()["phone_number_verified"] == "true"


def test_a_code_does_not_verify_a_number_that_was_changed_meanwhile(app: App, site: Site) -> None:
    asked = app.begin()
    code = last_message(site)["code"]
    site.update(phone_number=OTHER_PHONE)

    app.answer(asked, SMS_MFA_CODE=code)

    assert site.attributes()["phone_number_verified"] == "false"


def test_a_number_verified_by_sign_in_takes_the_alias(make_site: Callable[..., Site]) -> None:
    site = make_site(AliasAttributes=["phone_number"])
    site.user("hana", Attributes={"phone_number": PHONE, "phone_number_verified": "true"})
    site.user(**ON_SMS)

    App.make(site).tokens()

    assert site.read(PHONE)["Username"] == "taro"
    assert site.attributes("hana")["phone_number_verified"] == "false"


def test_with_pool_mfa_off_there_is_no_challenge(make_site: Callable[..., Site]) -> None:
    site = make_site(mfa="OFF")
    site.user(**ON_SMS)

    assert "AuthenticationResult" in App.make(site).begin()
    assert messages(site) == []


@pytest.mark.parametrize(
    ("members", "challenge"),
    [
        ({"PreferredMfaSetting": None}, "SMS_MFA"),
        ({"UserMFASettingList": [], "PreferredMfaSetting": None}, None),
        (
            {
                "UserMFASettingList": [],
                "PreferredMfaSetting": None,
                "MFAOptions": [{"DeliveryMedium": "SMS", "AttributeName": "phone_number"}],
            },
            "SMS_MFA",
        ),
        ({"UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"}, None),
    ],
    ids=["only-but-not-preferred", "none", "legacy", "not-offered-by-the-pool"],
)
def test_who_is_challenged_in_an_optional_pool(
    app: App, site: Site, members: dict[str, Any], challenge: str
) -> None:
    site.user(**{**ON_SMS, **members})

    assert app.begin().get("ChallengeName") == challenge


def test_in_a_totp_pool_listed_sms_is_not_used(make_site: Callable[..., Site], client: Any) -> None:
    made = client.create_user_pool(PoolName="t")["UserPool"]["Id"]
    site = make_site()
    site = type(site)(site.running, client, made)
    site.set_mfa("OPTIONAL", **TOTP_POOL)
    site.user(**ON_SMS)

    assert "AuthenticationResult" in App.make(site).begin()


@pytest.mark.parametrize("choice", ["SMS_MFA", "SOFTWARE_TOKEN_MFA"])
def test_several_factors_and_none_preferred_are_a_choice(site: Site, choice: str) -> None:
    site.set_mfa("OPTIONAL", SmsMfaConfiguration=SMS_BLOCK, **TOTP_POOL)
    both = ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]
    site.user(**{**ON_SMS, "UserMFASettingList": both, "PreferredMfaSetting": None})
    app = App.make(site)

    asked = app.begin()
    sent_at_once = messages(site)
    next_asked = app.answer(asked, ANSWER=choice)
    member = f"{choice}_CODE"
    done = app.answer(next_asked, **{member: last_message(site)["code"]})

    assert asked["ChallengeName"] == "SELECT_MFA_TYPE"
    assert json.loads(asked["ChallengeParameters"]["MFAS_CAN_CHOOSE"]) == both
    assert sent_at_once == []
    assert next_asked["ChallengeName"] == choice
    assert "AuthenticationResult" in done


def test_only_what_was_offered_can_be_chosen(site: Site) -> None:
    site.set_mfa("OPTIONAL", SmsMfaConfiguration=SMS_BLOCK, **TOTP_POOL)
    both = ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]
    site.user(**{**ON_SMS, "UserMFASettingList": both, "PreferredMfaSetting": None})
    app = App.make(site)
    asked = app.begin()

    assert outcome(lambda: app.answer(asked, ANSWER="EMAIL_OTP")) == INVALID


def test_the_preferred_factor_is_asked_for(site: Site) -> None:
    site.set_mfa("OPTIONAL", SmsMfaConfiguration=SMS_BLOCK, **TOTP_POOL)
    both = ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]
    site.user(**{**ON_SMS, "UserMFASettingList": both, "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"})

    assert App.make(site).begin()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    assert site.sms() == {}


@pytest.mark.parametrize(("mode", "code"), [("ON", "MFAMethodNotFoundException"), ("OPTIONAL", "ok")])
def test_a_required_pool_lets_nobody_in_without_a_number(
    make_site: Callable[..., Site], mode: str, code: str
) -> None:
    site = make_site(mfa=mode)
    site.user(password=PASSWORD)

    assert outcome(App.make(site).begin) == code


def test_a_required_pool_challenges_whoever_has_a_number(make_site: Callable[..., Site]) -> None:
    site = make_site(mfa="ON")
    site.user(password=PASSWORD, Attributes={"phone_number": PHONE})

    assert App.make(site).begin()["ChallengeName"] == "SMS_MFA"


def test_a_required_pool_lets_a_user_with_several_means_choose(make_site: Callable[..., Site]) -> None:
    site = make_site(mfa="ON")
    site.set_mfa("ON", SmsMfaConfiguration=SMS_BLOCK, **TOTP_POOL)
    site.user(password=PASSWORD, Attributes={"phone_number": PHONE}, totp_registered=True)

    assert App.make(site).begin()["ChallengeName"] == "SELECT_MFA_TYPE"


def test_sms_mfa_without_the_number_that_it_had_is_a_dead_end(app: App, site: Site) -> None:
    site.update(phone_number="")

    assert outcome(app.begin) == "MFAMethodNotFoundException"


@pytest.mark.parametrize("admin", [True, False])
def test_a_temporary_password_must_be_changed_and_then_mfa_is_asked_for(site: Site, admin: bool) -> None:
    site.user(**ON_SMS, UserStatus="FORCE_CHANGE_PASSWORD")
    app = App.make(site, admin=admin)

    asked = app.begin()
    weak = outcome(lambda: app.answer(asked, NEW_PASSWORD="short"))
    code_asked = app.answer(asked, NEW_PASSWORD="Wxyz-9876")

    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert json.loads(asked["ChallengeParameters"]["userAttributes"])["phone_number"] == PHONE
    assert weak == "InvalidPasswordException"
    assert code_asked["ChallengeName"] == "SMS_MFA"
    assert site.read()["UserStatus"] == "CONFIRMED"
    assert outcome(lambda: app.begin(password=PASSWORD)) == NOT_AUTHORIZED
    assert outcome(lambda: app.begin(password="Wxyz-9876")) == "ok"


def test_an_invited_user_signs_in_with_the_password_of_the_invitation(app: App, site: Site) -> None:
    rows = [{"Name": "phone_number", "Value": OTHER_PHONE}]
    site.call("admin_create_user", Username="hana", UserAttributes=rows)

    asked = app.begin("hana", last_message(site, "hana")["code"])

    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"


@pytest.mark.parametrize(
    ("members", "code", "text"),
    [
        ({"UserStatus": "UNCONFIRMED"}, "UserNotConfirmedException", "User is not confirmed."),
        (
            {"UserStatus": "RESET_REQUIRED"},
            "PasswordResetRequiredException",
            "Password reset required for the user",
        ),
        ({"Enabled": False}, NOT_AUTHORIZED, "User is disabled."),
        ({"password": "Other-1234"}, NOT_AUTHORIZED, "Incorrect username or password."),
        ({"password": None}, NOT_AUTHORIZED, "Incorrect username or password."),
        ({"UserStatus": "EXTERNAL_PROVIDER"}, NOT_AUTHORIZED, "Incorrect username or password."),
    ],
)
def test_who_cannot_sign_in(app: App, site: Site, members: dict[str, Any], code: str, text: str) -> None:
    site.user(**{**ON_SMS, **members})

    assert (outcome(app.begin), text_of(app.begin)) == (code, text)
    assert messages(site) == []


def test_a_user_disabled_after_the_password_gets_no_tokens(app: App, site: Site) -> None:
    asked = app.begin()
    site.call("admin_disable_user", Username="taro")

    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=last_message(site)["code"])) == NOT_AUTHORIZED


@pytest.mark.parametrize(
    ("setting", "code"), [("LEGACY", "UserNotFoundException"), ("ENABLED", NOT_AUTHORIZED)]
)
def test_a_client_may_hide_who_exists(site: Site, setting: str, code: str) -> None:
    app = App.make(site, PreventUserExistenceErrors=setting)

    assert outcome(lambda: app.begin("nobody")) == code


@pytest.mark.parametrize("name", ["taro@example.com", "sub"])
def test_an_alias_or_the_sub_signs_in(make_site: Callable[..., Site], name: str) -> None:
    site = make_site(AliasAttributes=["email"])
    contact = {"email": "taro@example.com", "email_verified": "true", "phone_number": PHONE}
    site.user(**{**ON_SMS, "Attributes": contact})
    app = App.make(site, secret=True)

    asked = app.begin(site.sub() if name == "sub" else name)

    assert asked["ChallengeParameters"]["USER_ID_FOR_SRP"] == "taro"
    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=last_message(site)["code"])) == "ok"


@pytest.mark.parametrize(("needs", "code"), [(False, "ok"), (True, "UserNotFoundException")])
def test_whether_a_challenge_takes_an_alias_is_a_switch(
    make_site: Callable[..., Site], needs: bool, code: str
) -> None:
    site = make_site(AliasAttributes=["email"])
    contact = {"email": "taro@example.com", "email_verified": "true", "phone_number": PHONE}
    site.user(**{**ON_SMS, "Attributes": contact})
    app = App.make(site)
    asked = app.begin()
    site.running.control("faults", {"unsettled": {"challenge_needs_user_id": needs}})
    sent = last_message(site)["code"]

    assert outcome(lambda: app.answer(asked, "taro@example.com", SMS_MFA_CODE=sent)) == code


@pytest.mark.parametrize("admin", [True, False])
@pytest.mark.parametrize(
    ("flows", "code"),
    [
        (FLOWS, "ok"),
        (["ALLOW_USER_SRP_AUTH"], INVALID),
        (None, INVALID),
        (["ADMIN_NO_SRP_AUTH", "USER_PASSWORD_AUTH"], "ok"),
    ],
)
def test_a_flow_must_be_allowed_by_the_client(
    site: Site, admin: bool, flows: list[str] | None, code: str
) -> None:
    site.user(password=PASSWORD)
    app = App.make(site, admin=admin, ExplicitAuthFlows=flows or [])

    assert outcome(app.begin) == code


def test_each_operation_has_its_own_password_flow(site: Site) -> None:
    site.user(password=PASSWORD)
    server = App.make(site)
    browser = App(site, server.client_id, admin=False)
    given = {"USERNAME": "taro", "PASSWORD": PASSWORD}

    assert outcome(lambda: server.flow("USER_PASSWORD_AUTH", **given)) == INVALID
    assert outcome(lambda: browser.flow("ADMIN_USER_PASSWORD_AUTH", **given)) == INVALID
    assert outcome(lambda: server.flow("ADMIN_NO_SRP_AUTH", **given)) == "ok"


@pytest.mark.parametrize(
    ("flows", "code"),
    [(["ALLOW_MAGIC"], INVALID), (["ADMIN_NO_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"], INVALID)],
)
def test_flows_that_no_client_can_have(site: Site, flows: list[str], code: str) -> None:
    assert outcome(lambda: App.make(site, ExplicitAuthFlows=flows)) == code


@pytest.mark.parametrize("missing", ["USERNAME", "PASSWORD"])
def test_a_password_sign_in_needs_both(app: App, missing: str) -> None:
    given = {"USERNAME": "taro", "PASSWORD": PASSWORD}
    del given[missing]

    assert outcome(lambda: app.flow("ADMIN_USER_PASSWORD_AUTH", **given)) == INVALID


def test_a_client_with_a_secret_wants_its_hash(site: Site) -> None:
    site.user(**ON_SMS)
    app = App.make(site, secret=True)
    without = App(site, app.client_id)
    asked = app.begin()
    code = last_message(site)["code"]

    assert outcome(without.begin) == NOT_AUTHORIZED
    assert outcome(lambda: app.begin(SECRET_HASH="AAAA")) == NOT_AUTHORIZED
    assert outcome(lambda: without.answer(asked, SMS_MFA_CODE=code)) == NOT_AUTHORIZED
    assert outcome(lambda: app.answer(asked, SMS_MFA_CODE=code)) == "ok"


def test_a_client_of_another_pool_or_of_none_is_not_found(app: App, make_site: Callable[..., Site]) -> None:
    other = App.make(make_site())

    assert outcome(App(app.site, other.client_id).begin) == "ResourceNotFoundException"
    assert outcome(App(app.site, "nope", admin=False).begin) == "ResourceNotFoundException"


def test_a_refresh_token_gives_new_tokens_without_a_challenge(app: App, site: Site) -> None:
    refresh = app.tokens()["RefreshToken"]
    sent = len(messages(site))

    result = app.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh)["AuthenticationResult"]

    assert outcome(lambda: site.client.get_user(AccessToken=result["AccessToken"])) == "ok"
    assert "RefreshToken" not in result
    assert len(messages(site)) == sent


def test_a_refresh_token_of_a_disabled_user_gives_nothing(app: App, site: Site) -> None:
    refresh = app.tokens()["RefreshToken"]
    site.call("admin_disable_user", Username="taro")

    assert outcome(lambda: app.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh)) == NOT_AUTHORIZED


def test_a_refresh_token_belongs_to_its_client(app: App) -> None:
    refresh = app.tokens()["RefreshToken"]
    other = App.make(app.site)

    assert outcome(lambda: other.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh)) == NOT_AUTHORIZED
    assert outcome(lambda: app.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN="x.y.z")) == NOT_AUTHORIZED


def test_the_ledger_knows_who_signs_in(app: App, site: Site) -> None:
    site.running.control("ledger/reset", {})
    asked = App(site, app.client_id, admin=False).begin()
    outcome(lambda: app.answer(asked, SMS_MFA_CODE="0"))

    calls = site.running.control("ledger")["calls"]

    rows = [(call["op"], call["category"], call["user"]) for call in calls]
    assert rows == [
        ("InitiateAuth", "UserAuthentication", site.sub()),
        ("AdminRespondToAuthChallenge", "UserAuthentication", site.sub()),
    ]


def test_a_new_password_counts_as_account_recovery(site: Site) -> None:
    site.user(password=PASSWORD, UserStatus="FORCE_CHANGE_PASSWORD")
    app = App.make(site)
    asked = app.begin()
    app.answer(asked, NEW_PASSWORD="Wxyz-9876")

    last = site.running.control("ledger")["calls"][-1]

    assert (last["op"], last["category"]) == ("AdminRespondToAuthChallenge", "UserAccountRecovery")
