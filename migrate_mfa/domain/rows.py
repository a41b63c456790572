"""Rows of the roster on their way: resolved, waiting for a decision, ready to be done."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from unicodedata import decimal

from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import Candidate, NumberClaims, Rejection, Step, UserState
from migrate_mfa.domain.reasons import Outcome, Reason


class PlannedBy(StrEnum):
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
    """Numbers that a plan gives to several users each, who these are in all, and how many have the same one.

    Couples share a phone; a column that was filled down by mistake sends everybody's codes to one.
    """

    numbers: int
    users: int
    most: int

    def __str__(self) -> str:
        one = f"{counted(self.numbers, 'number is', 'numbers are')} of several users each"
        return f"{one}: {self.users:,} users in all, up to {self.most:,} with the same one"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """One planned row, ready to be done.

    `wrote` says that an earlier invocation wrote to this user; `verb` which command planned it; `was` is the
    reason that it had before it was decided again; `planned` are the writes that the plan expects.
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
        """The candidate with no wish but the number that its user has verified: deciding never writes one."""
        return replace(self.candidate, phone=None)


def is_intact(number: str | None, target: str | None, cells: Iterable[str], *, keeps: bool) -> bool:
    """Whether the three copies of a row's number agree; a damaged disk changes one of them.

    Args:
        number: what was read from the roster, in E.164 form; None where the row has no number.
        target: what the user should end with.
        cells: the row as the roster has it. Whatever was guessed, the last digits are as they stand there.
        keeps: the target may be the user's own number (`--phone-conflict keep`).
    """
    if number is None:
        return True
    digits = ("".join(str(decimal(char)) for char in cell if char.isdecimal()) for cell in cells)
    return (keeps or target in {None, number}) and any(number[-_TAIL:] in each for each in digits)


_TAIL = 6


@dataclass(frozen=True, slots=True)
class Revisited:
    """A row with its user as our last look showed it, and as this look does; `new` None: not found.

    `waited_for` is the reason that a row was pending for before reconcile skipped it, or failed.
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
        """The reason from which it is decided again."""
        return self.waited_for or self.reason

    @property
    def changed(self) -> bool:
        """Whether the user has changed since our last look.

        ListUsers may lag (API reference): what is older than our last look is no news.
        """
        return self.new is None or (self.new.modified >= self.old.modified and self.new != self.old)


@dataclass(frozen=True, slots=True)
class Drift:
    """An enrolled user who is not protected any more."""

    row: int
    sub: str
    username: str
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Record:
    """One record and what it comes to.

    Its cells are those that it has: fewer than the header's columns where the last ones are missing, more
    where a bad row has more.
    """

    cells: tuple[str, ...] = field(repr=False)
    row: Candidate | Rejection
