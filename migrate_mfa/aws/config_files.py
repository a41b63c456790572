"""Checks of the operator's AWS configuration files and keys, for mistakes that botocore silently ignores."""

import os
import ssl
from pathlib import Path
from typing import Any

from migrate_mfa.domain.errors import NotAllowed, UsageError


def config_file() -> str:
    """The configuration file of the AWS CLI."""
    return os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config"


def credentials_file() -> str:
    """The credentials file of the AWS CLI."""
    return os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"


def require_readable() -> None:
    """Refuse a configuration file that exists but cannot be read: botocore silently ignores it.

    Raises:
        UsageError: names the file.
    """
    for name in (config_file(), credentials_file()):
        path = Path(os.path.expanduser(name))  # noqa: PTH111 - a Path fails for a user without a home
        if not (path.is_file() or path.is_dir()):
            continue
        try:
            path.open("rb").close()
        except OSError as error:
            raise UsageError(
                f"The AWS configuration {name} cannot be read ({error.strerror}).",
                "Make it readable, or name another file with AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE.",
            ) from error


def require_certificates(path: str, source: str) -> None:
    """Refuse CA certificates that cannot be loaded, before the first connection fails because of them.

    Raises:
        UsageError: says where the path comes from, and what is wrong with it.
    """
    trouble = ""
    try:
        whole = Path(path).is_dir()
        ssl.create_default_context(cafile=None if whole else path, capath=path if whole else None)
    except ssl.SSLError:
        trouble = "holds no certificates"
    except OSError as error:
        trouble = f"cannot be read ({error.strerror})"
    if trouble:
        raise UsageError(f"{source} names {path}, which {trouble}.", "Name a file of CA certificates (PEM).")


_KEYS = (
    ("access_key", "aws_access_key_id"),
    ("secret_key", "aws_secret_access_key"),
    ("token", "aws_session_token"),
)
_CHARACTERS = {"\r": "a carriage return", "\n": "a line end", " ": "a blank", "\t": "a tab"}


def require_clean_keys(keys: Any, method: str) -> None:  # noqa: ANN401 - botocore's own
    """Refuse keys that cannot sign a request, such as those from a file with CRLF line ends.

    Raises:
        NotAllowed: names the variable or the file, never the key.
    """
    for attribute, name in _KEYS:
        odd = next((each for each in getattr(keys, attribute) or "" if not "!" <= each <= "~"), None)
        if odd is not None:
            source = name.upper() if method == "env" else f"{name} ({SOURCES.get(method, method)})"
            raise NotAllowed(
                f"{source} holds a character that no key has ({_CHARACTERS.get(odd, f'U+{ord(odd):04X}')}).",
                "Copy it again. The usual cause is a Windows line end (CRLF) after it.",
            )


SOURCES = {
    "env": "the environment",
    "shared-credentials-file": "the credentials file",
    "config-file": "the configuration file",
    "custom-process": "credential_process",
}
"""Botocore's names of where credentials come from, in words."""
