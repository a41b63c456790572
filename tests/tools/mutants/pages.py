"""Mutants of the report page and the record of a pass."""

from __future__ import annotations

from typing import Final

from tests.tools.mutants.mutant import Mutant

_PAGE: Final = "tests/unit/reports/test_page.py::"
_REPORT: Final = "tests/commands/test_report.py::"
_RATES: Final = "tests/unit/journal/test_call_rates.py::"


PAGES: Final = (
    Mutant(
        name="a page with the caller's address",
        promise=7,
        breach="The page shows the session name of the caller, an address, in full.",
        file="migrate_mfa/domain/privacy.py",
        find='mask_identity(part) if "@" in part else part',
        put="part",
        tests=(f"{_PAGE}test_no_number_and_no_address_is_on_the_page",),
    ),
    Mutant(
        name="a page with what Cognito said",
        promise=7,
        breach="Failures are told apart by the whole detail, in which Cognito may name a user.",
        file="migrate_mfa/journal/report_store.py",
        find="rtrim(substr(detail, 1, instr(detail || '. ', '. ') - 1), '.')",
        put="detail",
        tests=(f"{_PAGE}test_no_number_and_no_address_is_on_the_page",),
    ),
    Mutant(
        name="a page that is not escaped",
        promise=7,
        breach="A pool's name is markup on the page.",
        file="migrate_mfa/reports/page.py",
        find='_render("body.html", page, drawing, escaped=True)',
        put='_render("body.html", page, drawing, escaped=False)',
        tests=(f"{_PAGE}test_what_came_from_outside_is_text",),
    ),
    Mutant(
        name="a killed pass without a summary",
        promise=12,
        breach="A pass that was killed leaves no summary.",
        file="migrate_mfa/invocation.py",
        find="        tell_of_killed(journal)\n",
        put="",
        tests=(f"{_REPORT}test_a_killed_pass_has_its_summary_by_the_next_command",),
    ),
    Mutant(
        name="a page that hides the result",
        promise=12,
        breach="A fault in the page ends a run as a bug, after its lists and its summary were written.",
        file="migrate_mfa/reports/from_journal.py",
        find="        return Written(summary, headline, fault)\n",
        put="        raise\n",
        tests=(f"{_REPORT}test_a_fault_in_the_page_hides_neither_the_result_nor_the_lists",),
    ),
    Mutant(
        name="calls over time without a bound",
        promise=12,
        breach="The table of calls over time grows with the run.",
        file="migrate_mfa/journal/call_rates.py",
        find="> MOST_ROWS:",
        put="> 100 * MOST_ROWS:",
        tests=(f"{_RATES}test_two_days_of_calls_stay_a_small_table_in_which_none_is_lost",),
    ),
)
