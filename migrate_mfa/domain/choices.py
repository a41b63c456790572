"""The operator's choices by name. Separate from the model, because --help needs only these."""

from enum import StrEnum


class VerificationPolicy(StrEnum):
    """How a number becomes verified (`--verification`)."""

    BY_CODE = "by-code"
    ATTESTED = "attested"
    AT_SIGN_IN = "at-sign-in"
    BY_COLUMN = "by-column"


class ProgressStyle(StrEnum):
    """How progress is shown (`--progress`)."""

    AUTO = "auto"
    LIVE = "live"
    LINES = "lines"
    NONE = "none"


class PhoneConflict(StrEnum):
    """What to do when the pool's number is in use and differs from the row's (`--phone-conflict`)."""

    FAIL = "fail"
    KEEP = "keep"
    REPLACE = "replace"
