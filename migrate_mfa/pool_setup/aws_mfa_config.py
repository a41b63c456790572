"""A pool's MFA configuration through boto3, read so that nothing is lost when it is written back.

The SDK drops members of an answer that its model does not know. SetUserPoolMfaConfig replaces the whole
configuration, so an old SDK would switch off settings that it does not know. Therefore each parsed answer is
compared with the raw one.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import botocore

from migrate_mfa.aws.answers import Answer, reads
from migrate_mfa.aws.session import call
from migrate_mfa.aws.user_pool import pool_facts
from migrate_mfa.checks.iam_policy import in_own_partition
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.pool_setup.plan import MESSAGE, MODE, PATH, SMS, Members, PoolMfa

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws

_OK = 200


class CognitoPoolSettings:
    """`ports.PoolSettings` on a real endpoint."""

    def __init__(self, aws: "Aws") -> None:
        self._pool_id = aws.target.user_pool_id
        self._client: Any = aws.client("cognito-idp")
        self._client.meta.events.register("after-call.cognito-idp.*", self._keep)
        self._raw: Answer = {}
        model = self._client.meta.service_model.operation_model("SetUserPoolMfaConfig")
        self._shape: Any = model.input_shape

    @reads("DescribeUserPool")
    def read(self) -> PoolMfa:
        """DescribeUserPool, and GetUserPoolMfaConfig for the settings that would be replaced.

        Raises:
            PoolNotReady: the pool has an MFA or SMS setting that this SDK cannot write back.
        """
        pool = call(self._client, "DescribeUserPool", need="UserPool", UserPoolId=self._pool_id)["UserPool"]
        sms = {name: pool[name] for name in (MESSAGE, PATH) if name in pool}
        raw_sms = {name: self._raw["UserPool"].get(name) for name in (MESSAGE, PATH)}
        answer = call(self._client, "GetUserPoolMfaConfig", need=MODE, UserPoolId=self._pool_id)
        config = {name: value for name, value in answer.items() if name != "ResponseMetadata"}
        self._require_known({SMS: raw_sms}, {SMS: sms})
        self._require_known(self._raw, config)
        used = sms_of(sms, config.get(SMS) or {})
        return PoolMfa(pool_facts(pool, config), in_own_partition(pool["Arn"]), config, used)

    def write(self, members: Members) -> None:
        """SetUserPoolMfaConfig; settings that are not in `members` are switched off."""
        call(self._client, "SetUserPoolMfaConfig", need=MODE, UserPoolId=self._pool_id, **members)

    def _keep(self, http_response: Any, **_: object) -> None:  # noqa: ANN401 - botocore's AWSResponse
        self._raw = json.loads(http_response.content) if http_response.status_code == _OK else {}

    def _require_known(self, raw: Answer, parsed: Members) -> None:
        unknown = list(lost(raw, _writable(parsed, self._shape)))
        if unknown:
            raise PoolNotReady(
                f"Pool {self._pool_id} has settings that this AWS SDK (botocore {botocore.__version__}) does "
                f"not know: {', '.join(unknown)}. Nothing was written.",
                "Writing the MFA configuration would switch them off. Update the SDK (pip install --upgrade "
                "boto3) and try again, or change the pool in the console.",
            )


def sms_of(described: Members, shown: Members) -> Members:
    """A pool's SMS settings from GetUserPoolMfaConfig, else from DescribeUserPool.

    It is not documented whether the former returns them while MFA is off.
    """
    there = {name: value for name, value in described.items() if value}
    return shown if shown.get(PATH) else {**there, **shown}


def _writable(value: Any, shape: Any) -> Any:  # noqa: ANN401 - JSON, and botocore's shapes
    """The part of a parsed answer that a SetUserPoolMfaConfig request can contain."""
    if not isinstance(value, Mapping):
        return value
    known = shape.members
    return {name: _writable(inner, known[name]) for name, inner in value.items() if name in known}


def lost(raw: Any, kept: Any, where: str = "") -> Iterator[str]:  # noqa: ANN401 - JSON of any kind
    """The dotted names of members in the raw answer that the SDK dropped; null counts as absent."""
    if isinstance(raw, Mapping) and isinstance(kept, Mapping):
        for name, inner in raw.items():
            if inner is not None:
                yield from lost(inner, kept.get(name), f"{where}.{name}" if where else name)
    elif raw != kept:
        yield where
