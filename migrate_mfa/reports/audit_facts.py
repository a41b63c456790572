"""The facts of audits: coverage by status and over time, and the pool's coverage for a run's page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from migrate_mfa.domain.errors import RunDirectoryError
from migrate_mfa.journal.database import NAME, Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.report_store import PassRecord, ReportStore
from migrate_mfa.journal.run_dir import audit_beside
from migrate_mfa.reports.audit import ASIDE
from migrate_mfa.reports.command_results import AuditResult

_MOST_AUDITS = 60
_MOST_NEIGHBOURS = 50
"""How many neighbouring run directories are read: that for its audits, then the newest. There may be many."""


@dataclass(frozen=True, slots=True)
class Status:
    """Users with one account status, by the state of their number; those `aside` are not counted."""

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
    """The counts of one audit, and its time (seconds since 1970)."""

    at: float
    users: int
    verified: int


@dataclass(frozen=True, slots=True)
class AuditFacts:
    """One audit, and the finished audits of the same directory up to it, oldest first."""

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
    """Gather the facts of the last pass; None if it was not an audit or has no counts.

    Args:
        last: the last pass.
        passes: all passes of the directory, the latest first.
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
    """The counts of finished audits, oldest first; `passes` are the latest first."""
    return [then for each in reversed(passes) if (then := _then(each))][-_MOST_AUDITS:]


def _then(each: PassRecord) -> Then | None:
    """The counts of a finished audit."""
    total = AuditResult.of(each.extra).total
    if each.state != "finished" or total is None:
        return None
    return Then(each.started_at, sum(total.values()), total["verified"])


@dataclass(frozen=True, slots=True)
class PoolCoverage:
    """The counts of the last audit before a run's first write, and of the last one after it; None: none."""

    before: Then | None
    after: Then | None


def pool_coverage(run: RunMeta, passes: Sequence[PassRecord]) -> PoolCoverage:
    """Find the last audit before a run, and the last one after it.

    Args:
        run: the run directory, whose neighbours are searched.
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
    """The finished audits of the same pool, for each neighbour."""
    here = run.directory.absolute()
    own = Path(audit_beside(str(here), run.user_pool_id))
    found = (path for path in here.parent.glob(f"*/{NAME}") if path.parent != here)
    for path in nlargest(_MOST_NEIGHBOURS, found, key=lambda path: (path.parent == own, _changed(path))):
        try:
            with Journal.look_at(path.parent) as journal:
                other = RunMeta.read(journal)
                if other.kind == "audit" and _pool(other) == _pool(run):
                    yield _whole_audits(ReportStore(journal.database).passes())
        except RunDirectoryError:  # another directory's fault; the page says that nothing is known
            continue


def _pool(meta: RunMeta) -> tuple[str | None, ...]:
    return meta.endpoint, meta.account, meta.user_pool_id


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
