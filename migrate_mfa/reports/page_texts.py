"""The texts of the report page in one language, from templates/LANG.toml, with numbers and times."""

import re
import tomllib
from importlib.resources import files
from typing import Any

from migrate_mfa.domain.formatting import duration, minute
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.reports.headline import Headline
from migrate_mfa.reports.languages import Lang

NONE = "\N{EN DASH}"
"""The placeholder if there is nothing to show."""
_UNITS = {" d": " 日", " h": " 時間", " min": " 分", " s": " 秒"}
_UNIT = re.compile("|".join(rf"{unit}\b" for unit in _UNITS))


class PageTexts:
    """The texts of one language. Every method raises KeyError for a missing text."""

    def __init__(self, lang: Lang) -> None:
        self.lang = lang
        text = files(__package__).joinpath("templates", f"{lang}.toml").read_text(encoding="utf-8")
        self._texts: dict[str, dict[str, str]] = tomllib.loads(text)

    def __call__(self, key: str, **values: Any) -> str:  # noqa: ANN401 - whatever can be shown
        """A text by `section.name` with values inserted, each formatted by `shown`."""
        section, _, name = key.partition(".")
        return self._texts[section][name].format(
            **{each: self.shown(value) for each, value in values.items()}
        )

    def sentence(self, headline: Headline) -> str:
        """A headline in one sentence."""
        share = self.percent(*headline.percent) if headline.percent else ""
        return self(f"headline.{headline.key}", share=share, **headline.values)

    def advice(self, headline: Headline) -> str:
        """What the next command of a headline is for; empty if there is none."""
        return self(f"next.{headline.advice}", **headline.values) if headline.advice else ""

    def shown(self, value: Any) -> str:  # noqa: ANN401 - whatever can be shown
        """A value in readable form: 12,000, yes, JP, none."""
        match value:
            case bool():
                text = self("page.yes" if value else "page.no")
            case int():
                text = f"{value:,}"
            case float():
                text = f"{value:g}"
            case list() | tuple():
                text = ", ".join(map(self.shown, value))
            case dict():
                text = ", ".join(f"{name}={self.shown(each)}" for name, each in value.items())
            case _:
                text = "" if value is None else str(value)
        return text or self("page.none")

    def reason(self, code: str) -> str:
        """One sentence: what a reason means and what to do next."""
        facts = Reason(code).facts
        return facts.ja if self.lang is Lang.JA else facts.en

    def rate(self, value: float | None) -> str:
        """Calls a second, with one decimal."""
        return NONE if value is None else f"{value:,.1f}"

    def duration(self, seconds: float | None) -> str:
        """A length of time in its two largest units."""
        if seconds is None:
            return NONE
        if 0 < seconds < 1:
            return self("page.under_a_second")
        found = duration(seconds)
        return _UNIT.sub(lambda unit: _UNITS[unit[0]], found) if self.lang is Lang.JA else found

    def moment(self, epoch_s: float) -> str:
        """A moment in UTC, to the minute."""
        return minute(epoch_s)

    def percent(self, part: float, whole: float) -> str:
        """A share in percent with one decimal; a dash if the whole is zero."""
        return self("page.percent", value=f"{100 * part / whole:.1f}") if whole else NONE
