"""Every simulated message, and why some of them did not arrive.

Sources: Developer Guide, "SMS message settings for Amazon Cognito user pools"; Amazon SNS Developer
Guide, "Using the Amazon SNS SMS sandbox": Cognito answers as if all was well when SNS then does not
deliver, because of the sandbox, the spend limit or an opt-out. A pool file's `sns`:

    {"sandbox": true, "verified_numbers": ["+819011112222"], "opted_out": [],
     "monthly_spend_limit_usd": 1, "price_usd": 0.07}

Without `monthly_spend_limit_usd` there is no limit, and GetSMSAttributes does not name one; messages
count against it at `price_usd` (default 0: only shown). The month has no end here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import with_config

from migrate_mfa.simulator.files.documents import built

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrate_mfa.simulator.account.clock import Clock
    from migrate_mfa.simulator.account.users import User

_SHOWN = 4

TEXT, MAIL, APP = "SMS", "EMAIL", "APP"
"""Media; APP stands for the user's authenticator, which no message reaches."""


@with_config(extra="forbid")
@dataclass(slots=True)
class Sns:
    """The account's text messaging settings."""

    sandbox: bool = False
    verified_numbers: list[str] = field(default_factory=list)
    opted_out: list[str] = field(default_factory=list)
    monthly_spend_limit_usd: float | None = None
    price_usd: float = 0.0

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Sns:
        """Read the `sns` member of a pool file.

        Raises:
            ValueError: An unknown member, or a value of a wrong type.
        """
        return built(cls, document, "sns")

    def failure(self, number: str, spent_usd: float) -> str | None:
        """Say why a text message to the number does not arrive, None if it does."""
        if number in self.opted_out:
            return "opted_out"
        if self.sandbox and number not in self.verified_numbers:
            return "sandbox"
        limit = self.monthly_spend_limit_usd
        return "spend_limit" if limit is not None and spent_usd + self.price_usd > limit else None


class Letter(NamedTuple):
    """A message to send: its medium, purpose, destination and code."""

    medium: str
    purpose: str
    address: str
    code: str | None


class Message(NamedTuple):
    """A message that was sent; only the memory has the complete address."""

    seq: int
    at: float
    pool_id: str
    sub: str
    username: str
    medium: str
    purpose: str
    address: str
    code: str | None
    failure: str | None

    def shown(self) -> dict[str, Any]:
        """Give it as the control endpoint shows it; a code that did not arrive is not known."""
        hidden = {"address", "sub", "pool_id", "code"}
        rest = {name: value for name, value in self._asdict().items() if name not in hidden}
        known = self.code if self.failure is None else None
        ids = {"pool": self.pool_id, "user": self.sub, "destination": masked(self.address)}
        return {**rest, **ids, "code": known}


class Outbox:
    """All messages in order."""

    def __init__(self, clock: Clock, sns: Sns) -> None:
        """Start empty."""
        self.sns = sns
        self.messages: list[Message] = []
        #: Is told every message as one line.
        self.console: Callable[[str], object] | None = None
        self._clock = clock
        self._spent_usd = 0.0

    def post(self, pool_id: str, user: User, letter: Letter, *, by_sns: bool = True) -> None:
        """Send a message; as in the service, a failed delivery is not reported."""
        medium, purpose, address, code = letter
        failure = None
        if medium == TEXT and by_sns:
            failure = self.sns.failure(address, self._spent_usd)
            self._spent_usd += 0.0 if failure else self.sns.price_usd
        seq, at = len(self.messages) + 1, round(self._clock.epoch(), 3)
        self.messages.append(
            Message(seq, at, pool_id, user.sub, user.username, medium, purpose, address, code, failure)
        )
        if self.console is not None:
            end = f"not delivered ({failure})" if failure else f"code {code}" if code else "no code"
            name = user.username
            shown = masked(name) if "@" in name or name.startswith("+") else name
            self.console(f"{medium} to {shown} ({purpose}): {end}\n")


def masked(address: str) -> str:
    """Hide an address as CODE_DELIVERY_DESTINATION does: +********2222, t***@e***."""
    if "@" in address:
        return re.sub(r"^(.)[^@]*@(.).*", r"\1***@\2***", address, flags=re.DOTALL)
    if not address.startswith("+"):
        return "***"
    shown = address[-_SHOWN:] if len(address) > 2 * _SHOWN else ""
    return f"+{'*' * (len(address) - 1 - len(shown))}{shown}"
