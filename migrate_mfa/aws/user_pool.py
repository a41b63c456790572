"""One Cognito user pool through boto3: takes and returns our types, raises only `ApiError`."""

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.aws.problems import FAILURES
from migrate_mfa.aws.session import call
from migrate_mfa.domain.characters import in_one_line
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SOFTWARE_TOKEN_MFA,
    MfaMode,
    MfaState,
    Phone,
    PhoneSignIn,
    PoolFacts,
    UserState,
)
from migrate_mfa.domain.quotas import QUOTAS, Category
from migrate_mfa.domain.sms import parts
from migrate_mfa.ports import Filter, Page, sending

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws

_PAGE = 60  # the largest page of ListUsers (API reference)
_LONGEST_FILTER = 256  # characters ("ListUsers", API reference)


class CognitoUserPool:
    """`ports.UserPool` on a real endpoint. Safe to share between threads, as boto3 clients are."""

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws
        self._pool_id = aws.target.user_pool_id
        self._client: Any = aws.client("cognito-idp")
        self._client.meta.events.register("before-send.cognito-idp.*", _announce)
        self._quotas: Any = None
        self._quotas_lock = threading.Lock()

    @reads("DescribeUserPool")
    def describe(self) -> PoolFacts:
        """DescribeUserPool, and GetUserPoolMfaConfig for its MFA settings."""
        pool = self._call("DescribeUserPool", need="UserPool", UserPoolId=self._pool_id)["UserPool"]
        mfa = self._call("GetUserPoolMfaConfig", UserPoolId=self._pool_id)
        return pool_facts(pool, mfa)

    @reads("ListUsers")
    def page(self, only: Filter | None, token: str | None) -> Page:
        """ListUsers with all attributes: asking for some would fail for users who lack them.

        A value longer than a filter allows is searched for by its beginning, so other users may match too.
        """
        arguments: dict[str, Any] = {"UserPoolId": self._pool_id, "Limit": _PAGE}
        if only is not None:
            arguments["Filter"] = filter_text(only)
        if token is not None:
            arguments["PaginationToken"] = token
        return _page(self._call("ListUsers", need="Users", **arguments))

    @reads("AdminGetUser")
    def user(self, username: str) -> UserState:
        """AdminGetUser."""
        answer = self._call("AdminGetUser", need="Username", UserPoolId=self._pool_id, Username=username)
        return _state(answer, answer["UserAttributes"], mfa_state(answer))

    @reads("AdminGetUserAuthFactors")
    def has_passkey(self, username: str) -> bool:
        """AdminGetUserAuthFactors."""
        answer = self._call(
            "AdminGetUserAuthFactors", need="Username", UserPoolId=self._pool_id, Username=username
        )
        return "WEB_AUTHN" in (answer.get("ConfiguredUserAuthFactors") or [])

    def store_phone(self, username: str, phone: Phone, *, verified: bool) -> None:
        """AdminUpdateUserAttributes; the number must not be blank, which would delete the attribute."""
        flag = {"phone_number_verified": "true"} if verified else {}
        self._update(username, {"phone_number": phone.e164, **flag})

    def mark_unverified(self, username: str, phone: Phone) -> None:
        """AdminUpdateUserAttributes with the flag set to false."""
        self._update(username, {"phone_number": phone.e164, "phone_number_verified": "false"})

    def clear_phone(self, username: str) -> None:
        """AdminUpdateUserAttributes with a blank value."""
        self._update(username, {"phone_number": ""})

    def prefer_factor(self, username: str, factor: str) -> None:
        """AdminSetUserMFAPreference with that factor's block alone."""
        block: dict[str, Any] = {_FACTOR_BLOCKS[factor]: {"Enabled": True, "PreferredMfa": True}}
        self._call("AdminSetUserMFAPreference", UserPoolId=self._pool_id, Username=username, **block)

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        """AdminSetUserMFAPreference with the SMS block alone."""
        self._call(
            "AdminSetUserMFAPreference",
            UserPoolId=self._pool_id,
            Username=username,
            SMSMfaSettings={"Enabled": enabled, "PreferredMfa": preferred},
        )

    def enforced_limit(self, category: Category) -> float | None:
        """GetProvisionedLimit if the category is adjustable, else Service Quotas; None if it is not known.

        For an adjustable category Service Quotas can show more than is enforced ("Quotas in Amazon
        Cognito"), so only the others are read there. After any refusal the quota is not known, and the
        documented default is used.
        """
        try:
            if QUOTAS[category].adjustable:
                return self._provisioned_limit(category)
            return self._service_quota(QUOTAS[category].quota_code)
        except (ApiError, KeyError, TypeError, *FAILURES):
            return None

    def _provisioned_limit(self, category: Category) -> float:
        definition = {"LimitClass": "API_CATEGORY", "Attributes": {"Category": category.value}}
        answer = self._call("GetProvisionedLimit", need="Limit", LimitDefinition=definition)
        return float(answer["Limit"]["ProvisionedLimitValue"])

    def _service_quota(self, code: str) -> float:
        with self._quotas_lock:
            self._quotas = self._quotas or self._aws.client("service-quotas")
        answer = self._quotas.get_service_quota(ServiceCode="cognito-idp", QuotaCode=code)
        return float(answer["Quota"]["Value"])

    def _update(self, username: str, attributes: Mapping[str, str]) -> None:
        self._call(
            "AdminUpdateUserAttributes",
            UserPoolId=self._pool_id,
            Username=username,
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )

    def _call(self, operation: str, *, need: str | None = None, **arguments: Any) -> Answer:  # noqa: ANN401 - boto3's own shapes
        return call(self._client, operation, need=need, **arguments)


_FACTOR_BLOCKS = {SOFTWARE_TOKEN_MFA: "SoftwareTokenMfaSettings", EMAIL_OTP: "EmailMfaSettings"}


def _announce(**_: object) -> None:
    if (announce := sending.get()) is not None:
        announce()


def filter_text(only: Filter) -> str:
    """The Filter of ListUsers, with quotes and backslashes escaped: values come from a CSV file."""
    value, prefix = only.value, only.prefix
    while len(text := _filter_text(only.attribute, value, prefix=prefix)) > _LONGEST_FILTER:
        value, prefix = value[: min(_LONGEST_FILTER, len(value) - 1)], True
    return text


def _filter_text(attribute: str, value: str, *, prefix: bool) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'{attribute} {"^=" if prefix else "="} "{escaped}"'


def pool_facts(pool: Answer, mfa: Answer) -> PoolFacts:
    """The facts used from DescribeUserPool's `UserPool` and from GetUserPoolMfaConfig's answer."""
    aliases = set(pool.get("AliasAttributes") or [])
    usernames = set(pool.get("UsernameAttributes") or [])
    settings = pool.get("UserAttributeUpdateSettings") or {}
    sms = (mfa.get("SmsMfaConfiguration") or {}).get("SmsConfiguration") or {}
    return PoolFacts(
        id=pool["Id"],
        name=in_one_line(pool.get("Name", pool["Id"])),
        mfa=MfaMode(mfa.get("MfaConfiguration") or "OFF"),
        sms_configured=bool(sms),
        phone_auto_verified="phone_number" in (pool.get("AutoVerifiedAttributes") or []),
        phone_needs_proof="phone_number" in (settings.get("AttributesRequireVerificationBeforeUpdate") or []),
        phone_mutable=_phone_mutable(pool),
        phone_sign_in=_phone_sign_in(aliases, usernames),
        email_sign_in="email" in aliases | usernames,
        email_is_username="email" in usernames,
        case_sensitive=(pool.get("UsernameConfiguration") or {}).get("CaseSensitive", True),
        recovery=_recovery(pool),
        passkeys_at_risk=_passkeys_at_risk(pool, mfa),
        estimated_users=int(pool.get("EstimatedNumberOfUsers") or 0),
        sms_failure=pool.get("SmsConfigurationFailure"),
        code_sms_parts=parts(_verification_message(pool)),
        sign_in_sms_parts=parts(
            (mfa.get("SmsMfaConfiguration") or {}).get("SmsAuthenticationMessage")
            or pool.get("SmsAuthenticationMessage")
        ),
    )


def _verification_message(pool: Answer) -> str | None:
    message: str | None = (pool.get("VerificationMessageTemplate") or {}).get("SmsMessage")
    return message or pool.get("SmsVerificationMessage")


def _phone_sign_in(aliases: set[str], usernames: set[str]) -> PhoneSignIn:
    if "phone_number" in usernames:
        return PhoneSignIn.USERNAME
    return PhoneSignIn.ALIAS if "phone_number" in aliases else PhoneSignIn.NO


def _phone_mutable(pool: Answer) -> bool:
    schema = pool.get("SchemaAttributes") or []
    return all(a.get("Mutable", True) for a in schema if a.get("Name") == "phone_number")


def _recovery(pool: Answer) -> tuple[str, ...] | None:
    setting = pool.get("AccountRecoverySetting")
    if not setting or not setting.get("RecoveryMechanisms"):
        return None
    ordered = sorted(setting["RecoveryMechanisms"], key=lambda mechanism: mechanism["Priority"])
    return tuple(mechanism["Name"] for mechanism in ordered)


def _passkeys_at_risk(pool: Answer, mfa: Answer) -> bool:
    # A user with MFA cannot sign in with a passkey, unless passkeys themselves count as MFA ("Adding MFA to
    # a user pool", Cognito Developer Guide).
    first = ((pool.get("Policies") or {}).get("SignInPolicy") or {}).get("AllowedFirstAuthFactors") or []
    web_authn = mfa.get("WebAuthnConfiguration") or {}
    return (
        "WEB_AUTHN" in first and web_authn.get("FactorConfiguration") != "MULTI_FACTOR_WITH_USER_VERIFICATION"
    )


def mfa_state(answer: Answer) -> MfaState:
    """The MFA settings in AdminGetUser's answer; absent, empty and blank mean the same."""
    legacy = [option.get("DeliveryMedium") for option in answer.get("MFAOptions") or []]
    return MfaState(
        enabled=frozenset(answer.get("UserMFASettingList") or []),
        preferred=answer.get("PreferredMfaSetting") or None,
        legacy_sms="SMS" in legacy,
    )


def _page(answer: Answer) -> Page:
    token = answer.get("PaginationToken")
    if not (isinstance(answer["Users"], list) and (token is None or (token and isinstance(token, str)))):
        raise TypeError
    return Page(tuple(_state(user, user["Attributes"], None) for user in answer["Users"]), token)


def _state(user: Answer, attributes: list[dict[str, str]], mfa: MfaState | None) -> UserState:
    values = {attribute["Name"]: attribute.get("Value", "") for attribute in attributes}
    username, sub = user["Username"], values["sub"]
    if not (username and sub and all(isinstance(each, str) for each in (username, *values.values()))):
        raise TypeError
    modified = user.get("UserLastModifiedDate")
    return UserState(
        username=username,
        sub=sub,
        status=str(user.get("UserStatus", "UNKNOWN")),
        enabled=bool(user.get("Enabled", True)),
        email=values.get("email") or None,
        email_verified=values.get("email_verified", "").lower() == "true",
        phone=values.get("phone_number") or None,
        phone_verified=values.get("phone_number_verified", "").lower() == "true",
        mfa=mfa,
        modified=modified.timestamp() if isinstance(modified, datetime) else 0.0,
    )
