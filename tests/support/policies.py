"""What the tests of printed policies share: a document without one action, an environment of their own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


def without_action(document: dict[str, Any], operation: str) -> dict[str, Any]:
    """The document without one action; a statement that is left with none goes too."""
    rows = [
        row | {"Action": [action for action in row["Action"] if not action.endswith(f":{operation}")]}
        for row in document["Statement"]
    ]
    return document | {"Statement": [row for row in rows if row["Action"]]}


def act_as(patch: pytest.MonkeyPatch, key: tuple[str, str]) -> None:
    """Let the program in this process sign with a key, and know nothing of this machine's settings.

    The servers of these tests show a write at once, so nobody waits until it does.
    """
    for name in [name for name in os.environ if name.startswith(("AWS_", "MIGRATE_MFA_"))]:
        patch.delenv(name)
    patch.setenv("AWS_ACCESS_KEY_ID", key[0])
    patch.setenv("AWS_SECRET_ACCESS_KEY", key[1])
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        patch.setenv(name, os.devnull)
    for module in ("engine.apply_row", "invocation"):
        patch.setattr(f"migrate_mfa.{module}.READ_BACK_WAITS_S", (0.0,))
    patch.setattr("migrate_mfa.engine.apply_row.AGAIN_AFTER_S", 0.0)
