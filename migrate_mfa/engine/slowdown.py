"""What holds a command back, said by name wherever somebody looks."""

from dataclasses import replace
from typing import TYPE_CHECKING

from migrate_mfa.ports import Progress, Standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.domain.quotas import Category
    from migrate_mfa.engine.pacer import Pacer


def slowed_by(pacers: "Mapping[Category, Pacer]") -> str:
    """Each category that throttles hold below its ceiling, with the rate left; empty when there is none."""
    slow = ((category.value, pacer.rate()) for category, pacer in pacers.items() if pacer.slowed)
    return ", ".join(f"throttled by {name}: {rate:.{0 if rate >= 1 else 1}f}/s" for name, rate in slow)


class NamesSlowdowns:
    """A Progress that adds to every standing what slows it."""

    def __init__(self, inner: Progress, pacers: "Mapping[Category, Pacer]") -> None:
        self._inner = inner
        self._pacers = pacers

    def say(self, text: str) -> None:
        """See `Progress.say`."""
        self._inner.say(text)

    def show(self, standing: Standing) -> None:
        """See `Progress.show`."""
        self._inner.show(replace(standing, slowed_by=slowed_by(self._pacers)))

    def close(self) -> None:
        """See `Progress.close`."""
        self._inner.close()
