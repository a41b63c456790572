"""What an audit's page shows: coverage by status, and over time from the audits before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migrate_mfa.journal.report_store import PassRecord
from migrate_mfa.reports.audit import ASIDE
from migrate_mfa.reports.command_results import AuditResult

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


def audit_facts(last: PassRecord, passes: Sequence[PassRecord]) -> AuditFacts | None:
    """Gather what the last pass has found; None where it was no audit, or found nothing.

    Args:
        last: the last pass.
        passes: all of the directory, the latest first.
    """
    found = AuditResult.of(last.extra)
    if found.coverage is None or found.total is None:
        return None
    return AuditFacts(
        statuses=[Status(name, **users, aside=name in ASIDE) for name, users in found.coverage.items()],
        total=Status("", **found.total, aside=False),
        history=[then for each in reversed(passes) if (then := _then(each))][-_MOST_AUDITS:],
        mfa=found.mfa or {},
        seen=found.users or 0,
        estimated=found.estimated_users or 0,
    )


def _then(each: PassRecord) -> Then | None:
    """What a whole audit counted."""
    total = AuditResult.of(each.extra).total
    if each.state != "finished" or total is None:
        return None
    return Then(each.started_at, sum(total.values()), total["verified"])
