"""The picture of the report page for the documentation, of a run that is made up."""

import tempfile
from pathlib import Path
from typing import Final

from migrate_mfa.reports import from_journal
from migrate_mfa.reports.languages import Lang
from tests.support.chromium import Browser, Look
from tests.support.report_runs import A_LARGE_RUN, make_run

_LOOK: Final = Look(width=960, height=1000)


def draw_page(program: str, file: Path) -> None:
    """Write the top of the page to a PNG file.

    Args:
        program: Chromium.
        file: the picture.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        run_dir = Path(scratch) / "members-86e230d7"
        make_run(run_dir, A_LARGE_RUN)
        from_journal.report(run_dir, Lang.EN)
        page = run_dir / "report" / "report.html"
        text = page.read_text(encoding="utf-8").replace(scratch, "migrate-mfa-runs")
        page.write_text(text, encoding="utf-8")
        with Browser(program, Path(scratch) / "profile") as browser:
            browser.open(page, _LOOK)
            browser.picture(file, whole=False)
