"""Pagination tokens of ListUsers: opaque, bound to the request, good for an hour.

Sources: API Reference, "ListUsers" (the same parameters must come with the token) and Amazon
Cognito Developer Guide, "Managing and searching for user accounts" (valid for one hour).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from typing import TYPE_CHECKING

from migrate_mfa.simulator.account.errors import invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME_S = 3600.0
_MAC_BYTES = 8

Cursor = int | tuple[str, int]
"""The place of the last user seen: a seq, or an index entry."""


class Tokens:
    """Issues and reads tokens; another instance's tokens are refused."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Use `clock` (seconds) for the lifetime."""
        self._clock = clock
        self._secret = os.urandom(16)

    def issue(self, request: str, cursor: Cursor) -> str:
        """Write the token that continues `request` after `cursor`."""
        body = json.dumps([self._digest(request), cursor, self._clock()]).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).decode()

    def read(self, request: str, token: str) -> Cursor:
        """Give the cursor back.

        Raises:
            CognitoError: InvalidParameterException for a token that is not ours, has expired or
                was issued for other parameters.
        """
        try:
            raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise invalid_parameter("Invalid pagination token.") from None
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if mac != self._mac(body):
            raise invalid_parameter("Invalid pagination token.")
        digest, cursor, issued = json.loads(body)
        if digest != self._digest(request):
            raise invalid_parameter("The pagination token belongs to other parameters.")
        if self._clock() - issued > LIFETIME_S:
            raise invalid_parameter("The pagination token has expired.")
        return cursor if isinstance(cursor, int) else (cursor[0], cursor[1])

    def _mac(self, body: bytes) -> bytes:
        return hashlib.blake2s(body, key=self._secret, digest_size=_MAC_BYTES).digest()

    @staticmethod
    def _digest(request: str) -> str:
        return hashlib.blake2s(request.encode(), digest_size=8).hexdigest()
