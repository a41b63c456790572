"""The input and output of an engine: the targets of one lane as plain values without credentials."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum


class State(StrEnum):
    """The state of a target."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    """Its command has ended with 0, 7 or 9."""
    LIMITED = "limited"
    """It stopped at a limit that the operator set, such as --max-users."""
    NOT_READY = "not_ready"
    """Its pool is not ready: `check` found failures, or a command refused the pool."""
    SET_ASIDE = "set_aside"
    """A person must look at it."""
    NO_RUN = "no_run"
    """There is no run that its command could reconcile or roll back."""
    UNREACHABLE = "unreachable"
    """Its role is not assumed, or its endpoint does not answer."""
    INTERRUPTED = "interrupted"
    """The fleet was asked to end before the target had finished."""

    @property
    def words(self) -> str:
        """The name of the state in messages, also after a number."""
        return "without a run" if self is State.NO_RUN else self.value.replace("_", " ")


TROUBLED = frozenset({State.NOT_READY, State.SET_ASIDE, State.UNREACHABLE})
"""The states in which a person has to correct something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a target is tried again, and after which pauses."""

    tries: int = 3
    """The most starts of a command that is lost or cannot reach AWS."""
    pause_s: float = 30.0
    busy_s: float = 180.0
    """The longest wait for another command in the lane: a dead owner's lease lasts 90 s. For a command on the
    target itself, the wait has no limit."""


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
    """The run directory of the fleet, and the access to its bucket."""

    run_dir: str
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The targets of one lane, which run in sequence."""

    lane: str
    verb: str
    jobs: tuple[Job, ...]
    where: Whereabouts
    invocation: str
    """A token of the fleet command, which marks its results."""
    patience: Patience = field(default_factory=Patience)

    @property
    def works_in_run_dir(self) -> bool:
        """Whether its commands use the run directories of the targets; a check does not."""
        return self.verb != "check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The end of a target's command."""

    name: str
    state: State
    exit_code: int | None = None
    """That of its last command; None if none was started or there is no run, negative if a signal killed it.
    If a command did all its rows in spite of a signal: the code without that signal."""
    error: str = ""
    """The last error that it reported, without personal data."""
    tries: int = 0
    verb: str = ""
    invocation: str = ""
    ended_at: float = 0.0
    """Seconds since the epoch."""
    mark: str = ""
    """Identifies the summary that its run directory had then, to see whether another command ended since."""
    begins: bool = False
    """Whether its command is started now, so that the command at work is this one."""
    first: str = ""
    """The verb that must come before it, if it was refused for that."""

    def ends(self, invocation: str) -> bool:
        """Whether its target has ended in this invocation; a waiting one is tried again."""
        return self.invocation == invocation and self.state is not State.WAITING

    def as_dict(self) -> dict[str, object]:
        """The fields for JSON."""
        return asdict(self)

    @classmethod
    def read(cls, found: Mapping[str, object]) -> "Result":
        """The inverse of `as_dict`.

        Raises:
            KeyError, ValueError: it is not a result.
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
            mark=str(found.get("mark", "")),  # an older version has none
            begins=bool(found.get("begins")),
            first=str(found.get("first", "")),
        )
