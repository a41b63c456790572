"""Which endpoint a client uses: AWS's own, or one from a flag, a variable or a profile."""

import os
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from migrate_mfa.domain.errors import UsageError

AWS = "aws"
"""The name for all of AWS's own endpoints, whatever their host: they share one quota."""


def variable_of(service_id: str) -> str:
    """The variable that names the endpoint of one service ("Service-specific endpoints", AWS SDKs guide)."""
    return f"AWS_ENDPOINT_URL_{re.sub(r'[ -]', '_', service_id).upper()}"


def require_url(url: str, source: str) -> None:
    """Refuse a malformed URL.

    Raises:
        UsageError: says what is wrong with it and where it comes from.
    """
    if wrong := _wrong(url):
        raise UsageError(f"The endpoint URL of {source} cannot be used: {wrong}.", _SHAPE)


def _wrong(url: str) -> str:
    if re.search(r"[\s\x00-\x1f\x7f]", url):
        return "there is a blank in it"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "its host or its port cannot be read"
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with https:// or http://"
    if port == 0 or not parts.hostname:
        return "it has no port 0" if parts.hostname else "it names no host"
    return "it has a query or a fragment" if parts.query or parts.fragment else ""


_SHAPE = "It looks like https://cognito-idp.ap-northeast-1.amazonaws.com or http://127.0.0.1:8791."


def name_of(url: str, suffixes: Iterable[str]) -> str:
    """`aws` for a host of AWS, by the DNS suffixes of its partitions; else the URL, without a password."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if parts.scheme == "https" and any(host.endswith(f".{suffix}") for suffix in suffixes):
        return AWS
    return re.sub(r"//[^/@]*@", "//", url).rstrip("/")


def own_variable(service_id: str, *, ignored: bool) -> str | None:
    """The variable that gives this service its own endpoint, if it is set and not ignored."""
    name = variable_of(service_id)
    return name if os.environ.get(name) and not ignored else None
