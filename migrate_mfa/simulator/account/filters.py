"""The Filter parameter of ListUsers: its grammar, and what may be searched.

Source: Amazon Cognito user pools API Reference, "ListUsers": one attribute, `=` or `^=`, a
quoted value with inner quotation marks escaped by a backslash, 256 characters at most. The
attribute's name may stand in quotation marks, as the console and the CLI write it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from migrate_mfa.simulator.account.errors import invalid_parameter

SEARCHABLE = frozenset(
    {
        "username",
        "email",
        "phone_number",
        "name",
        "given_name",
        "family_name",
        "preferred_username",
        "cognito:user_status",
        "status",
        "sub",
    }
)
MAX_LENGTH = 256

_GRAMMAR = re.compile(
    r'\s*(?P<quote>"?)(?P<name>[\w:.]+)(?P=quote)\s*(?P<op>\^?=)\s*"(?P<value>(?:[^"\\]|\\.)*)"\s*',
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A parsed filter: `attribute` equals `value`, or starts with it if `prefix`."""

    attribute: str
    value: str
    prefix: bool

    def accepts(self, key: str | None) -> bool:
        """Say whether a user with this (folded) key belongs to the answer."""
        return key is not None and (key.startswith(self.value) if self.prefix else key == self.value)


def parse_filter(text: str) -> Filter | None:
    """Read a filter; an empty one means everybody and gives None.

    Raises:
        CognitoError: InvalidParameterException for a wrong form or an attribute that cannot
            be searched, such as a custom one or phone_number_verified.
    """
    if not text.strip():
        return None
    match = _GRAMMAR.fullmatch(text)
    if match is None or len(text) > MAX_LENGTH:
        raise invalid_parameter("Error while parsing filter.")
    if match["name"] not in SEARCHABLE:
        raise invalid_parameter("Input fails to satisfy the constraints.")
    value = re.sub(r"\\(.)", r"\1", match["value"], flags=re.DOTALL)
    return Filter(match["name"], value, prefix=match["op"] == "^=")
