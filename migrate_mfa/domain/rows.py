"""Rows of the roster on their way: resolved, waiting for a decision, ready to be done."""

from dataclasses import dataclass, replace
from enum import StrEnum

from migrate_mfa.domain.model import Candidate, Rivalry, UserState
from migrate_mfa.domain.reasons import Reason


class Verb(StrEnum):
    """What a planned row is planned for."""

    RUN = "run"
    RECONCILE = "reconcile"
    REPAIR = "repair"
    ROLLBACK = "rollback"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A row whose user is known, with what it asks for: the wished number and how far it is believed."""

    row: int
    user_sub: str
    wish: str | None
    trust: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Everything that `decide` needs for one row."""

    candidate: Candidate
    state: UserState
    rivalry: Rivalry


@dataclass(frozen=True, slots=True)
class Work:
    """One planned row, ready to be done.

    `wrote` says that an earlier invocation wrote to this user; `verb` which command planned it; `was` is the
    reason that it had before it was decided again.
    """

    candidate: Candidate
    user_sub: str
    username: str
    rivalry: Rivalry
    wrote: bool
    verb: Verb = Verb.RUN
    was: Reason | None = None

    @property
    def row(self) -> int:
        """The row's number."""
        return self.candidate.at.row

    def numberless(self) -> Candidate:
        """The candidate with no wish but the number that its user has verified: deciding never writes one."""
        return replace(self.candidate, phone=None)
