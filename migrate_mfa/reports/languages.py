"""The languages of the report page and the guide; separate, so that --help does not load them."""

from enum import StrEnum


class Lang(StrEnum):
    """A language of the report page, and of topics of the guide."""

    EN = "en"
    JA = "ja"
