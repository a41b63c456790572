"""The surroundings of the pools: the caller, AWS End User Messaging, other users of the quotas.

A pool file's members, all optional:

    {"caller": "arn:aws:sts::123456789012:assumed-role/Ops/me",
     "eums": {"tier": "SANDBOX", "monthly_spend_limit_usd": 1},
     "usage": {"UserUpdate": 20.5}}

`caller` is the answer of GetCallerIdentity; `usage` are calls per second by category, in the busiest five
minutes of the last day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import with_config

from migrate_mfa.simulator.files.documents import built
from migrate_mfa.simulator.server.quotas import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIERS = ("SANDBOX", "PRODUCTION")


@with_config(extra="forbid")
@dataclass(slots=True)
class Eums:
    """The account's AWS End User Messaging SMS settings."""

    tier: str = "PRODUCTION"
    monthly_spend_limit_usd: int = 1

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Eums:
        """Read the `eums` member.

        Raises:
            ValueError: An unknown member or tier, or a value of a wrong type.
        """
        found = built(cls, document, "eums")
        if found.tier not in _TIERS:
            raise ValueError(f"eums: the tier is one of {_TIERS}")
        return found


@dataclass(slots=True)
class Surroundings:
    """All of it; an empty `caller` is the simulator's own user."""

    caller: str = ""
    eums: Eums = field(default_factory=Eums)
    usage: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Surroundings:
        """Read these members of a pool file.

        Raises:
            ValueError: An unknown category, or as `Eums.from_document`.
        """
        usage = dict(document.get("usage", {}))
        if unknown := set(usage) - set(CATEGORIES):
            raise ValueError(f"usage: no such quota category: {sorted(unknown)}")
        return cls(document.get("caller", ""), Eums.from_document(document.get("eums", {})), usage)
