"""What is handed to an engine: the targets of one lane, as plain values without any credentials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class State(StrEnum):
    """Where a target stands."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    """Its command came to its end: 0, 7 or 9, and `check` with its findings."""
    LIMITED = "limited"
    """It stopped at a limit of the operator's, such as --max-users."""
    SET_ASIDE = "set_aside"
    """A person has to look at it."""
    NO_RUN = "no_run"
    """Nothing has begun there that its command could go on with or take back."""
    UNREACHABLE = "unreachable"
    """Its account or endpoint does not let us begin."""
    INTERRUPTED = "interrupted"
    """The fleet was asked to end before it."""

    @property
    def words(self) -> str:
        """As a person reads it, after a number too."""
        return "without a run" if self is State.NO_RUN else self.value.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and after how long a target is tried again."""

    tries: int = 3
    """How often its command is started at most, where it is lost or cannot reach AWS."""
    pause_s: float = 30.0
    busy_s: float = 180.0
    """How long somebody else in the lane is waited for: a dead owner's lease lasts 90 s. Who works on the
    target itself is waited for until the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One target's command."""

    name: str
    words: tuple[str, ...]
    """The command line after `migrate-mfa`."""
    account: str | None
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """The run directory of the fleet, and how a bucket is reached."""

    run_dir: str
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The targets of one lane, which are done one after the other."""

    lane: str
    verb: str
    jobs: tuple[Job, ...]
    where: Whereabouts
    invocation: str
    """A token of the command that wants it, so that its results can be told from older ones."""
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a target ended."""

    name: str
    state: State
    exit_code: int | None = None
    """Of its last command; None where none was started or there is no run, less than 0 where a signal ended
    it. Of one that has done all its rows although a signal came: the code without that signal."""
    error: str = ""
    """The last error that it told, without personal data."""
    tries: int = 0
    verb: str = ""
    invocation: str = ""
    ended_at: float = 0.0
    """Seconds since the epoch."""

    def ends(self, invocation: str) -> bool:
        """Whether it is the end of its target in one command; one that waits is tried again."""
        return self.invocation == invocation and self.state is not State.WAITING

    def as_dict(self) -> dict[str, object]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def read(cls, found: Mapping[str, object]) -> "Result":
        """The inverse of `as_dict`.

        Raises:
            KeyError, ValueError: it is none.
        """
        code = found["exit_code"]
        return cls(
            name=str(found["name"]),
            state=State(str(found["state"])),
            exit_code=None if code is None else int(str(code)),
            error=str(found["error"]),
            tries=int(str(found["tries"])),
            verb=str(found["verb"]),
            invocation=str(found["invocation"]),
            ended_at=float(str(found["ended_at"])),
        )
