"""Sign-in sessions: the open challenge of a user, and how long it can be answered.

Source: Developer Guide, "Authentication with Amazon Cognito user pools" and "SMS and email message
MFA": a session belongs to one user and one app client, is used once, and lives as long as the
client's AuthSessionValidity.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.clock import Clock

_KEPT_S = 3600.0
_WRONG = "Invalid session for the user."


@dataclass(frozen=True, slots=True)
class Challenge:
    """An open challenge."""

    name: str
    pool_id: str
    client_id: str
    sub: str
    until: float
    code: str | None = None
    #: Where the code went.
    address: str | None = None
    #: What SELECT_MFA_TYPE offers.
    choices: tuple[str, ...] = ()


class Challenges:
    """The open sessions."""

    def __init__(self, clock: Clock) -> None:
        """Start without sessions."""
        self._clock = clock
        self._open: dict[str, Challenge] = {}

    def issue(self, challenge: Challenge) -> str:
        """Open a session; give its token."""
        now = self._clock.epoch()
        while self._open and self._open[first := next(iter(self._open))].until < now - _KEPT_S:
            del self._open[first]
        session = "AYAB" + secrets.token_urlsafe(96)
        self._open[session] = challenge
        return session

    def find(self, session: str, name: str, client_id: str, *, expired_code: str) -> Challenge:
        """Give the challenge of a session.

        Raises:
            CognitoError: NotAuthorizedException for a session that is not open, has another challenge
                    or belongs to another client; `expired_code` for one that is too old.
        """
        found = self._open.get(session)
        if found is None or (found.name, found.client_id) != (name, client_id):
            raise CognitoError("NotAuthorizedException", _WRONG)
        if found.until < self._clock.epoch():
            raise CognitoError(expired_code, "Invalid session for the user, session is expired.")
        return found

    def close(self, session: str) -> None:
        """End a session that was answered."""
        del self._open[session]
