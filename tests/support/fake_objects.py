"""A bucket in memory, with a clock of its own and faults on demand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrate_mfa.remote.objects import ConditionFailedError, GoneError, Put, Stored, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from migrate_mfa.remote.objects import IsOld
    from tests.support.fakes import FakeClock


@dataclass
class FakeObjects:
    """`Objects` in a dictionary; the store's clock is ahead of ours."""

    clock: FakeClock
    bodies: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    before: Callable[[str, str], None] = lambda *_: None
    """Called with the method and the name before each call; may raise, or change what is there."""
    lost: int = 0
    """How many answers of writes are lost after they were carried out."""

    def now(self) -> float:
        return self.clock.now() + 1000.0

    def get(self, name: str) -> Stored | None:
        self.before("get", name)
        if name not in self.bodies:
            return None
        return Stored(self.bodies[name], str(self.tags[name]), self.now())

    def download(self, name: str, path: Path) -> bool:
        found = self.get(name)
        if found is not None:
            path.write_bytes(found.body)
        return found is not None

    def is_readable(self, name: str) -> bool:
        return self.get(name) is not None

    def put(
        self, name: str, body: bytes | Path, *, new: bool = False, replaces: str | None = None,
        seconds: float | None = None,
    ) -> Put:  # fmt: skip
        del seconds
        self.before("put", name)
        if new and name in self.bodies:
            raise ConditionFailedError(name)
        if replaces is not None and name not in self.bodies:
            raise GoneError(name)
        if replaces is not None and str(self.tags[name]) != replaces:
            raise ConditionFailedError(name)
        self.bodies[name] = body if isinstance(body, bytes) else body.read_bytes()
        self.tags[name] = self.tags.get(name, 0) + 1
        if self.lost:
            self.lost -= 1
            raise StoreError("the answer was lost")
        return Put(str(self.tags[name]), self.now())

    def names(self, prefix: str = "") -> list[str]:
        self.before("names", prefix)
        return sorted(name for name in self.bodies if name.startswith(prefix))

    def delete(self, name: str, *, tag: str | None = None) -> None:
        self.before("delete", name)
        if tag is not None and name in self.bodies and str(self.tags[name]) != tag:
            raise ConditionFailedError(name)
        self.bodies.pop(name, None)

    def delete_many(self, names: Sequence[str]) -> None:
        for name in names:
            self.delete(name)

    def delete_versions(self, is_old: IsOld) -> int:
        gone = [name for name in self.names() if is_old(name, latest=True)]
        for name in gone:
            del self.bodies[name]
        return len(gone)

    def outer(self) -> str | None:
        return None
