"""The settings of a pool that only `check` judges, read from boto3's answers."""

from migrate_mfa.aws.answers import Answer
from migrate_mfa.checks.snapshot import AppClient, PoolDetails, SmsPath

_DEFAULT_FLOWS = ("ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH")
"""The flows that a client without ExplicitAuthFlows allows (API reference, "CreateUserPoolClient")."""
_SESSION_MIN = 3
_REFRESH_DAYS = 30
_IN_DAYS = {"seconds": 86400.0, "minutes": 1440.0, "hours": 24.0, "days": 1.0}
_SNS_ELSEWHERE = {"ap-northeast-2": "ap-northeast-1"}
"""Pools in Seoul send from Tokyo (API reference, "SmsConfigurationType")."""
_STACK = "aws:cloudformation:stack-name"
_NO_FUNCTION = "KMSKeyID"  # the only member of LambdaConfig that does not name a function


def pool_details(pool: Answer, mfa: Answer, region: str) -> PoolDetails:
    """The settings used from DescribeUserPool's `UserPool` and from GetUserPoolMfaConfig's answer.

    Args:
        pool: the former.
        mfa: the latter.
        region: the pool's Region, which sends the SMS unless a setting names another.
    """
    sms = mfa.get("SmsMfaConfiguration") or {}
    device = pool.get("DeviceConfiguration")
    first = ((pool.get("Policies") or {}).get("SignInPolicy") or {}).get("AllowedFirstAuthFactors")
    return PoolDetails(
        arn=pool.get("Arn", ""),
        sms=sms_path(sms.get("SmsConfiguration") or {}, region),
        sms_text=sms.get("SmsAuthenticationMessage") or pool.get("SmsAuthenticationMessage"),
        tier=pool.get("UserPoolTier") or "ESSENTIALS",
        threat_protection=(pool.get("UserPoolAddOns") or {}).get("AdvancedSecurityMode") or "OFF",
        triggers=_triggers(pool.get("LambdaConfig") or {}),
        first_factors=frozenset(first or ()),
        totp=bool((mfa.get("SoftwareTokenMfaConfiguration") or {}).get("Enabled")),
        device_challenge=bool(device.get("ChallengeRequiredOnNewDevice")) if device else None,
        phone_required=_phone_required(pool),
        domain=pool.get("CustomDomain") or pool.get("Domain"),
        stack=(pool.get("UserPoolTags") or {}).get(_STACK),
    )


def sms_path(configuration: Answer, region: str) -> SmsPath | None:
    """SmsConfiguration: Amazon SNS, or AWS End User Messaging if it has EumsSms."""
    if eums := configuration.get("EumsSms"):
        return SmsPath(
            role_arn=eums.get("CallerArn", ""),
            region=eums.get("Region") or region,
            external_id=eums.get("ExternalId"),
            eums=True,
            origin=eums.get("OriginationIdentity"),
        )
    if not configuration:
        return None
    return SmsPath(
        role_arn=configuration.get("SnsCallerArn", ""),
        region=configuration.get("SnsRegion") or _SNS_ELSEWHERE.get(region, region),
        external_id=configuration.get("ExternalId"),
    )


def app_client(client: Answer) -> AppClient:
    """The settings used from DescribeUserPoolClient's `UserPoolClient`."""
    unit = (client.get("TokenValidityUnits") or {}).get("RefreshToken") or "days"
    return AppClient(
        name=client.get("ClientName", ""),
        flows=frozenset(client.get("ExplicitAuthFlows") or _DEFAULT_FLOWS),
        session_min=int(client.get("AuthSessionValidity") or _SESSION_MIN),
        refresh_days=float(client.get("RefreshTokenValidity") or _REFRESH_DAYS) / _IN_DAYS[unit],
    )


def _triggers(config: Answer) -> tuple[str, ...]:
    return tuple(sorted(name for name, value in config.items() if value and name != _NO_FUNCTION))


def _phone_required(pool: Answer) -> bool:
    schema = pool.get("SchemaAttributes") or []
    return any(a.get("Required", False) for a in schema if a.get("Name") == "phone_number")
