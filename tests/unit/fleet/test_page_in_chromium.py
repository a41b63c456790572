"""The page of a fleet as a browser shows it: wide and narrow, light and dark, on paper, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.fleet.document import Line
from migrate_mfa.fleet.page import as_html
from migrate_mfa.fleet.standing import Standing
from migrate_mfa.fleet.unit import State
from migrate_mfa.reports.languages import Lang
from tests.support.chromium import Browser, Look, find_chromium
from tests.unit.reports.test_page_in_chromium import BODY, CUT_OFF, PAPER, WIDTH, browser

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["browser"]
pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="no Chromium is installed (on Debian: apt-get install chromium)"
)
AGAIN = "migrate-mfa fleet fleet.toml --verb run --run-dir s3://my-migration-bucket/fleets/sms-2026-11"
WRONG = "arn:aws:iam::444455556666:role/mfa-migration was not assumed: AssumeRole was refused (AccessDenied)."
STATES = (State.FINISHED, State.FINISHED, State.SET_ASIDE, State.UNREACHABLE, State.LIMITED, State.WAITING)

CODES = {
    State.FINISHED: 7,
    State.SET_ASIDE: 3,
    State.UNREACHABLE: 5,
    State.LIMITED: 10,
    State.WAITING: None,
}
REPORT = "migrate-mfa report --run-dir s3://my-migration-bucket/fleets/sms-2026-11/1"


def lines_of() -> list[Line]:
    """A fleet in every state, with long names."""
    return [
        Line(
            name=f"shop-of-the-company-{number}-customers-of-{state}",
            account="111122223333" if number % 2 else "444455556666",
            region="ap-northeast-1" if number % 3 else "eu-west-1",
            standing=Standing(
                state=state,
                exit_code=CODES[state],
                error=WRONG if state in {State.SET_ASIDE, State.UNREACHABLE} else "",
                verb="" if state is State.WAITING else "run",
                counts={"verified": 12_000 * number, "pending": 340, "failed": number, "skipped": 5},
            ),
            run_dir=f"s3://my-migration-bucket/fleets/sms-2026-11/{number}",
            next_command=REPORT if number == 1 else f"{AGAIN} --only {number}",
            fleet_command="" if number == 1 else AGAIN,
        )
        for number, state in enumerate(STATES, 1)
    ]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Lang, Path]:
    folder = tmp_path_factory.mktemp("fleet")
    for lang in Lang:
        (folder / f"{lang}.html").write_text(as_html(lines_of(), lang), encoding="utf-8")
    return {lang: folder / f"{lang}.html" for lang in Lang}


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_shows_whole_on_every_screen(
    browser: Browser, pages: dict[Lang, Path], lang: Lang, scheme: str, width: int
) -> None:
    browser.complaints.clear()
    browser.requests.clear()

    browser.open(pages[lang], Look(width, scheme))

    assert browser.complaints == []
    assert browser.requests == []
    assert browser.value(WIDTH) == width
    assert browser.value("document.querySelectorAll('main section').length") == 4
    assert browser.value(CUT_OFF) == []
    assert browser.value(BODY) == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}[scheme]


@pytest.mark.parametrize("lang", Lang)
def test_it_prints_ink_on_white_within_the_paper(
    browser: Browser, pages: dict[Lang, Path], lang: Lang
) -> None:
    browser.complaints.clear()
    browser.open(pages[lang], Look(1280, "dark"))

    pdf = browser.pdf()

    assert pdf.startswith(b"%PDF-")
    assert 1 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 3
    browser.open(pages[lang], Look(800, "dark", "print"))
    assert browser.value(PAPER) == "#fff"
    assert browser.value(WIDTH) == 800, "no table is wider than the paper"
    assert browser.complaints == []
