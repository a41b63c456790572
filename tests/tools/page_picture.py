"""The picture of the report page for the documentation: `python -m tests.tools.page_picture FILE`.

It needs Chromium (on Debian: apt-get install chromium), and shows a run that was made up.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from migrate_mfa.reports import from_journal
from migrate_mfa.reports.languages import Lang
from tests.support.chromium import Browser, Look, find_chromium
from tests.support.report_runs import A_LARGE_RUN, make_run

LOOK = Look(width=960, height=1000)
RATES = "scrollTo(0, document.querySelector('.charts').getBoundingClientRect().top + scrollY - 170)"


def main() -> int:
    """Write the top of the page to FILE, and its charts to FILE with `-rates` in its name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--lang", type=Lang, default=Lang.EN, choices=list(Lang))
    told = parser.parse_args()
    if (program := find_chromium()) is None:
        print("There is no Chromium on this machine.", file=sys.stderr)  # noqa: T201 - a tool for people
        return 1
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        run_dir = Path(scratch) / "members-86e230d7"
        make_run(run_dir, A_LARGE_RUN)
        from_journal.report(run_dir, told.lang)
        page = run_dir / "report" / "report.html"
        text = page.read_text(encoding="utf-8").replace(scratch, "migrate-mfa-runs")
        page.write_text(text, encoding="utf-8")
        with Browser(program, Path(scratch) / "profile") as browser:
            browser.open(page, LOOK)
            browser.picture(told.file, whole=False)
            browser.value(RATES)
            browser.picture(told.file.with_stem(f"{told.file.stem}-rates"), whole=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
