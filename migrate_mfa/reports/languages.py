"""The languages of the report page; apart from it, so that --help need not load what makes a page."""

from enum import StrEnum


class Lang(StrEnum):
    """A language of the report page."""

    EN = "en"
    JA = "ja"
