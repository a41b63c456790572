"""Rows of the roster in their stages: resolved, to be decided, planned, done."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from unicodedata import decimal

from migrate_mfa.domain.model import Candidate, NumberClaims, Rejection, Step, UserState
from migrate_mfa.domain.reasons import Outcome, Reason


class PlannedBy(StrEnum):
    """The command that a row is planned for."""

    RUN = "run"
    RECONCILE = "reconcile"
    REPAIR = "repair"
    ROLLBACK = "rollback"
    DISABLE = "disable"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A row whose user is known, with its requested number and whether the row vouches for it."""

    row: int
    user_sub: str
    target_phone: str | None
    trust: str


@dataclass(frozen=True, slots=True)
class Undecided:
    """Everything that `decide` needs for one row."""

    candidate: Candidate
    state: UserState
    claims: NumberClaims


@dataclass(frozen=True, slots=True)
class SharedNumbers:
    """Numbers that a plan gives to several users; `most` is the most users of one number.

    A couple may share a phone. But if a column was filled down by mistake, everybody's codes go to one phone.
    """

    numbers: int
    users: int
    most: int

    def __str__(self) -> str:
        if self.numbers == 1:
            return f"1 phone number is shared by {self.users:,} users"
        return f"{self.numbers:,} phone numbers are shared by {self.users:,} users, up to {self.most:,} each"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One planned row, ready to be done.

    `wrote`: an earlier invocation wrote to this user. `verb` is the command that planned it. `was` is its
    reason before it was decided again. `planned` are the writes that the plan expects.
    """

    candidate: Candidate
    user_sub: str
    username: str
    claims: NumberClaims
    wrote: bool
    verb: PlannedBy = PlannedBy.RUN
    was: Reason | None = None
    planned: tuple[Step, ...] = ()

    @property
    def row(self) -> int:
        """The row's number."""
        return self.candidate.at.row

    def numberless(self) -> Candidate:
        """The candidate without its own number, so that the decision never writes one."""
        return replace(self.candidate, phone=None)


def is_intact(number: str | None, target: str | None, cells: Iterable[str], *, keeps: bool) -> bool:
    """Whether the three copies of a row's number agree; a damaged disk may change one of them.

    Args:
        number: the number read from the roster, in E.164 form; None if the row has no number.
        target: the number that the user should get.
        cells: the row's cells in the roster. No guess changes the last digits.
        keeps: the target may be the user's own number (`--phone-conflict keep`).
    """
    if number is None:
        return True
    digits = ("".join(str(decimal(char)) for char in cell if char.isdecimal()) for cell in cells)
    return (keeps or target in {None, number}) and any(number[-_TAIL:] in each for each in digits)


_TAIL = 6


@dataclass(frozen=True, slots=True)
class Revisited:
    """A row with its user in our last read and in this one; `new` is None if the user was not found.

    `waited_for` is the pending reason of a row before reconcile skipped it, or before it failed.
    """

    candidate: Candidate
    claims: NumberClaims
    outcome: Outcome
    reason: Reason
    username: str
    sub: str
    old: UserState
    new: UserState | None
    drifting: bool
    waited_for: Reason | None = None

    @property
    def row(self) -> int:
        """The row's number."""
        return self.candidate.at.row

    @property
    def was(self) -> Reason:
        """The earlier reason, for the new decision."""
        return self.waited_for or self.reason

    @property
    def changed(self) -> bool:
        """Whether the user has changed since our last read.

        ListUsers may lag behind (API reference): a state older than our last read is not a change.
        """
        return self.new is None or (self.new.modified >= self.old.modified and self.new != self.old)


@dataclass(frozen=True, slots=True)
class Drift:
    """An enrolled user who is no longer protected."""

    row: int
    sub: str
    username: str
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record and its result.

    `cells` has exactly the cells of the record: fewer than the header if the last ones are missing, more in
    a bad row with extra cells.
    """

    cells: tuple[str, ...] = field(repr=False)
    row: Candidate | Rejection
