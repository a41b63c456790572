"""The settings of a pool: defaults, the schema, and combinations that Cognito refuses.

Sources: API Reference, "CreateUserPool", "UpdateUserPool" and "SetUserPoolMfaConfig"; the texts of
refusals are those that users of these operations have reported.
"""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError, invalid_parameter
from migrate_mfa.simulator.server.shapes import ANY, SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping

Config = dict[str, Any]

FIXED = ("AliasAttributes", "UsernameAttributes", "UsernameConfiguration", "Schema")
"""Settings that can be made only at creation (Developer Guide, "Updating user pool and app client
configuration")."""

UPDATABLE = frozenset(
    {
        "Policies",
        "DeletionProtection",
        "LambdaConfig",
        "AutoVerifiedAttributes",
        "SmsVerificationMessage",
        "EmailVerificationMessage",
        "EmailVerificationSubject",
        "VerificationMessageTemplate",
        "SmsAuthenticationMessage",
        "UserAttributeUpdateSettings",
        "MfaConfiguration",
        "DeviceConfiguration",
        "EmailConfiguration",
        "SmsConfiguration",
        "UserPoolTags",
        "AdminCreateUserConfig",
        "UserPoolAddOns",
        "AccountRecoverySetting",
        "UserPoolTier",
    }
)
MFA_BLOCKS = ("SoftwareTokenMfaConfiguration", "EmailMfaConfiguration", "WebAuthnConfiguration")
"""Settings that only the MFA operations return and write."""

FUTURE_BLOCKS = "FutureMfaBlocks"
"""Blocks, by name, that GetUserPoolMfaConfig returns but no present client can send back."""

DECLARED: Mapping[str, Any] = {
    "EstimatedNumberOfUsers": int,
    "SmsConfigurationFailure": str,
    "Domain": str,
    "CustomDomain": str,
    "Replicas": [{"Role": str, "RegionName": str}],
    "LogConfigurations": [{}],
}
"""Members of a pool file that no operation here writes, with the shapes of `shapes`."""

CONFIG_SHAPES: Mapping[str, Any] = {
    **{name: SHAPES[name] for name in sorted(UPDATABLE | {*FIXED, *MFA_BLOCKS})},
    FUTURE_BLOCKS: {ANY: {}},
    **DECLARED,
}
"""The members of a pool file's `config`."""

_DEFAULTS: Mapping[str, Any] = {
    "Policies": {
        "PasswordPolicy": {
            "MinimumLength": 8,
            "RequireUppercase": True,
            "RequireLowercase": True,
            "RequireNumbers": True,
            "RequireSymbols": True,
            "TemporaryPasswordValidityDays": 7,
        },
        "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]},
    },
    "DeletionProtection": "INACTIVE",
    "LambdaConfig": {},
    "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
    "MfaConfiguration": "OFF",
    "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
    "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": False, "UnusedAccountValidityDays": 7},
    "UserPoolTier": "ESSENTIALS",
}

_IMMUTABLE_STANDARD = frozenset({"sub", "identities"})
_STANDARD = (
    "sub",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
    "identities",
)
_BOOLEAN = frozenset({"email_verified", "phone_number_verified"})


def with_defaults(given: Config) -> Config:
    """Fill a configuration up with the defaults of a new pool."""
    merged = {**copy.deepcopy(dict(_DEFAULTS)), **copy.deepcopy(given)}
    merged["Policies"] = {**copy.deepcopy(_DEFAULTS["Policies"]), **merged["Policies"]}
    return merged


def reset_unspecified(current: Config, request: Config) -> Config:
    """Give what UpdateUserPool makes of a pool: members it was not given go back to defaults.

    The tier stays, and the pool keeps what only other operations can write.
    """
    kept = (*FIXED, *MFA_BLOCKS, FUTURE_BLOCKS, *DECLARED, "UserPoolTier")
    base = {name: current[name] for name in kept if name in current}
    return with_defaults({**base, **{k: v for k, v in request.items() if k in UPDATABLE}})


def schema_of(config: Config) -> dict[str, Config]:
    """Give the attributes of a pool by name: the standard ones, overridden and added to."""
    schema: dict[str, Config] = {
        name: {
            "Name": name,
            "AttributeDataType": "Boolean" if name in _BOOLEAN else "String",
            "DeveloperOnlyAttribute": False,
            "Mutable": name not in _IMMUTABLE_STANDARD,
            "Required": name == "sub",
        }
        for name in _STANDARD
    }
    for row in config.get("Schema", ()):
        name = row["Name"] if row["Name"] in schema else f"custom:{row['Name']}"
        base = {"AttributeDataType": "String", "DeveloperOnlyAttribute": False, "Mutable": True}
        schema[name] = {**base, "Required": False, **schema.get(name, {}), **row, "Name": name}
    return schema


def check_new_settings(config: Config) -> None:
    """Refuse what CreateUserPool and UpdateUserPool refuse.

    Raises:
        CognitoError: InvalidParameterException.
    """
    check_consistent(config)
    auto = config.get("AutoVerifiedAttributes", ())
    has_sms = bool(config.get("SmsConfiguration"))
    if "phone_number" in auto and not has_sms:
        raise invalid_parameter(
            "SMS configuration is required when phone_number is selected for auto verification"
        )
    other_factor = config.get("SoftwareTokenMfaConfiguration", {}).get("Enabled")
    can_send = has_sms and "phone_number" in auto
    if config["MfaConfiguration"] != "OFF" and not other_factor and not can_send:
        raise invalid_parameter(
            "SMS configuration and Auto verification for phone_number are required "
            "when MFA is required/optional"
        )


def check_consistent(config: Config) -> None:
    """Refuse settings that no pool can have, for all operations.

    Raises:
        CognitoError: InvalidParameterException.
    """
    if config["MfaConfiguration"] not in ("OFF", "OPTIONAL", "ON"):
        raise invalid_parameter("MfaConfiguration must be one of OFF, ON, OPTIONAL.")
    if config.get("AliasAttributes") and config.get("UsernameAttributes"):
        raise invalid_parameter(
            "Only one of aliasAttributes or usernameAttributes can be set in a user pool."
        )
    held = set(
        config.get("UserAttributeUpdateSettings", {}).get("AttributesRequireVerificationBeforeUpdate", ())
    )
    if held - set(config.get("AutoVerifiedAttributes", ())):
        raise invalid_parameter(
            "AttributesRequireVerificationBeforeUpdate needs the attributes to be auto-verified."
        )
    check_sms_text(config.get("SmsAuthenticationMessage"))


def check_sms_text(text: str | None) -> None:
    """Refuse an SmsAuthenticationMessage without the place for the code, or of a wrong length."""
    if text is not None and not re.fullmatch(r"(?s)(?=.{6,140}$).*\{####\}.*", text):
        raise invalid_parameter("SmsAuthenticationMessage must have 6 to 140 characters and {####}.")


def replaced_mfa_config(current: Config, request: Config) -> Config:
    """Give the configuration after SetUserPoolMfaConfig, which replaces all of the MFA settings.

    A block that is left out is switched off, and a block that is given replaces the former one, the
    text of the message with it. SMS is the exception: once configured, it can be neither removed nor
    turned off as a factor (Developer Guide, "SMS and email message MFA").

    Raises:
        CognitoError: InvalidParameterException, with the text that the service gives;
            FeatureUnavailableInTierException for e-mail MFA below the Essentials tier.
    """
    mode = request.get("MfaConfiguration", "OFF")
    sms = request.get("SmsMfaConfiguration")
    totp = bool(request.get("SoftwareTokenMfaConfiguration", {}).get("Enabled"))
    email = "EmailMfaConfiguration" in request
    _check_factors(current, mode, any_factor=bool(sms) or totp or email, sms=bool(sms))
    if email and current["UserPoolTier"] == "LITE":
        raise CognitoError(
            "FeatureUnavailableInTierException", "Email MFA needs the Essentials tier or higher."
        )
    replaced = {*MFA_BLOCKS, FUTURE_BLOCKS, *(["SmsAuthenticationMessage"] if sms else [])}
    new = {k: v for k, v in current.items() if k not in replaced}
    new |= {name: request[name] for name in MFA_BLOCKS if name in request}
    new["MfaConfiguration"] = mode
    new |= {k: v for k, v in (sms or {}).items() if v}
    if sms and not new.get("SmsConfiguration"):
        raise invalid_parameter("SMS configuration is required to turn on SMS_MFA.")
    check_consistent(new)
    return new


def _check_factors(current: Config, mode: str, *, any_factor: bool, sms: bool) -> None:
    prefix = "Invalid MFA configuration given, can't"
    if mode == "OFF" and any_factor:
        raise invalid_parameter(f"{prefix} turn off MFA and configure an MFA together.")
    if mode != "OFF" and not any_factor:
        raise invalid_parameter(f"{prefix} disable all MFAs with a required or optional configuration.")
    if mode != "OFF" and not sms and current.get("SmsConfiguration"):
        raise invalid_parameter("Can't turn off SMS_MFA when SMS configuration is set for the user pool")
