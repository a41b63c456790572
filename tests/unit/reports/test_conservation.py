"""Conservation: every row ends in exactly one report file, and the counts add up to the rows."""

from __future__ import annotations

import csv
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.model import SOFTWARE_TOKEN_MFA, VerificationPolicy
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.apply_row import apply_row
from migrate_mfa.journal.report_store import ReportStore
from migrate_mfa.reports.outcomes import write_outcomes
from migrate_mfa.reports.summary import totals
from tests.support.builders import a_candidate, a_policy, a_rejection, a_user, mfa
from tests.support.fakes import FakeUserPool
from tests.support.scene import Scene, scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.promise(1)

_SIZES = {
    Outcome.PENDING: 5,
    Outcome.SKIPPED: 7,
    Outcome.FAILED: 2_345,  # more than are read from the journal at a time
    Outcome.UNPROCESSED: 11,
}


def reported(user_pool: Path) -> Counter[tuple[str, str]]:
    """File and first cell of every line of every outcome CSV."""
    found: Counter[tuple[str, str]] = Counter()
    for path in user_pool.glob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            found.update((path.stem, line["who"]) for line in csv.DictReader(file))
    return found


def an_unfinished_run(run: Scene) -> None:
    """Rows of all outcomes that a run by code can have; some are not done yet."""
    rows = [a_candidate(f"user{at}", row=at) for at in range(1, 24)]
    failing = [a_rejection(24 + at, Reason.BAD_ROW) for at in range(_SIZES[Outcome.FAILED])]
    run.plan([*rows, *failing])
    for user in range(1, 8):
        totp = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
        run.user_pool.put(a_user(f"user{user}", mfa=totp))


def test_every_row_is_in_exactly_one_report_file(tmp_path: Path) -> None:
    users = [a_user(f"user{at}") for at in range(1, 24)]
    policy = a_policy(VerificationPolicy.BY_CODE)
    with scene(tmp_path / "run", FakeUserPool(users), policy=policy) as run:
        an_unfinished_run(run)
        for work in run.store.claim((PlannedBy.RUN,), 0, 12):
            apply_row(work, run.context())

        store = ReportStore(run.journal.database)
        write_outcomes(tmp_path / "report", ("who", "phone"), store)

        outcomes = {row: outcome for row, (outcome, _) in run.rows().items()}
        expected = Counter((outcome, f"cell {row}") for row, outcome in outcomes.items())
        assert reported(tmp_path / "report") == expected
        assert Counter(outcomes.values()) == {outcome.value: size for outcome, size in _SIZES.items()}
        assert totals(store).rows == len(outcomes) == sum(totals(store).counts.values())
