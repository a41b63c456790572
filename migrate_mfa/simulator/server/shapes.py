"""The JSON types of request members, by name: another type is a SerializationException.

A shape is `str`, `bool`, `int`, a list of one shape, a structure ({member: shape}), or a map
({ANY: shape}). Members that no operation here reads are ignored, and null means "not given".
Source: Amazon Cognito user pools API Reference, "Data Types" and "Common Errors".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = "*"

_STRINGS = (
    "AccessToken AttributeName AuthFlow ChallengeName ClientId ClientName ClientSecret Code "
    "DeletionProtection EmailVerificationMessage EmailVerificationSubject Filter MessageAction "
    "MfaConfiguration NextToken PaginationToken Password PoolName PreventUserExistenceErrors QuotaCode "
    "RestoreId ServiceCode Session SmsAuthenticationMessage SmsVerificationMessage TemporaryPassword Token "
    "UserPoolId UserPoolTier Username"
)
_BOOLEANS = "EnableTokenRevocation ForceAliasCreation GenerateSecret Permanent"
_INTEGERS = "AccessTokenValidity AuthSessionValidity IdTokenValidity Limit MaxResults RefreshTokenValidity"
_STRING_LISTS = (
    "AliasAttributes AttributesToGet AutoVerifiedAttributes DesiredDeliveryMediums ExplicitAuthFlows "
    "ReadAttributes UsernameAttributes WriteAttributes"
)
_MAPS = "AuthParameters ChallengeResponses ClientMetadata"

_PREFERENCE = {"Enabled": bool, "PreferredMfa": bool}
_MESSAGE = {"Message": str, "Subject": str}
_EUMS = dict.fromkeys(
    (
        "CallerArn",
        "ConfigurationSetName",
        "ExternalId",
        "InEntityId",
        "InTemplateId",
        "OriginationIdentity",
        "Region",
    ),
    str,
)
_SMS = {"SnsCallerArn": str, "ExternalId": str, "SnsRegion": str, "EumsSms": _EUMS}
_METRIC = {"Namespace": str, "MetricName": str, "Dimensions": [{"Name": str, "Value": str}]}
_ROWS = [{"Name": str, "Value": str}]

SHAPES: Mapping[str, Any] = {
    **dict.fromkeys(_STRINGS.split(), str),
    **dict.fromkeys(_BOOLEANS.split(), bool),
    **dict.fromkeys(_INTEGERS.split(), int),
    **{name: [str] for name in _STRING_LISTS.split()},
    **{name: {ANY: str} for name in _MAPS.split()},
    "UserAttributes": _ROWS,
    "SMSMfaSettings": _PREFERENCE,
    "SoftwareTokenMfaSettings": _PREFERENCE,
    "EmailMfaSettings": _PREFERENCE,
    "WebAuthnMfaSettings": {"Enabled": bool},
    "SmsConfiguration": _SMS,
    "SmsMfaConfiguration": {"SmsAuthenticationMessage": str, "SmsConfiguration": _SMS},
    "SoftwareTokenMfaConfiguration": {"Enabled": bool},
    "EmailMfaConfiguration": _MESSAGE,
    "WebAuthnConfiguration": {"RelyingPartyId": str, "UserVerification": str, "FactorConfiguration": str},
    "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": [str]},
    "UsernameConfiguration": {"CaseSensitive": bool},
    "AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": int, "Name": str}]},
    "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": bool, "UnusedAccountValidityDays": int},
    "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": bool, "DeviceOnlyRememberedOnUserPrompt": bool},
    "EmailConfiguration": {"EmailSendingAccount": str, "SourceArn": str, "From": str},
    "LambdaConfig": {},
    "UserPoolAddOns": {"AdvancedSecurityMode": str},
    "UserPoolTags": {ANY: str},
    "VerificationMessageTemplate": {"DefaultEmailOption": str, "SmsMessage": str},
    "Schema": [{"Name": str, "AttributeDataType": str, "Mutable": bool, "Required": bool}],
    "Policies": {
        "PasswordPolicy": {
            "MinimumLength": int,
            "RequireUppercase": bool,
            "RequireLowercase": bool,
            "RequireNumbers": bool,
            "RequireSymbols": bool,
        },
        "SignInPolicy": {"AllowedFirstAuthFactors": [str]},
    },
    "TokenValidityUnits": {ANY: str},
    "MetricDataQueries": [{"Id": str, "MetricStat": {"Period": int, "Stat": str, "Metric": _METRIC}}],
    "LimitDefinition": {"LimitClass": str, "Attributes": {ANY: str}},
}


def check_shapes(params: Mapping[str, Any]) -> None:
    """Refuse a request with a member of another type than the API's.

    Raises:
        CognitoError: SerializationException.
    """
    for member, value in params.items():
        if value is not None and member in SHAPES and not fits(SHAPES[member], value):
            raise CognitoError("SerializationException", f"{member} has a wrong type.")


def fits(shape: Any, value: object) -> bool:  # noqa: ANN401 - shapes nest freely
    """Say whether a value has this shape, all the way down."""
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(shape[0], item) for item in value)
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            item is None or fits(inner, item)
            for name, item in value.items()
            if (inner := shape.get(name, shape.get(ANY))) is not None
        )
    return type(value) is shape
