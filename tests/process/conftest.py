"""The end-to-end tests' simulator and console script, for promises that only they can show."""

from __future__ import annotations

from tests.commands.conftest import raise_site

__all__ = ["raise_site"]
