"""What the report page tells of the pool as a whole: its settings, and the audits beside the run."""

from pathlib import Path

import html5lib
import pytest

from migrate_mfa.domain.model import MfaMode, PhoneSignIn, PoolFacts
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.values import pool_to_json
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.reports import audit_facts, from_journal
from migrate_mfa.reports.page_facts import Page, page_of
from tests.support.report_runs import BEGUN, CONTEXT, make_audits, make_run

pytestmark = pytest.mark.damages_journal


def facts_of(directory: Path) -> Page:
    with Journal.look_at(directory) as journal:
        return page_of(journal, from_journal._last(journal, RunMeta.read(journal)))


def text_of(directory: Path) -> str:
    from_journal.report(directory)
    return (directory / "report" / "report.html").read_text(encoding="utf-8")


def words_of(text: str) -> str:
    body = html5lib.parse(text).find("{http://www.w3.org/1999/xhtml}body")
    return " ".join(" ".join(body.itertext()).split())


def test_rows_that_a_setting_of_the_pool_kept_back_stand_beside_it(tmp_path: Path) -> None:
    pool = PoolFacts(
        id="ap-northeast-1_AbCdEfGhI",
        name="members",
        mfa=MfaMode.OPTIONAL,
        sms_configured=True,
        phone_sign_in=PhoneSignIn.ALIAS,
        recovery=("verified_email", "verified_phone_number"),
        case_sensitive=False,
    )
    rows = {"enrolled": 9, "phone_taken": 2, "no_recovery_left": 5, "user_not_found": 3, "has_passkey": 1}
    make_run(tmp_path, rows, meta={"pool_facts": pool_to_json(pool)})

    found = facts_of(tmp_path).settings

    assert [(line.name, line.value, line.reasons, line.rows) for line in found] == [
        ("AccountRecoverySetting", "verified_email, verified_phone_number", [("no_recovery_left", 5)], 5),
        ("AliasAttributes / UsernameAttributes", "phone_number", [("phone_taken", 2)], 2),
    ]
    assert "AccountRecoverySetting verified_email, verified_phone_number no_recovery_left 5 5" in words_of(
        text_of(tmp_path)
    )


def verified(page: Page) -> list[int | None]:
    """Verified users of the audits before and after a run."""
    found = page.coverage.audits
    return [then.verified if then else None for then in (found.before, found.after)]


def test_audits_beside_a_run_measure_the_pool_before_and_after_it(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    nothing = facts_of(tmp_path / "run")
    make_audits(tmp_path / "audit", (4_900, 5_200), began=BEGUN - 15 * 86_400)
    before = facts_of(tmp_path / "run")
    make_audits(tmp_path / "later", (24_300,), began=BEGUN + 86_400)
    both = facts_of(tmp_path / "run")
    text = words_of(text_of(tmp_path / "run"))

    assert [verified(each) for each in (nothing, before)] == [[None, None], [5_200, None]]
    assert verified(both) == [5_200, 24_300]
    assert "verified phone number, by audit 5,200 16.8 % 2026-11-10 24,300 78.4 % 2026-11-19" in text
    assert "audit it again" not in text
    ticket = from_journal.markdown(tmp_path / "run")
    assert "with a verified phone number, by audit: 16.8 % (2026-11-10) → 78.4 % (2026-11-19)\n" in ticket


def test_the_audits_of_a_target_are_found_among_many_newer_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_facts, "_MOST_NEIGHBOURS", 2)
    make_run(tmp_path / "tokyo")
    make_audits(tmp_path / "tokyo+audit", (5_200,), began=BEGUN - 86_400)
    for number in range(3):
        make_run(tmp_path / f"other{number}")

    assert verified(facts_of(tmp_path / "tokyo")) == [5_200, None]


def test_audits_of_another_pool_or_that_cannot_be_read_tell_nothing(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    make_audits(tmp_path / "audit", began=BEGUN - 30 * 86_400)
    with Journal.create_or_open(tmp_path / "audit") as journal:
        journal.set_meta({"user_pool_id": "ap-northeast-1_Another01"})
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "journal.sqlite").write_bytes(b"not a journal")

    assert verified(facts_of(tmp_path / "run")) == [None, None]


def test_a_page_stays_small_however_much_there_is_to_show(tmp_path: Path) -> None:
    made = make_run(tmp_path)
    with Journal.create_or_open(tmp_path) as journal:
        for number in range(120):
            WorkStore.begin(journal.database, "reconcile", BEGUN + number * 86_400, CONTEXT).end(
                "finished", BEGUN + number * 86_400 + 9, reads_only=0, extra={}
            )
        with journal.database.transaction() as db:
            db.executemany(
                "INSERT INTO rows (row, first_line, last_line, cells, readable, country, outcome, reason,"
                " detail) VALUES (?1, ?1, ?1, '[]', 1, ?2, 'failed', 'rejected', ?3)",
                [
                    (made["rows"] + number, f"{'ABCDEFGHIJKL'[number % 12]}X", f"AdminGetUser: E{number}.")
                    for number in range(1, 3_000)
                ],
            )

    page, text = facts_of(tmp_path), text_of(tmp_path)

    assert page.failures is not None
    assert (len(page.failures.lines), len(page.failures.countries), len(page.passes)) == (30, 7, 20)
    assert len(text) < 120_000
