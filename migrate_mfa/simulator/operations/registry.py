"""The operations, their quota categories, and how a module adds one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrate_mfa.simulator.account.world import Params, World

    Handler = Callable[[World, Params], dict[str, Any]]

COGNITO = "AWSCognitoIdentityProviderService"
SERVICE_QUOTAS = "ServiceQuotasV20190624"
EUMS = "PinpointSMSVoiceV2"
CLOUDWATCH = "GraniteServiceVersion20100801"
"""Services of the JSON protocol, as the first part of X-Amz-Target."""

IAM, SNS, STS = "IAM", "SNS", "STS"
"""Services of the query protocol."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An API operation; `handler` answers with the response members or raises CognitoError."""

    name: str
    category: str
    handler: Handler
    service: str = COGNITO

    @property
    def is_query(self) -> bool:
        """Whether requests are forms and answers XML."""
        return self.service in (IAM, SNS, STS)


OPERATIONS: dict[str, Operation] = {}


def operation(name: str, category: str, service: str = COGNITO) -> Callable[[Handler], Handler]:
    """Register the decorated handler for operation `name` in quota `category`."""

    def register(handler: Handler) -> Handler:
        OPERATIONS[name] = Operation(name, category, handler, service)
        return handler

    return register
