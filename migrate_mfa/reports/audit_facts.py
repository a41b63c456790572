"""What an audit's page shows: coverage by status, and over time from the audits before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migrate_mfa.journal.report_store import PassRecord
from migrate_mfa.reports.audit import ASIDE

_MOST_AUDITS = 60


@dataclass(frozen=True, slots=True)
class Status:
    """Users with one account status, by what they have; `aside` are not counted."""

    name: str
    verified: int
    unverified: int
    no_phone: int
    aside: bool

    @property
    def users(self) -> int:
        """All of them."""
        return self.verified + self.unverified + self.no_phone


@dataclass(frozen=True, slots=True)
class Then:
    """What one audit counted, when (seconds since the epoch)."""

    at: float
    users: int
    verified: int


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """One audit, and the finished ones of the same directory up to it, oldest first."""

    statuses: Sequence[Status]
    total: Status
    history: Sequence[Then]
    mfa: Mapping[str, int]
    seen: int
    estimated: int

    @property
    def users(self) -> int:
        """Enabled local users."""
        return self.total.users

    @property
    def verified(self) -> int:
        """Of these, with a verified phone number."""
        return self.total.verified


def audit_facts(summary: Mapping[str, Any], passes: Sequence[PassRecord]) -> AuditFacts:
    """Gather what an audit has found; `passes` are the directory's, the latest first."""
    coverage: Mapping[str, Mapping[str, int]] = summary["coverage"]
    return AuditFacts(
        statuses=[Status(name, **found, aside=name in ASIDE) for name, found in coverage.items()],
        total=Status("", **summary["total"], aside=False),
        history=[_then(each) for each in reversed(passes) if _whole(each)][-_MOST_AUDITS:],
        mfa=summary.get("mfa", {}),
        seen=summary["users"],
        estimated=summary["estimated_users"],
    )


def _whole(each: PassRecord) -> bool:
    return each.state == "finished" and "total" in each.extra


def _then(each: PassRecord) -> Then:
    total = each.extra["total"]
    return Then(each.started_at, sum(total.values()), total["verified"])
