"""What users do with their access token, and how it is taken from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.simulator.sim_app import FLOWS, PASSWORD, App, last_message, messages, outcome, wrong
from tests.simulator.sim_site import OTHER_PHONE, PHONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulator.sim_site import Site

HOUR = 3600
AUTO: dict[str, Any] = {"AutoVerifiedAttributes": ["phone_number"]}
HOLD: dict[str, Any] = {
    **AUTO,
    "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]},
}
NOT_AUTHORIZED = "NotAuthorizedException"
LIMIT = "LimitExceededException"


class Holder:
    """Taro, signed in."""

    def __init__(self, site: Site, **client: Any) -> None:
        site.user(password=PASSWORD)
        self.site = site
        self.app = App.make(site, **client)
        self.tokens = self.app.tokens()

    def call(self, op: str, **members: Any) -> Any:
        """Call an operation with the access token."""
        return getattr(self.site.client, op)(AccessToken=self.tokens["AccessToken"], **members)

    def code(self, op: str, **members: Any) -> str:
        """Give the error code of a call, "ok" for none."""
        return outcome(lambda: self.call(op, **members))

    def update(self, **attributes: str) -> Any:
        """Change own attributes."""
        rows = [{"Name": name, "Value": value} for name, value in attributes.items()]
        return self.call("update_user_attributes", UserAttributes=rows)

    def request_code(self, name: str = "phone_number") -> str:
        """Ask for a code; give the error code or "ok"."""
        return self.code("get_user_attribute_verification_code", AttributeName=name)

    def verify(self, code: str, name: str = "phone_number") -> str:
        """Enter a code; give the error code or "ok"."""
        return self.code("verify_user_attribute", AttributeName=name, Code=code)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.site.running.control("clock", {"advance_s": seconds})


def pending(site: Site) -> Any:
    return site.running.control("state")[site.pool_id][site.sub()]["pending"]


def test_the_user_reads_what_an_administrator_reads(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)
    site.prefer(SMSMfaSettings={"Enabled": True, "PreferredMfa": True})

    found, other = holder.call("get_user"), site.read()

    for name in ("Username", "UserAttributes", "UserMFASettingList", "PreferredMfaSetting"):
        assert found[name] == other[name]


def test_a_client_reads_only_what_it_may(site: Site) -> None:
    holder = Holder(site, ReadAttributes=["email"])
    site.update(phone_number=PHONE)

    names = [row["Name"] for row in holder.call("get_user")["UserAttributes"]]

    assert names == ["sub", "email"]


def test_a_changed_number_gets_a_code_that_verifies_it(make_site: Callable[..., Site]) -> None:
    holder = Holder(make_site(**AUTO))
    site = holder.site

    details = holder.update(phone_number=PHONE)["CodeDeliveryDetailsList"]
    before = site.attributes()["phone_number_verified"]

    assert details == [
        {"Destination": "+********2222", "DeliveryMedium": "SMS", "AttributeName": "phone_number"}
    ]
    assert before == "false"
    assert holder.verify(last_message(site)["code"]) == "ok"
    assert site.attributes()["phone_number_verified"] == "true"


def test_without_auto_verification_no_code_goes_out(site: Site) -> None:
    holder = Holder(site)

    assert holder.update(phone_number=PHONE)["CodeDeliveryDetailsList"] == []
    assert messages(site) == []


def test_a_held_number_is_stored_by_its_code(make_site: Callable[..., Site]) -> None:
    holder = Holder(make_site(**HOLD))
    site = holder.site

    holder.update(phone_number=PHONE)
    before = site.attributes().get("phone_number")

    assert before is None
    assert holder.verify(last_message(site)["code"]) == "ok"
    assert site.attributes()["phone_number"] == PHONE
    assert site.attributes()["phone_number_verified"] == "true"
    assert pending(site) is None


def test_a_code_that_an_administrator_caused_is_good_too(make_site: Callable[..., Site]) -> None:
    holder = Holder(make_site(**AUTO))

    holder.site.update(phone_number=PHONE)

    assert holder.verify(last_message(holder.site)["code"]) == "ok"


@pytest.mark.parametrize("settings", [{}, {"WriteAttributes": ["name", "phone_number_verified"]}])
def test_nobody_verifies_their_own_number(site: Site, settings: dict[str, Any]) -> None:
    holder = Holder(site, **settings)
    site.update(phone_number=PHONE)

    with pytest.raises(ClientError) as caught:
        holder.update(phone_number_verified="true")

    assert caught.value.response["Error"] == {
        "Code": NOT_AUTHORIZED,
        "Message": "A client attempted to write unauthorized attribute",
    }


def test_a_client_writes_only_what_it_may(site: Site) -> None:
    holder = Holder(site, WriteAttributes=["name"])

    assert outcome(lambda: holder.update(name="Taro")) == "ok"
    assert outcome(lambda: holder.update(phone_number=PHONE)) == NOT_AUTHORIZED
    assert "phone_number" not in site.attributes()


def test_the_users_own_numbers_have_the_same_format(site: Site) -> None:
    holder = Holder(site)

    assert outcome(lambda: holder.update(phone_number="090-1111-2222")) == "InvalidParameterException"


def test_codes_are_checked_and_good_once(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)
    holder.request_code()
    code = last_message(site)["code"]

    assert holder.verify(wrong(code)) == "CodeMismatchException"
    assert site.attributes()["phone_number_verified"] == "false"
    assert [holder.verify(code), holder.verify(code)] == ["ok", "ExpiredCodeException"]


def test_a_code_that_was_never_sent_has_expired(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)

    assert holder.verify("123456") == "ExpiredCodeException"


def test_only_the_newest_code_counts(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)
    holder.request_code()
    holder.request_code()
    old, new = (message["code"] for message in messages(site))

    assert old == new or holder.verify(old) == "CodeMismatchException"
    assert holder.verify(new) == "ok"


def test_a_code_for_a_former_number_proves_nothing(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)
    holder.request_code()
    code = last_message(site)["code"]
    site.update(phone_number=OTHER_PHONE)

    assert holder.verify(code) == "ExpiredCodeException"
    assert site.attributes()["phone_number_verified"] == "false"


@pytest.mark.parametrize(("seconds", "code"), [(86_300, "ok"), (86_401, "ExpiredCodeException")])
def test_a_code_lives_for_24_hours(site: Site, seconds: float, code: str) -> None:
    holder = Holder(site, AccessTokenValidity=1, TokenValidityUnits={"AccessToken": "days"})
    site.update(phone_number=PHONE)
    holder.request_code()
    sent = last_message(site)["code"]

    holder.advance(seconds)
    holder.tokens = holder.app.tokens()

    assert holder.verify(sent) == code


def test_five_codes_an_hour(site: Site) -> None:
    holder = Holder(site, AccessTokenValidity=1, TokenValidityUnits={"AccessToken": "days"})
    site.update(phone_number=PHONE)

    found = [holder.request_code() for _ in range(6)]
    holder.advance(HOUR)

    assert found == ["ok"] * 5 + [LIMIT]
    assert len(messages(site)) == 5
    assert holder.request_code() == "ok"


def test_fifteen_tries_an_hour(site: Site) -> None:
    holder = Holder(site, AccessTokenValidity=1, TokenValidityUnits={"AccessToken": "days"})
    site.update(phone_number=PHONE)
    holder.request_code()
    code = last_message(site)["code"]

    found = [holder.verify(wrong(code)) for _ in range(15)]
    over = holder.verify(code)
    holder.advance(HOUR)

    assert found == ["CodeMismatchException"] * 15
    assert (over, holder.verify(code)) == (LIMIT, "ok")


def test_one_users_tries_are_not_anothers(site: Site) -> None:
    holder = Holder(site)
    site.user("hana", password=PASSWORD, Attributes={"phone_number": OTHER_PHONE})
    site.update(phone_number=PHONE)
    for _ in range(6):
        holder.request_code()
    holder.tokens = holder.app.tokens("hana")

    assert holder.request_code() == "ok"


@pytest.mark.parametrize("name", ["phone_number", "name"])
def test_there_must_be_something_to_verify(site: Site, name: str) -> None:
    assert Holder(site).request_code(name) == "InvalidParameterException"


def test_an_email_is_verified_by_its_own_code(site: Site) -> None:
    holder = Holder(site)
    site.update(email_verified="false")

    assert holder.request_code("email") == "ok"
    message = last_message(site)
    assert (message["medium"], message["destination"]) == ("EMAIL", "t***@e***")
    assert site.sms() == {}
    assert holder.verify(message["code"], "email") == "ok"
    assert site.attributes()["email_verified"] == "true"


@pytest.mark.parametrize(("stored", "number"), [(True, OTHER_PHONE), (False, PHONE)])
def test_where_a_repeated_code_goes_during_a_change_is_a_switch(
    make_site: Callable[..., Site], stored: bool, number: str
) -> None:
    holder = Holder(make_site(**HOLD))
    site = holder.site
    site.update(phone_number=OTHER_PHONE, phone_number_verified="true")
    site.update(phone_number=PHONE)
    site.running.control("faults", {"unsettled": {"resend_goes_to_stored_value": stored}})

    details = holder.call("get_user_attribute_verification_code", AttributeName="phone_number")

    assert details["CodeDeliveryDetails"]["Destination"][-4:] == number[-4:]
    holder.verify(last_message(site)["code"])
    assert site.attributes()["phone_number"] == number


@pytest.mark.parametrize(("switch", "code"), [("steal", "ok"), ("refuse", "AliasExistsException")])
def test_verifying_a_number_takes_the_alias(make_site: Callable[..., Site], switch: str, code: str) -> None:
    holder = Holder(make_site(AliasAttributes=["phone_number"]))
    site = holder.site
    site.user("hana", Attributes={"phone_number": PHONE, "phone_number_verified": "true"})
    site.update(phone_number=PHONE)
    site.running.control("faults", {"unsettled": {"alias_takeover": switch}})
    holder.request_code()

    assert holder.verify(last_message(site)["code"]) == code
    assert site.read(PHONE)["Username"] == ("taro" if code == "ok" else "hana")


def test_the_user_turns_sms_mfa_on(site: Site) -> None:
    holder = Holder(site)
    block = {"Enabled": True, "PreferredMfa": True}

    without = holder.code("set_user_mfa_preference", SMSMfaSettings=block)
    site.update(phone_number=PHONE)

    assert without == "InvalidParameterException"
    assert holder.code("set_user_mfa_preference", SMSMfaSettings=block) == "ok"
    assert site.read()["PreferredMfaSetting"] == "SMS_MFA"
    assert holder.app.begin()["ChallengeName"] == "SMS_MFA"


# --- tokens that no longer count ---


def test_an_access_token_lives_for_an_hour_unless_the_client_says_otherwise(site: Site) -> None:
    hour = Holder(site)
    minutes = Holder(site, AccessTokenValidity=5, TokenValidityUnits={"AccessToken": "minutes"})

    assert minutes.tokens["ExpiresIn"] == 300
    minutes.advance(301)
    assert minutes.code("get_user") == NOT_AUTHORIZED
    assert hour.code("get_user") == "ok"
    hour.advance(3300)
    assert hour.code("get_user") == NOT_AUTHORIZED


@pytest.mark.parametrize("change", ["", "x", "."])
def test_a_changed_token_is_refused(site: Site, change: str) -> None:
    holder = Holder(site)
    head, _, signature = holder.tokens["AccessToken"].rpartition(".")
    token = f"{head}{change}.{signature[::-1]}"

    assert outcome(lambda: site.client.get_user(AccessToken=token)) == NOT_AUTHORIZED


@pytest.mark.parametrize("kind", ["IdToken", "RefreshToken"])
def test_only_an_access_token_gives_access(site: Site, kind: str) -> None:
    token = Holder(site).tokens[kind]

    assert outcome(lambda: site.client.get_user(AccessToken=token)) == NOT_AUTHORIZED


@pytest.mark.parametrize("by", ["user", "administrator"])
def test_signing_out_everywhere_ends_all_sessions_of_the_user(site: Site, by: str) -> None:
    first = Holder(site)
    second = first.app.tokens()
    site.user("hana", password=PASSWORD)
    other = first.app.tokens("hana")["AccessToken"]

    if by == "user":
        first.call("global_sign_out")
    else:
        site.call("admin_user_global_sign_out", Username="taro")

    assert first.code("get_user") == NOT_AUTHORIZED
    assert outcome(lambda: site.client.get_user(AccessToken=second["AccessToken"])) == NOT_AUTHORIZED
    refresh = second["RefreshToken"]
    assert outcome(lambda: first.app.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh)) == NOT_AUTHORIZED
    assert outcome(lambda: site.client.get_user(AccessToken=other)) == "ok"
    assert first.app.access()


def test_signing_out_somebody_unknown_is_refused(site: Site) -> None:
    assert site.code("admin_user_global_sign_out", Username="nobody") == "UserNotFoundException"


def test_a_change_of_mfa_ends_no_session(site: Site) -> None:
    holder = Holder(site)
    site.update(phone_number=PHONE)

    site.prefer(SMSMfaSettings={"Enabled": True, "PreferredMfa": True})

    refresh = holder.tokens["RefreshToken"]
    assert outcome(lambda: holder.app.flow("REFRESH_TOKEN_AUTH", REFRESH_TOKEN=refresh)) == "ok"


def revoke(holder: Holder, kind: str = "RefreshToken", **members: str) -> str:
    given = {"Token": holder.tokens[kind], "ClientId": holder.app.client_id, **members}
    return outcome(lambda: holder.site.client.revoke_token(**given))


def test_revoking_a_refresh_token_ends_one_session(site: Site) -> None:
    holder = Holder(site)
    other = holder.app.access()

    assert [revoke(holder), revoke(holder)] == ["ok", "ok"]
    assert holder.code("get_user") == NOT_AUTHORIZED
    assert outcome(lambda: site.client.get_user(AccessToken=other)) == "ok"


def test_what_cannot_be_revoked(site: Site) -> None:
    holder = Holder(site)
    fixed = Holder(site, EnableTokenRevocation=False)
    secret = App.make(site, secret=True)

    assert revoke(holder, "AccessToken") == "UnsupportedTokenTypeException"
    assert revoke(holder, Token="a.b.c") == "UnsupportedTokenTypeException"
    assert revoke(fixed) == "UnsupportedOperationException"
    assert revoke(holder, ClientId=fixed.app.client_id) == "UnsupportedOperationException"
    assert revoke(holder, ClientId=App.make(site).client_id) == "UnauthorizedException"
    assert revoke(holder, ClientId=secret.client_id) == "UnauthorizedException"
    assert holder.code("get_user") == "ok"


def test_revoking_needs_the_clients_secret(site: Site) -> None:
    site.user(password=PASSWORD)
    app = App.make(site, secret=True)
    given = {"Token": app.tokens()["RefreshToken"], "ClientId": app.client_id}

    def code(**secret: str) -> str:
        return outcome(lambda: site.client.revoke_token(**given, **secret))

    assert [code(), code(ClientSecret="x" * 32), code(ClientSecret=str(app.secret))] == [
        "UnauthorizedException",
        "UnauthorizedException",
        "ok",
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Enabled": False}, NOT_AUTHORIZED),
        ({"UserStatus": "RESET_REQUIRED"}, "PasswordResetRequiredException"),
    ],
)
def test_the_users_state_counts_at_every_call(site: Site, change: dict[str, Any], code: str) -> None:
    holder = Holder(site)

    site.user(**change)

    assert holder.code("get_user") == code


def test_a_deleted_user_is_not_found(site: Site) -> None:
    holder = Holder(site)

    site.call("admin_delete_user", Username="taro")

    assert holder.code("get_user") == "UserNotFoundException"


def test_the_ledger_knows_whose_token_it_was(site: Site) -> None:
    holder = Holder(site)
    sub = site.sub()
    holder.call("get_user")

    last = site.running.control("ledger")["calls"][-1]

    assert (last["op"], last["category"], last["user"]) == ("GetUser", "UserRead", sub)


def test_a_pool_file_declares_app_clients() -> None:
    from migrate_mfa.simulator import background
    from tests.simulator.sim_site import Site as AnySite
    from tests.simulator.sim_site import client_of

    clients = [
        {"ClientName": "app", "ExplicitAuthFlows": FLOWS},
        {"ClientName": "fixed", "ClientId": "abc", "ClientSecret": "s", "ExplicitAuthFlows": FLOWS},
    ]
    users = [{"Username": "taro", "password": PASSWORD}]
    with background({"pools": [{"name": "p", "clients": clients, "users": users}]}) as running:
        (pool,) = running.pools
        site = AnySite(running, client_of(running), pool["id"])

        assert pool["clients"]["fixed"] == "abc"
        assert App(site, pool["clients"]["app"]).access()
        assert App(site, "abc", "s").access()
        assert outcome(App(site, "abc").begin) == NOT_AUTHORIZED
