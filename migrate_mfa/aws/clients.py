"""Single calls to any AWS service, for what is read once: one client per service, one attempt per call."""

import threading
from typing import TYPE_CHECKING, Any

from botocore import xform_name

from migrate_mfa.aws.answers import Answer
from migrate_mfa.aws.session import call
from migrate_mfa.domain.failure import UNKNOWN_TO_SDK, ApiError

if TYPE_CHECKING:
    from migrate_mfa.aws.session import Aws


class Calls:
    """Creates each client at its first use. Safe to share between threads."""

    def __init__(self, aws: "Aws") -> None:
        self._aws = aws
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._lock = threading.Lock()  # boto3 sessions must not make two clients at once

    def __call__(
        self,
        service: str,
        operation: str,
        *,
        need: str | None = None,
        region: str | None = None,
        **arguments: Any,  # noqa: ANN401 - boto3's own shapes
    ) -> Answer:
        """One attempt.

        Args:
            service: the name that boto3 has for the service.
            operation: as in the API reference.
            need: a member that a 200 must have, or it is garbled.
            region: a Region, if not the pool's.
            arguments: the members of the request.

        Raises:
            ApiError: it failed, or this SDK does not know it (`UnknownToThisSdk`).
        """
        client = self._client(service, region)
        if not hasattr(client, xform_name(operation)):
            raise ApiError(operation=operation, code=UNKNOWN_TO_SDK)
        return call(client, operation, need=need, **arguments)

    def _client(self, service: str, region: str | None) -> Any:  # noqa: ANN401 - boto3's own class
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = self._aws.client(service, region)
            return self._clients[service, region]
