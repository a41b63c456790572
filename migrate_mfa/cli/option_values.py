"""Parsers of option values. Each says in plain words what is wrong with a value.

A parser takes its flag and the text. It raises UsageError if its message names the flag, and ValueError if
the caller adds the flag.
"""

import os
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from migrate_mfa.aws.names import ROLE_ARN
from migrate_mfa.cli.options import PREFIX
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.domain.quotas import PACED, Category
from migrate_mfa.domain.reasons import LIFTABLE, Reason
from migrate_mfa.remote.objects import BucketUrl, is_bucket_url

_PERCENT = r"(\d+(?:\.\d+)?)\s*%"
_DURATION = r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?"
_FULL, _LEAST_SHARE = 100.0, 0.001
_LOG_LEVELS = ("debug", "info", "warning", "error")
Name = TypeVar("Name")
Value = TypeVar("Value", float, Decimal)


class Written(float):
    """A number that is shown as it was written: 1% for 0.01, 15m for 900 seconds."""

    def __new__(cls, value: float, text: str) -> Self:
        """See `float`."""
        made = super().__new__(cls, value)
        made.text = text
        return made

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Named(Generic[Name, Value]):
    """`NAME=VALUE`."""

    name: Name
    value: Value

    def __str__(self) -> str:
        return f"{self.name}={self.value:g}"


def run_dir(flag: str, text: object) -> Path | BucketUrl | None:
    """A run directory: a path, or `s3://BUCKET/PREFIX`."""
    del flag
    if text is None or isinstance(text, Path | BucketUrl):
        return text
    return BucketUrl.parse(str(text)) if is_bucket_url(text) else Path(str(text))


def folder(flag: str, text: object) -> Path | None:
    """A folder on this machine."""
    if text is None or isinstance(text, Path):
        return text
    if is_bucket_url(text):
        raise UsageError(f"{flag} takes a folder on this machine here, not {str(text)!r}.", "Name a folder.")
    return Path(str(text))


def place(flag: str, text: object) -> Path | BucketUrl | None:
    """A place of run directories: a path, `s3://BUCKET/PREFIX` or a whole bucket."""
    del flag
    if text is None or isinstance(text, Path | BucketUrl):
        return text
    return BucketUrl.parse(str(text), whole=True) if is_bucket_url(text) else Path(str(text))


def bucket_url(flag: str, text: object) -> BucketUrl | None:
    """`s3://BUCKET/PREFIX`."""
    del flag
    return text if text is None or isinstance(text, BucketUrl) else BucketUrl.parse(str(text))


def percent(flag: str, text: object) -> Written | None:
    """`1%` as 0.01; an empty text counts as not given."""
    if not str(text):
        return None
    match = re.fullmatch(_PERCENT, str(text).strip())
    if match is None or float(match[1]) > _FULL:
        raise UsageError(f"{flag} takes a percentage such as 1% (not {str(text)!r}).")
    return Written(float(match[1]) / _FULL, str(text))


def percent_or_number(flag: str, text: object) -> Written | None:
    """`95%`, or `95`."""
    found = percent(flag, f"{text}".rstrip("%") + "%")
    return None if found is None else Written(found, str(text))


def duration(flag: str, text: object) -> Written | None:
    """`8h`, `90m`, `1h30m`, `45s` in seconds; an empty text counts as not given."""
    if not str(text):
        return None
    match = re.fullmatch(_DURATION, str(text).strip().lower())
    if match is None or not any(match.groups()):
        raise UsageError(f"{flag} takes a duration such as 8h, 90m or 1h30m (not {str(text)!r}).")
    hours, minutes, rest = (int(part or 0) for part in match.groups())
    return Written(hours * 3600.0 + minutes * 60 + rest, str(text))


def share(_: str, value: object) -> float:
    """`0.5`, or `50%`."""
    text = str(value).strip()
    try:
        found = float(text.removesuffix("%")) / (_FULL if text.endswith("%") else 1.0)
    except ValueError:
        raise ValueError(f"it takes a share such as 0.5 or 50% (not {text!r}).") from None
    if not _LEAST_SHARE <= found <= 1.0:
        half = f" or {found:g}%" if 1.0 < found <= _FULL and not text.endswith("%") else ""
        raise ValueError(f"it takes 0.001 to 1, such as 0.5 for half{half} (not {text!r}).")
    return found


def rate(flag: str, entry: object) -> Named[Category, float]:
    """`UserUpdate=5`: calls per second in a category."""
    known = {category.value.casefold(): category for category in PACED}
    name, _, number = str(entry).partition("=")
    try:
        category, most = known[name.strip().casefold()], float(number)
    except (KeyError, ValueError):
        names = ", ".join(category.value for category in PACED)
        raise UsageError(
            f"{flag} {str(entry)!r} is not CATEGORY=N.", f"Such as UserUpdate=5; categories: {names}."
        ) from None
    if not most > 0:
        raise UsageError(f"{flag} {str(entry)!r}: the rate must be above zero.")
    return Named(category, most)


def price(_: str, entry: object) -> Named[str, Decimal]:
    """`JP=0.07`: what one part of an SMS costs in a country."""
    from migrate_mfa.domain.prices import sms_prices

    [(country, found)] = sms_prices([str(entry)]).items()
    return Named(country, found)


def money(flag: str, text: object) -> Decimal:
    """An amount of money, such as 0.07."""
    from migrate_mfa.domain.prices import amount

    return amount(flag, str(text))


def reason(flag: str, name: object) -> Reason:
    """A reason that --despite accepts."""
    known = sorted(each.value for each in LIFTABLE)
    if name not in known:
        raise UsageError(f"{flag} {name} is not possible.", f"It takes one of: {', '.join(known)}.")
    return Reason(name)


def country(flag: str, name: object) -> str:
    """The two-letter code of a country, in capitals or small letters as given."""
    from migrate_mfa.domain.phone.normalise import known_country

    if not known_country(str(name).upper()):
        raise UsageError(f"{flag} {str(name)!r} is not a country.", "It takes two letters, such as JP or US.")
    return str(name)


def role_arn(flag: str, text: object) -> str:
    """The ARN of an IAM role."""
    if not ROLE_ARN.fullmatch(str(text)):
        raise UsageError(
            f"{flag} {str(text)!r} is not a role's ARN.", "Such as arn:aws:iam::123456789012:role/sms."
        )
    return str(text)


def role_name(flag: str, text: object) -> str:
    """The name of an IAM role, after its path if it has one."""
    return _like(
        r"([\w+=,.@-]+/)*[\w+=,.@-]{1,64}",
        flag,
        str(text),
        "up to 64 letters, digits and +=,.@-_, and is no ARN",
    )


def topic_arn(flag: str, text: object) -> str:
    """The ARN of a standard SNS topic."""
    if not re.fullmatch(r"arn:[\w-]+:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}", str(text), re.ASCII):
        raise UsageError(
            f"{flag} {str(text)!r} is not a standard topic's ARN.",
            "Such as arn:aws:sns:ap-northeast-1:123456789012:migrate-mfa.",
        )
    return str(text)


def external_id(flag: str, text: object) -> str:
    """An external id for AssumeRole."""
    return _like(r"[\w+=,.@:/-]{2,1224}", flag, str(text), "2 to 1224 letters, digits and +=,.@:/-_")


def session_name(flag: str, text: object) -> str:
    """The name of a role's session for AssumeRole."""
    return _like(r"[\w+=,.@-]{2,64}", flag, str(text), "2 to 64 letters, digits and +=,.@-_")


def _like(pattern: str, flag: str, text: str, shape: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise UsageError(f"{flag} {text!r} cannot be used.", f"It has {shape}.")
    return text


def log_level(flag: str, name: object) -> str:
    """A level of the log, in small letters."""
    if str(name).lower() not in _LOG_LEVELS:
        raise UsageError(f"{flag} {str(name)!r} is not known.", f"It takes one of: {', '.join(_LOG_LEVELS)}.")
    return str(name).lower()


def usable_endpoint(context: Any, value: str | None) -> str | None:  # noqa: ANN401 - Typer's
    """A URL that a client can use. AWS_ENDPOINT_URL is left to the SDK, which has its own rules."""
    from migrate_mfa.aws.endpoints import require_url

    source = context.get_parameter_source("endpoint_url")
    if source is not None and source.name == "ENVIRONMENT" and not os.environ.get(f"{PREFIX}ENDPOINT_URL"):
        return None
    if value:
        require_url(value, "--endpoint-url")
    return value
