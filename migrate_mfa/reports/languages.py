"""The languages of the report page and the guide; apart from them, so that --help need not load a page."""

from enum import StrEnum


class Lang(StrEnum):
    """A language of the report page, and of topics of the guide."""

    EN = "en"
    JA = "ja"
