"""What audits tell: coverage by status and over time on their page, and the pool's beside a run."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.reports.audit import ASIDE
from migrate_mfa.reports.command_results import AuditResult

_MOST_AUDITS = 60
_MOST_NEIGHBOURS = 50
"""Neighbours that are looked into, the newest first: there may be a run directory for each roster."""


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
        history=_whole_audits(passes),
        mfa=found.mfa or {},
        seen=found.users or 0,
        estimated=found.estimated_users or 0,
    )


def _whole_audits(passes: Sequence[PassRecord]) -> list[Then]:
    """What the audits that came to their end counted, oldest first; `passes` are the latest first."""
    return [then for each in reversed(passes) if (then := _then(each))][-_MOST_AUDITS:]


def _then(each: PassRecord) -> Then | None:
    """What a whole audit counted."""
    total = AuditResult.of(each.extra).total
    if each.state != "finished" or total is None:
        return None
    return Then(each.started_at, sum(total.values()), total["verified"])


@dataclass(frozen=True, slots=True)
class PoolCoverage:
    """What the last audit before a run's first write has counted, and the last one after it; None: none."""

    before: Then | None
    after: Then | None


def pool_coverage(run: RunMeta, passes: Sequence[PassRecord]) -> PoolCoverage:
    """Look for the last audit before a run, and the last one after it.

    Args:
        run: whose neighbours are looked at.
        passes: its commands, the latest first; a plan changes nothing in a pool.
    """
    wrote = [each for each in passes if each.command != "plan"]
    audits = sorted((then for each in _neighbours(run) for then in each), key=lambda then: then.at)
    if not wrote:
        return PoolCoverage(before=audits[-1] if audits else None, after=None)
    began, ended = wrote[-1].started_at, max(each.ended_at or each.started_at for each in wrote)
    before = [each for each in audits if each.at < began]
    after = [each for each in audits if each.at >= ended]
    return PoolCoverage(before=before[-1] if before else None, after=after[-1] if after else None)


def _neighbours(run: RunMeta) -> Iterator[Sequence[Then]]:
    """The whole audits of each neighbour that has some of the same pool."""
    here = run.directory.absolute()
    found = (path for path in here.parent.glob(f"*/{NAME}") if path.parent != here)
    for path in nlargest(_MOST_NEIGHBOURS, found, key=_changed):
        try:
            with Journal.look_at(path.parent) as journal:
                other = RunMeta.read(journal)
                if other.kind == "audit" and _pool(other) == _pool(run):
                    yield _whole_audits(ReportStore(journal.database).passes())
        except RunDirectoryError:  # not ours to mend, and the page says that nothing is known
            continue


def _pool(meta: RunMeta) -> tuple[str | None, ...]:
    return meta.endpoint, meta.account, meta.user_pool_id


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
