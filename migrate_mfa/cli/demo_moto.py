"""The demonstration on moto: an independent Cognito, more lenient than the service.

Where it cannot hold a state of the samples, or answers otherwise than Cognito, the difference is declared
here, row by row.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import boto3

from migrate_mfa.cli.demo import Stage
from migrate_mfa.domain.errors import UsageError

_ACCOUNT = "123456789012"
_PASSWORD = "Demo-Passw0rd!"  # noqa: S105 - a password of nobody
_UNTOLD = ("Policies",)  # moto has no AdminGetUserAuthFactors, so its pool offers no passkeys

KNOWN_DIFFERENCES: dict[tuple[str, int], tuple[str, str]] = {
    # moto has no MFAOptions, so it does not know that this user had SMS MFA before.
    ("clean", 12): ("verified", "enrolled"),
    # moto has no MFAOptions: this user's number is unverified and nothing uses it.
    ("every-reason", 20): ("verified", "enrolled"),
    # moto has no e-mail MFA.
    ("every-reason", 30): ("verified", "enrolled"),
    # moto has no passkeys.
    ("every-reason", 31): ("verified", "enrolled"),
}
"""(roster, row) → outcome and reason on moto."""


@contextmanager
def moto_stage(document: Mapping[str, Any], extra_emails: Sequence[str]) -> Iterator[Stage]:
    """Start moto's server in this process and make the pool of the samples in it.

    Raises:
        UsageError: moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        raise UsageError("moto is not installed.", "pip install 'migrate-mfa[moto]'") from None
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        yield Stage(endpoint, _make_pool(endpoint, document, extra_emails), KNOWN_DIFFERENCES)
    finally:
        server.stop()


def _make_pool(endpoint: str, document: Mapping[str, Any], extra_emails: Sequence[str]) -> str:
    client: Any = boto3.client("cognito-idp", endpoint_url=endpoint, region_name=document["region"])
    pool = document["pools"][0]
    config = {name: value for name, value in pool["config"].items() if name not in _UNTOLD}
    mfa, sms = config.pop("MfaConfiguration"), config.pop("SmsConfiguration")
    _make_role(document["region"], endpoint, sms)
    pool_id: str = client.create_user_pool(PoolName=pool["name"], **config)["UserPool"]["Id"]
    client.set_user_pool_mfa_config(
        UserPoolId=pool_id, MfaConfiguration=mfa, SmsMfaConfiguration={"SmsConfiguration": sms}
    )
    for user in pool["users"]:
        _make_user(client, pool_id, user)
    for number, email in enumerate(extra_emails):
        attributes = {"email": email, "email_verified": "true"}
        _make_user(client, pool_id, {"Username": f"extra{number:07d}", "Attributes": attributes})
    _finish_states(document["region"], pool_id, pool["users"])
    return pool_id


def _make_role(region: str, endpoint: str, sms: Mapping[str, str]) -> None:
    """Make the role that the pool sends with: a run looks at it."""
    iam: Any = boto3.client("iam", endpoint_url=endpoint, region_name=region)
    name = sms["SnsCallerArn"].rpartition("/")[2]
    service = {"Service": "cognito-idp.amazonaws.com"}
    condition = {"StringEquals": {"sts:ExternalId": sms["ExternalId"]}}
    trust = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole", "Condition": condition}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))


def _make_user(client: Any, pool_id: str, user: Mapping[str, Any]) -> None:  # noqa: ANN401 - a boto3 client
    username = user["Username"]
    client.admin_create_user(
        UserPoolId=pool_id,
        Username=username,
        UserAttributes=[{"Name": name, "Value": value} for name, value in user["Attributes"].items()],
    )
    if user.get("UserStatus", "CONFIRMED") == "CONFIRMED":
        client.admin_set_user_password(
            UserPoolId=pool_id, Username=username, Password=_PASSWORD, Permanent=True
        )
    if not user.get("Enabled", True):
        client.admin_disable_user(UserPoolId=pool_id, Username=username)


def _finish_states(region: str, pool_id: str, users: Sequence[Mapping[str, Any]]) -> None:
    """What no API call can make: federated and archived users, registered factors."""
    from moto.backends import get_backend

    made = get_backend("cognito-idp")[_ACCOUNT][region].user_pools[pool_id].users
    for user in users:
        factors = user.get("UserMFASettingList", ())
        one = made[user["Username"]]
        one.status = user.get("UserStatus", "CONFIRMED")
        one.sms_mfa_enabled = "SMS_MFA" in factors
        one.software_token_mfa_enabled = "SOFTWARE_TOKEN_MFA" in factors
        one.preferred_mfa_setting = user.get("PreferredMfaSetting")
