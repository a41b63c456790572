"""One way of breaking the tool on purpose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A breach of one promise: `find` occurs once in `file` and is replaced by `put`; `tests` must fail."""

    name: str
    promise: int
    breach: str
    file: str
    find: str
    put: str
    tests: tuple[str, ...]
