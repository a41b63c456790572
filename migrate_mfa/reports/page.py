"""report/report.html: one self-contained file without scripts or outside references; and its short form.

The body is rendered first, because the widths of its bars become rules of the style sheet. No element has a
style attribute, so a Content-Security-Policy with only the sheet's hash is enough.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from migrate_mfa import __version__
from migrate_mfa.reports import charts
from migrate_mfa.reports.audit_facts import Then
from migrate_mfa.reports.costs import Compared
from migrate_mfa.reports.files import whole_file
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_facts import Page
from migrate_mfa.reports.page_texts import PageTexts
from migrate_mfa.reports.rates import CategoryRate

_SHARE_DASHES, _QUOTA_DASHES = "7 4", "2 4"
_TICKS = 4
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_LONG_DAYS = 86400 * 7
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_DATE, _TIME = slice(10), slice(11, 16)
"""The positions of date and time in a formatted moment."""


def write_page(path: Path, page: Page, lang: Lang) -> None:
    """Write the page completely or not at all.

    Raises:
        OSError: it cannot be written.
    """
    with whole_file(path, encoding="utf-8") as file:
        file.write(as_html(page, lang))


def as_html(page: Page, lang: Lang) -> str:
    """The page as one HTML document."""
    drawing = _Drawing(PageTexts(lang))
    body = _render("body.html", page, drawing, escaped=True)
    title = drawing.words("page.audit_title" if page.audit else "page.title", pool=page.pool_name)
    return _in_shell(body, title, drawing.words.lang, drawing.rules)


def as_document(template: str, title: str, words: PageTexts, **facts: object) -> str:
    """Another page as one HTML document, with the same style and Content-Security-Policy.

    Args:
        template: its name; its output is escaped.
        title: the title of the document.
        words: the texts of its language; `w` in the template.
        facts: the other values of the template.
    """
    body = (
        _environment(escaped=True)
        .get_template(template)
        .render(title=title, w=words, version=__version__, **facts)
    )
    return _in_shell(body, title, words.lang, ())


def _in_shell(body: str, title: str, lang: str, rules: Iterable[str]) -> str:
    style = files(__package__).joinpath("templates", "style.css").read_text(encoding="utf-8")
    sheet = style + "".join(rules)
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    return (
        _environment(escaped=True)
        .get_template("shell.html")
        .render(
            body=Markup(body),  # noqa: S704 - rendered with everything escaped
            style=Markup(sheet),  # noqa: S704 - ours alone
            policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
            title=title,
            lang=lang,
        )
    )


def as_markdown(page: Page, lang: Lang) -> str:
    """A short form of the page, for a ticket or a pull request."""
    return _render("ticket.md", page, _Drawing(PageTexts(lang)), escaped=False)


def _render(name: str, page: Page, drawing: "_Drawing", *, escaped: bool) -> str:
    template = _environment(escaped=escaped).get_template(name)
    return template.render(page=page, draw=drawing, w=drawing.words, version=__version__)


@cache
def _environment(*, escaped: bool) -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__),
        autoescape=escaped,  # noqa: S701 - off for Markdown alone, which escapes by its own filter
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["cell"] = _cell
    return environment


def _cell(text: object) -> str:
    """A text for a cell of a Markdown table: in one line, with Markdown and HTML escaped."""
    line = " ".join(str(text).split())
    return "".join(f"\\{char}" if char in r"\`*_|[]<>" else char for char in line)


class _Drawing:
    """Helpers for templates: widths of bars as rules of the style sheet, and charts."""

    def __init__(self, words: PageTexts) -> None:
        self.words = words
        self.rules: list[str] = []

    def grow(self, number: float) -> str:
        """A class that gives a part of a bar its share of the width."""
        self.rules.append(f".g{len(self.rules)}{{flex-grow:{number:g}}}\n")
        return f"g{len(self.rules) - 1}"

    def rate(self, rate: CategoryRate, seconds: float) -> Markup:
        """The chart of one category."""
        levels = [
            charts.Level(level, colour, dashes)
            for level, colour, dashes in (
                (rate.share, charts.SHARE, _SHARE_DASHES),
                (rate.quota, charts.QUOTA, _QUOTA_DASHES),
            )
            if level is not None
        ]
        svg = charts.lines_over_time(
            rate.points,
            label=self.words(
                "rates.chart",
                category=rate.category,
                mean=self.words.rate(rate.mean),
                peak=self.words.rate(rate.peak),
                share=self.words.rate(rate.share),
                quota=self.words.rate(rate.quota),
                throttled=rate.throttled,
            ),
            levels=levels,
            marks=rate.throttles,
            x_ticks=_time_ticks(seconds),
            x_name=_clock_name,
        )
        return Markup(svg)  # noqa: S704 - serialized as XML, hence escaped

    def coverage(self, history: Sequence[Then]) -> Markup:
        """The chart of the share of verified users over audits that have counted at least one user."""
        begun = history[0].at
        points = [(then.at - begun, 100 * then.verified / then.users) for then in history]
        seconds = max(1.0, history[-1].at - begun)
        shown = _DATE if seconds > _DAY else _TIME
        first, last = (self.words.percent(share, 100) for share in (points[0][1], points[-1][1]))
        svg = charts.lines_over_time(
            points,
            label=self.words("audit.chart", number=len(points), first=first, last=last),
            levels=[charts.Level(100, charts.QUOTA, _QUOTA_DASHES)],
            x_ticks=[0.0, seconds / 2, seconds],
            x_name=lambda offset: self.words.moment(begun + offset)[shown],
        )
        return Markup(svg)  # noqa: S704 - serialized as XML, hence escaped

    def compared(self, each: Compared) -> tuple[str, str]:
        """Forecast and actual of one quantity, in words."""
        return self._amount(each.kind, each.foretold), self._amount(each.kind, each.happened)

    def _amount(self, kind: str, amount: Any) -> str:  # noqa: ANN401 - a number, a range or None
        words = self.words
        if amount is None:
            return words("page.unknown")
        if isinstance(amount, tuple):
            low, high = (self._amount(kind, each) for each in amount)
            return low if low == high else words("cost.range", low=low, high=high)
        if kind == "time":
            return words.duration(amount)
        return f"{amount:,.2f}" if kind == "money" else words.shown(int(amount))


def _time_ticks(seconds: float) -> list[float]:
    """About four round times from 0 to the end."""
    step = next((step for step in _STEPS_S if seconds / step <= _TICKS + 1), _LONG_DAYS)
    while seconds / step > _TICKS + 1:
        step *= 2
    ticks = [float(step * number) for number in range(int(seconds / step) + 1)]
    if seconds - ticks[-1] < step / 2 and len(ticks) > 1:
        ticks.pop()  # its label would overlap that of the end
    return [*ticks, float(seconds)]


def _clock_name(offset: float) -> str:
    """0:00, 1:30, 2:15:00: minutes and seconds, or hours too."""
    whole = round(offset)
    if whole < _HOUR:
        return f"{whole // _MINUTE}:{whole % _MINUTE:02}"
    return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02}:00"[: None if whole % _MINUTE else -3]
