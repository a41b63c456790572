"""Rows of the roster on their way: resolved, waiting for a decision, ready to be done."""

from dataclasses import dataclass

from migrate_mfa.domain.model import Candidate, Rivalry, UserState


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
    """One planned row, ready to be done. `wrote` says that an earlier invocation wrote to this user."""

    candidate: Candidate
    user_sub: str
    username: str
    rivalry: Rivalry
    wrote: bool

    @property
    def row(self) -> int:
        """The row's number."""
        return self.candidate.at.row
