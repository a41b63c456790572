"""What the tool expects of a Directory, asked over HTTP of the simulator and of moto alike."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import MfaMode, MfaState, Phone, PhoneSignIn
from migrate_mfa.domain.quotas import Category
from migrate_mfa.ports import Filter
from tests.contract.targets import (
    KNOWN_DIFFERENCES,
    LEGACY_SMS,
    NEEDED,
    ROLE,
    Pool,
    Simulator,
    Target,
    code_of,
    needs,
)

if TYPE_CHECKING:
    from collections.abc import Callable

PHONE = Phone("+819012345678")
OTHER = Phone("+819087654321")


class TestDescribe:
    @pytest.mark.parametrize("mode", list(MfaMode))
    def test_the_mfa_mode_is_that_of_the_mfa_configuration(
        self, make_pool: Callable[..., Pool], mode: MfaMode
    ) -> None:
        assert make_pool(mode.value).directory.describe().mfa is mode

    def test_a_pool_that_can_send_sms_says_so(self, make_pool: Callable[..., Pool]) -> None:
        assert make_pool().directory.describe().sms_configured
        assert not make_pool("OFF", SmsConfiguration=None).directory.describe().sms_configured

    @pytest.mark.parametrize(
        ("aliases", "usernames", "by_phone", "by_email"),
        [
            (None, None, PhoneSignIn.NO, False),
            (["email"], None, PhoneSignIn.NO, True),
            (["email", "phone_number"], None, PhoneSignIn.ALIAS, True),
            (["phone_number"], None, PhoneSignIn.ALIAS, False),
            (None, ["email"], PhoneSignIn.NO, True),
            (None, ["phone_number", "email"], PhoneSignIn.USERNAME, True),
        ],
    )
    def test_what_signs_users_in(
        self,
        make_pool: Callable[..., Pool],
        aliases: list[str] | None,
        usernames: list[str] | None,
        by_phone: PhoneSignIn,
        by_email: bool,
    ) -> None:
        facts = make_pool(AliasAttributes=aliases, UsernameAttributes=usernames).directory.describe()

        assert (facts.phone_sign_in, facts.email_sign_in) == (by_phone, by_email)
        assert facts.email_is_username == ("email" in (usernames or []))

    @pytest.mark.parametrize("names", [[], ["email"], ["email", "phone_number"]])
    def test_whether_an_unverified_number_gets_a_code(
        self, make_pool: Callable[..., Pool], names: list[str]
    ) -> None:
        facts = make_pool(AutoVerifiedAttributes=names).directory.describe()

        assert facts.phone_auto_verified == facts.code_sms_on_unverified_write == ("phone_number" in names)

    @pytest.mark.parametrize("held", [[], ["phone_number"]])
    def test_whether_unproven_numbers_are_held_back(
        self, make_pool: Callable[..., Pool], held: list[str]
    ) -> None:
        settings = {"AttributesRequireVerificationBeforeUpdate": held}
        made = make_pool(AutoVerifiedAttributes=["phone_number"], UserAttributeUpdateSettings=settings)

        assert made.directory.describe().phone_needs_proof == bool(held)

    @pytest.mark.parametrize(
        "names", [("admin_only",), ("verified_email",), ("verified_phone_number", "verified_email")]
    )
    def test_the_ways_of_recovery_in_their_order(
        self, make_pool: Callable[..., Pool], names: tuple[str, ...]
    ) -> None:
        mechanisms = [{"Priority": place, "Name": name} for place, name in enumerate(names, 1)]

        facts = make_pool(
            AccountRecoverySetting={"RecoveryMechanisms": mechanisms[::-1]}
        ).directory.describe()

        assert facts.recovery == names

    def test_without_a_recovery_setting_there_is_none(self, make_pool: Callable[..., Pool]) -> None:
        assert make_pool().directory.describe().recovery is None

    @pytest.mark.parametrize("sensitive", [True, False])
    def test_whether_case_counts(self, make_pool: Callable[..., Pool], sensitive: bool) -> None:
        facts = make_pool(UsernameConfiguration={"CaseSensitive": sensitive}).directory.describe()

        assert facts.case_sensitive is sensitive

    def test_id_name_and_size(self, pool: Pool) -> None:
        pool.add("hana")

        facts = pool.directory.describe()

        assert (facts.id, facts.name, facts.estimated_users) == (pool.id, "members", 2)

    def test_a_number_that_cannot_be_changed(self, make_pool: Callable[..., Pool]) -> None:
        schema = [{"Name": "phone_number", "AttributeDataType": "String", "Mutable": False}]

        assert not make_pool(Schema=schema).directory.describe().phone_mutable
        assert make_pool().directory.describe().phone_mutable


class TestPages:
    @pytest.fixture
    def crowd(self, make_pool: Callable[..., Pool]) -> Pool:
        made = make_pool()
        for number in range(130):
            made.call("admin_create_user", Username=f"user{number:03d}", MessageAction="SUPPRESS")
        return made

    def test_the_pages_hold_everybody_once_sixty_at_a_time(self, crowd: Pool) -> None:
        pages: list[list[str]] = []
        token = None
        while not pages or token is not None:
            page = crowd.directory.page(None, token)
            pages.append([user.username for user in page.users])
            token = page.token

        assert [len(page) for page in pages] == [60, 60, 10]
        assert sorted(chain.from_iterable(pages)) == [f"user{number:03d}" for number in range(130)]

    def test_a_prefix_finds_those_who_have_it(self, crowd: Pool) -> None:
        found = crowd.directory.page(Filter("username", "user00", prefix=True), None)

        assert sorted(user.username for user in found.users) == [f"user{number:03d}" for number in range(10)]

    @needs("page_limits")
    def test_more_than_sixty_at_a_time_are_refused(self, crowd: Pool) -> None:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            crowd.call("list_users", Limit=61)

    @needs("page_tokens")
    def test_a_token_of_nobodys_making_is_refused(self, pool: Pool) -> None:
        assert code_of(lambda: pool.directory.page(None, "nonsense")) == "InvalidParameterException"

    def test_a_listed_user_is_known_but_for_mfa(self, pool: Pool) -> None:
        pool.write(phone_number=PHONE.e164, phone_number_verified="true")
        pool.directory.set_sms_mfa("taro", enabled=True, preferred=True)

        (user,) = pool.directory.page(None, None).users

        assert user == replace(pool.directory.user("taro"), mfa=None)
        assert (user.phone, user.phone_verified, user.email_verified) == (PHONE.e164, True, True)

    @needs("attributes_to_get")
    def test_naming_attributes_that_somebody_lacks_is_refused(self, pool: Pool) -> None:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            pool.call("list_users", AttributesToGet=["phone_number"])


class TestFilters:
    @pytest.mark.parametrize("attribute", ["sub", "username", "email", "phone_number"])
    def test_one_user_is_found_by_each_identity(self, pool: Pool, attribute: str) -> None:
        pool.add("hana", email="hana@example.com", phone_number=OTHER.e164)
        hana = pool.directory.user("hana")
        value = {
            "sub": hana.sub,
            "username": "hana",
            "email": "hana@example.com",
            "phone_number": OTHER.e164,
        }[attribute]

        assert [user.sub for user in pool.directory.page(Filter(attribute, value), None).users] == [hana.sub]

    @pytest.mark.parametrize("attribute", ["sub", "username", "email", "phone_number"])
    def test_nobody_is_found_by_what_nobody_has(self, pool: Pool, attribute: str) -> None:
        page = pool.directory.page(Filter(attribute, "nobody"), None)

        assert (page.users, page.token) == ((), None)

    @pytest.mark.parametrize("value", ['x" or "1"="1', 'x"', "%", "*", "tar", "", "x" * 300])
    def test_a_value_is_never_more_than_a_value(self, pool: Pool, value: str) -> None:
        assert pool.directory.page(Filter("username", value), None).users == ()

    @needs("list_filters")
    @pytest.mark.parametrize("name", ['ha"na', "ha\\na", 'h"\\"a', "hana\\"])
    def test_quotes_and_backslashes_belong_to_the_value(self, pool: Pool, name: str) -> None:
        pool.add(name)

        assert [user.username for user in pool.directory.page(Filter("username", name), None).users] == [name]

    @needs("folds_emails")
    def test_addresses_are_found_in_any_case_where_case_does_not_count(
        self, make_pool: Callable[..., Pool]
    ) -> None:
        made = make_pool(UsernameConfiguration={"CaseSensitive": False})
        made.add(email="Taro@Example.com", email_verified="true")

        assert len(made.directory.page(Filter("email", "tARO@example.com"), None).users) == 1

    @needs("quoted_filter_names")
    def test_the_name_in_a_filter_may_be_quoted(self, pool: Pool) -> None:
        assert len(pool.call("list_users", Filter='"email" = "taro@example.com"')["Users"]) == 1

    @pytest.mark.parametrize("attribute", ["email_verified", "custom:team"])
    def test_what_cannot_be_searched_is_refused(self, pool: Pool, attribute: str) -> None:
        assert (
            code_of(lambda: pool.directory.page(Filter(attribute, "true"), None))
            == "InvalidParameterException"
        )


class TestUser:
    def test_a_user_without_mfa(self, pool: Pool) -> None:
        user = pool.directory.user("taro")

        assert (user.username, user.status, user.enabled) == ("taro", "CONFIRMED", True)
        assert (user.email, user.email_verified, user.phone, user.phone_verified) == (
            "taro@example.com",
            True,
            None,
            False,
        )
        assert user.mfa == MfaState()
        assert user.sub == pool.attributes()["sub"]
        assert user.modified > 0

    def test_disabled_and_new_users(self, pool: Pool) -> None:
        pool.call("admin_disable_user", Username="taro")
        pool.call("admin_create_user", Username="hana", MessageAction="SUPPRESS")

        assert not pool.directory.user("taro").enabled
        assert pool.directory.user("hana").status == "FORCE_CHANGE_PASSWORD"

    @pytest.mark.parametrize("status", ["UNCONFIRMED", "RESET_REQUIRED", "ARCHIVED", "EXTERNAL_PROVIDER"])
    def test_other_statuses(self, pool: Pool, target: Target, status: str) -> None:
        target.arrange(pool, "taro", UserStatus=status)

        user = pool.directory.user("taro")

        assert (user.status, user.federated) == (status, status == "EXTERNAL_PROVIDER")

    @needs("finds_by_sub")
    def test_a_user_is_found_by_sub(self, pool: Pool) -> None:
        assert pool.directory.user(pool.attributes()["sub"]).username == "taro"

    @needs("finds_by_alias")
    def test_a_user_is_found_by_a_verified_address(self, pool: Pool) -> None:
        assert pool.directory.user("taro@example.com").username == "taro"

    @needs("folds_usernames")
    def test_a_user_is_found_in_any_case_where_case_does_not_count(
        self, make_pool: Callable[..., Pool]
    ) -> None:
        made = make_pool(UsernameConfiguration={"CaseSensitive": False})
        made.add("Taro")

        assert made.directory.user("tARO").username == "Taro"

    @needs("mfa_options")
    def test_sms_mfa_of_old_days_shows_in_mfa_options(self, pool: Pool, target: Target) -> None:
        target.arrange(pool, "taro", MFAOptions=LEGACY_SMS)

        assert pool.directory.user("taro").mfa == MfaState(legacy_sms=True)

    @needs("auth_factors")
    @pytest.mark.parametrize("factors", [["PASSWORD"], ["PASSWORD", "WEB_AUTHN"]])
    def test_a_passkey_is_seen(self, pool: Pool, target: Target, factors: list[str]) -> None:
        target.arrange(pool, "taro", ConfiguredUserAuthFactors=factors)

        assert pool.directory.has_passkey("taro") == ("WEB_AUTHN" in factors)


class TestStorePhone:
    @pytest.mark.parametrize("verified", [True, False])
    def test_a_number_is_stored_as_asked(self, pool: Pool, verified: bool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=verified)

        user = pool.directory.user("taro")
        assert (user.phone, user.phone_verified) == (PHONE.e164, verified)
        assert user.email == "taro@example.com"

    def test_a_write_shows_in_the_date_or_not_but_never_goes_back(self, pool: Pool) -> None:
        before = pool.directory.user("taro").modified

        pool.directory.store_phone("taro", PHONE, verified=True)

        assert pool.directory.user("taro").modified >= before

    @needs("unverifies_on_change")
    def test_another_number_is_not_verified_by_the_one_before(self, pool: Pool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=True)

        pool.directory.store_phone("taro", OTHER, verified=False)

        user = pool.directory.user("taro")
        assert (user.phone, user.phone_verified) == (OTHER.e164, False)

    def test_a_vouched_number_replaces_another(self, pool: Pool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=False)

        pool.directory.store_phone("taro", OTHER, verified=True)

        user = pool.directory.user("taro")
        assert (user.phone, user.phone_verified) == (OTHER.e164, True)

    def test_the_same_number_stays_verified(self, pool: Pool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=True)

        pool.directory.store_phone("taro", PHONE, verified=True)

        assert pool.directory.user("taro").proven_phone == PHONE.e164

    @needs("phone_format_checked")
    @pytest.mark.parametrize(
        "text", ["09012345678", "+81-90-1234-5678", "+81 9012345678", "+8190123456789012"]
    )
    def test_what_is_not_e164_is_refused_and_nothing_stored(self, pool: Pool, text: str) -> None:
        assert code_of(lambda: pool.directory.store_phone("taro", Phone(text), verified=True)) == (
            "InvalidParameterException"
        )
        assert pool.directory.user("taro").phone is None

    @needs("holds_back_until_verified")
    def test_an_unproven_number_is_held_back_where_the_pool_says_so(
        self, make_pool: Callable[..., Pool]
    ) -> None:
        settings = {"AttributesRequireVerificationBeforeUpdate": ["phone_number"]}
        made = make_pool(AutoVerifiedAttributes=["phone_number"], UserAttributeUpdateSettings=settings)
        made.add()

        made.directory.store_phone("taro", PHONE, verified=False)
        held = made.directory.user("taro").phone
        made.directory.store_phone("taro", PHONE, verified=True)

        assert (held, made.directory.user("taro").proven_phone) == (None, PHONE.e164)

    @needs("blank_deletes")
    def test_a_blank_value_would_delete_the_number(self, pool: Pool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=True)

        pool.write(phone_number="")

        assert not {"phone_number", "phone_number_verified"} & pool.attributes().keys()

    @needs("schema_checked")
    def test_attributes_outside_the_schema_are_refused(self, pool: Pool) -> None:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            pool.write(**{"custom:team": "a"})

    @needs("needs_number_for_flag")
    def test_a_flag_without_a_number_is_refused(self, pool: Pool) -> None:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            pool.write(phone_number_verified="true")

    @needs("sms_counted")
    def test_only_an_unverified_number_of_an_auto_verified_kind_gets_a_code(
        self, make_pool: Callable[..., Pool], target: Target
    ) -> None:
        counts = []
        for names, verified in ((["phone_number"], False), (["phone_number"], True), (["email"], False)):
            made = make_pool(AutoVerifiedAttributes=names)
            made.add()
            made.directory.store_phone("taro", PHONE, verified=verified)
            counts.append(target.sms(made, "taro"))

        assert counts == [1, 0, 0]

    @needs("alias_rules")
    def test_a_verified_alias_moves_to_whom_it_was_verified_for_last(
        self, make_pool: Callable[..., Pool]
    ) -> None:
        made = make_pool(AliasAttributes=["phone_number"])
        made.add("taro", phone_number=PHONE.e164, phone_number_verified="true")
        made.add("hana")

        made.directory.store_phone("hana", PHONE, verified=True)

        verified = [made.directory.user(name).phone_verified for name in ("taro", "hana")]
        assert verified == [False, True]

    @pytest.mark.parametrize("kind", ["AliasAttributes", None])
    def test_where_numbers_sign_nobody_in_they_may_be_shared(
        self, make_pool: Callable[..., Pool], kind: str | None
    ) -> None:
        made = make_pool(AliasAttributes=["email"] if kind else None)
        made.add("taro", phone_number=PHONE.e164, phone_number_verified="true")
        made.add("hana")

        made.directory.store_phone("hana", PHONE, verified=True)

        assert [made.directory.user(name).phone_verified for name in ("taro", "hana")] == [True, True]


class TestSmsMfa:
    @pytest.fixture
    def ready(self, pool: Pool) -> Pool:
        pool.directory.store_phone("taro", PHONE, verified=True)
        return pool

    def test_on_and_preferred(self, ready: Pool) -> None:
        ready.directory.set_sms_mfa("taro", enabled=True, preferred=True)

        mfa = ready.directory.user("taro").mfa
        assert mfa == MfaState(enabled=frozenset({"SMS_MFA"}), preferred="SMS_MFA")
        assert mfa.sms_in_effect

    def test_on_and_not_preferred(self, ready: Pool) -> None:
        ready.directory.set_sms_mfa("taro", enabled=True, preferred=False)

        assert ready.directory.user("taro").mfa == MfaState(enabled=frozenset({"SMS_MFA"}))

    def test_off_again(self, ready: Pool) -> None:
        ready.directory.set_sms_mfa("taro", enabled=True, preferred=True)

        ready.directory.set_sms_mfa("taro", enabled=False, preferred=False)

        user = ready.directory.user("taro")
        assert user.mfa == MfaState()
        assert user.proven_phone == PHONE.e164

    def test_twice_is_as_once(self, ready: Pool) -> None:
        for _ in range(2):
            ready.directory.set_sms_mfa("taro", enabled=True, preferred=True)

        assert ready.directory.user("taro").mfa == MfaState(
            enabled=frozenset({"SMS_MFA"}), preferred="SMS_MFA"
        )

    def test_an_unverified_number_will_do(self, pool: Pool) -> None:
        pool.directory.store_phone("taro", PHONE, verified=False)

        pool.directory.set_sms_mfa("taro", enabled=True, preferred=True)

        mfa = pool.directory.user("taro").mfa
        assert mfa is not None
        assert mfa.sms_in_effect

    @needs("mfa_needs_phone")
    def test_no_number_will_not(self, pool: Pool) -> None:
        switch = lambda: pool.directory.set_sms_mfa("taro", enabled=True, preferred=True)  # noqa: E731

        assert code_of(switch) == "InvalidParameterException"

    @needs("preferred_needs_enabled")
    def test_preferred_without_enabled_is_refused(self, ready: Pool) -> None:
        switch = lambda: ready.directory.set_sms_mfa("taro", enabled=False, preferred=True)  # noqa: E731

        assert code_of(switch) == "InvalidParameterException"

    @needs("email_mfa")
    def test_email_mfa_is_a_factor_beside(self, make_pool: Callable[..., Pool]) -> None:
        made = make_pool()
        made.add(email="taro@example.com", email_verified="true", phone_number=PHONE.e164)
        made.call(
            "set_user_pool_mfa_config",
            MfaConfiguration="OPTIONAL",
            SmsMfaConfiguration={"SmsConfiguration": ROLE},
            EmailMfaConfiguration={"Message": "Code {####}", "Subject": "Code"},
        )
        made.call(
            "admin_set_user_mfa_preference",
            Username="taro",
            EmailMfaSettings={"Enabled": True, "PreferredMfa": True},
        )

        made.directory.set_sms_mfa("taro", enabled=True, preferred=False)

        mfa = made.directory.user("taro").mfa
        assert mfa == MfaState(enabled=frozenset({"SMS_MFA", "EMAIL_OTP"}), preferred="EMAIL_OTP")


class TestErrors:
    @pytest.mark.parametrize(
        "call",
        [
            lambda d: d.user("nobody"),
            lambda d: d.store_phone("nobody", PHONE, verified=True),
            lambda d: d.set_sms_mfa("nobody", enabled=True, preferred=True),
        ],
        ids=["user", "store_phone", "set_sms_mfa"],
    )
    def test_an_unknown_user_is_that_users_matter(self, pool: Pool, call: Callable[[Any], object]) -> None:
        with pytest.raises(ApiError) as caught:
            call(pool.directory)

        assert (caught.value.code, caught.value.effect) == ("UserNotFoundException", Effect.REFUSED)

    @pytest.mark.parametrize(
        "call",
        [
            lambda d: d.describe(),
            lambda d: d.page(None, None),
            lambda d: d.user("taro"),
            lambda d: d.store_phone("taro", PHONE, verified=True),
            lambda d: d.set_sms_mfa("taro", enabled=True, preferred=True),
        ],
        ids=["describe", "page", "user", "store_phone", "set_sms_mfa"],
    )
    def test_an_unknown_pool_concerns_everybody(self, pool: Pool, call: Callable[[Any], object]) -> None:
        nowhere = Pool(pool.target, "ap-northeast-1_Nowhere01")

        with pytest.raises(ApiError) as caught:
            call(nowhere.directory)

        assert (caught.value.code, caught.value.effect) == ("ResourceNotFoundException", Effect.FATAL)

    @needs("malformed_pool_id")
    def test_a_malformed_pool_id_is_told_from_an_unknown_one(self, pool: Pool) -> None:
        with pytest.raises(ClientError, match="InvalidParameterException"):
            pool.client.describe_user_pool(UserPoolId="nonsense")

    @needs("throttle")
    def test_too_many_calls_are_throttled(self, pool: Pool, target: Target) -> None:
        if isinstance(target, Simulator):
            target.running.control("faults", {"rules": [{"kind": "throttle", "ops": ["AdminGetUser"]}]})
        try:
            with pytest.raises(ApiError) as caught:
                pool.directory.user("taro")
        finally:
            if isinstance(target, Simulator):
                target.running.control("faults", {})

        assert (caught.value.code, caught.value.effect) == ("TooManyRequestsException", Effect.THROTTLED)


class TestLimits:
    @needs("provisioned_limit")
    def test_the_limit_of_an_adjustable_category_is_known(self, pool: Pool) -> None:
        assert pool.directory.enforced_limit(Category.USER_READ) == 120

    @needs("service_quotas")
    def test_the_limit_of_any_other_category_is_known(self, pool: Pool) -> None:
        assert pool.directory.enforced_limit(Category.USER_UPDATE) == 25
        assert pool.directory.enforced_limit(Category.USER_LIST) == 30

    @pytest.mark.parametrize("category", list(Category))
    def test_a_limit_is_never_an_error(self, pool: Pool, category: Category) -> None:
        assert (pool.directory.enforced_limit(category) or 1) > 0


def test_every_known_difference_is_shown_by_a_test_and_no_test_needs_anything_else() -> None:
    assert NEEDED.keys() == KNOWN_DIFFERENCES.keys()


def test_every_known_difference_names_its_row_once_and_says_what_it_is() -> None:
    rows = [known.row for known in KNOWN_DIFFERENCES.values()]

    assert len(set(rows)) == len(rows)
    assert all(1 <= row <= 84 for row in rows)
    assert all(known.sentence.endswith(".") for known in KNOWN_DIFFERENCES.values())
