"""Values of options that need a look of their own."""

import os

import typer

_ENDPOINT = "MIGRATE_MFA_ENDPOINT_URL"
_WHOLE, _LEAST_SHARE = 100.0, 0.001


def share(value: str | float) -> float:
    """`0.5`, or `50%`.

    Raises:
        BadParameter: it is neither, or no share.
    """
    text = str(value).strip()
    try:
        found = float(text.removesuffix("%")) / (_WHOLE if text.endswith("%") else 1.0)
    except ValueError:
        raise typer.BadParameter(f"it takes a share such as 0.5 or 50% (not {text!r}).") from None
    if not _LEAST_SHARE <= found <= 1.0:
        half = f" or {found:g}%" if 1.0 < found <= _WHOLE and not text.endswith("%") else ""
        raise typer.BadParameter(f"it is above 0 (from 0.001) up to 1: 0.5 for half{half} (not {text!r}).")
    return found


def left_to_the_sdk(context: typer.Context, value: str | None) -> str | None:
    """AWS_ENDPOINT_URL is read by the SDK itself, by its own rules: it is no value of this option."""
    source = context.get_parameter_source("endpoint_url")
    variable = source is not None and source.name == "ENVIRONMENT"
    return None if variable and not os.environ.get(_ENDPOINT) else value
