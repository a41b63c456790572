"""The report page as a browser shows it: wide and narrow, light and dark, on paper, in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.reports import from_journal
from migrate_mfa.reports.languages import Lang
from tests.support.chromium import Browser, Look, find_chromium
from tests.support.report_runs import make_audits, make_run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.damages_journal,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium is installed (on Debian: apt-get install chromium)"
    ),
]
PAPER = 'getComputedStyle(document.documentElement).getPropertyValue("--bg").trim()'
WIDTH = "document.documentElement.scrollWidth"
BODY = "getComputedStyle(document.body).backgroundColor"
CUT_OFF = """[...document.querySelectorAll("main *:not(.scroll *):not(svg *)")].filter(
  each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 90))"""
BARS = """[...document.querySelectorAll(".bar")].map(
  bar => [...bar.children].reduce((sum, part) => sum + part.getBoundingClientRect().width, 0)
  / bar.getBoundingClientRect().width)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    with Browser(CHROMIUM, tmp_path_factory.mktemp("chromium")) as made:
        yield made


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, Lang], Path]:
    folder, found = tmp_path_factory.mktemp("runs"), {}
    make_run(folder / "run")
    make_audits(folder / "audit")
    for kind in ("run", "audit"):
        for lang in Lang:
            from_journal.report(folder / kind, lang)
            page = folder / kind / "report" / "report.html"
            found[kind, lang] = page.rename(page.with_name(f"{lang}.html"))
    return found


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("kind", ["run", "audit"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_shows_whole_on_every_screen(
    browser: Browser, pages: dict[tuple[str, Lang], Path], kind: str, lang: Lang, scheme: str, width: int
) -> None:
    browser.complaints.clear()
    browser.requests.clear()

    browser.open(pages[kind, lang], Look(width, scheme))

    assert browser.complaints == []
    assert browser.requests == []
    assert browser.value(WIDTH) == width
    assert browser.value(CUT_OFF) == []
    assert browser.value(BODY) == {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}[scheme]
    parts = browser.value(BARS)
    assert parts
    assert all(0.95 < part <= 1.001 for part in parts)


def test_it_prints(browser: Browser, pages: dict[tuple[str, Lang], Path]) -> None:
    browser.complaints.clear()
    for page in pages.values():
        browser.open(page, Look(1280, "dark"))

        pdf = browser.pdf()

        assert pdf.startswith(b"%PDF-")
        assert 1 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 9
        browser.open(page, Look(800, "dark", "print"))
        assert browser.value(PAPER) == "#fff"  # ink on white, whatever the screen has
    assert browser.complaints == []


def test_a_style_that_is_not_the_pages_own_is_refused(browser: Browser, tmp_path: Path) -> None:
    """The policy is at work: were it not, no complaint above would mean nothing."""
    make_run(tmp_path / "run")
    page = tmp_path / "run" / "report" / "report.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<h1>", '<h1 style="color:red">'), "utf-8")
    browser.complaints.clear()

    browser.open(page, Look(1280))

    assert any("Content Security Policy" in each or "csp" in each.lower() for each in browser.complaints)
