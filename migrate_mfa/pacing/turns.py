"""The limiters' turns for one user's writes, taken before the read that decides them.

With live traffic, a turn can take many seconds. If the read came first, its decision could be outdated when
the write is made. So the wait comes first, and the write follows one round trip after the read.
"""

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Self

from migrate_mfa.domain.model import PreferFactor, SetSmsMfa, Step
from migrate_mfa.domain.quotas import Category

if TYPE_CHECKING:
    from migrate_mfa.pacing.limiter import Permit, RateLimiter

_WRITES = (Category.USER_UPDATE, Category.USER_RESOURCE_UPDATE)


class Turns:
    """The turns of one user; as a context manager it gives unused turns back."""

    def __init__(self, limiters: "Mapping[Category, RateLimiter]", check: Callable[[], None]) -> None:
        """A category without a limiter needs no wait; `check` is as for `RateLimiter.acquire`."""
        self._limiters = limiters
        self._check = check
        self._held: dict[Category, Permit] = {}
        self._token: Token[Turns | None] | None = None

    def take(self, steps: Iterable[Step]) -> None:
        """Wait for a turn in each category that the writes need, and give back all others."""
        needed = self._needed(steps)
        for category in self._held.keys() - needed:
            self._held.pop(category).give_back()
        for category in needed:
            if category not in self._held:
                self._held[category] = self._limiters[category].turn(self._check)

    def cover(self, steps: Iterable[Step]) -> bool:
        """Whether there is a turn for each of the writes."""
        return all(category in self._held for category in self._needed(steps))

    def use(self, category: Category) -> "Permit | None":
        """Make a call with a turn, if there is one."""
        return self._held.pop(category, None)

    def _needed(self, steps: Iterable[Step]) -> list[Category]:
        # Always in the same order; a user has few steps in one category.
        wanted = {_WRITES[isinstance(step, SetSmsMfa | PreferFactor)] for step in steps}
        return [category for category in _WRITES if category in wanted and category in self._limiters]

    def __enter__(self) -> Self:
        self._token = held.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            held.reset(self._token)
        self.take(())


held: ContextVar[Turns | None] = ContextVar("held", default=None)
"""The turns of the user that this thread is working on."""
