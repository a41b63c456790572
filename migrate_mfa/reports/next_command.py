"""The next command for a run directory, complete, so that it can be pasted."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migrate_mfa.journal.run_dir import audit_beside

AWS = "aws"
"""The name of AWS's own endpoint in a run directory."""
_LIKE_A_NUMBER = re.compile(r"\d(?:[\s().-]{0,3}\d){9,}")
_DECIDES = ("phone_conflict", "despite", "phone_country", "strict_e164", "id_column", "phone_column")
_NAMES_USERS = ("id_column",)
_SPEED = ("quota_share", "max_rps")
_WAVE = ("max_users", "stop_after", "max_failures")
_PRICES = ("sms_price", "mau_price")
_COST = ("max_sms", *_PRICES, "max_cost")
_PLACE = ("lane_lock", "kms_key")
TAKES: Mapping[str, Sequence[str]] = {
    "plan": (*_SPEED, "max_failures", *_COST, *_PLACE),
    "run": (*_SPEED, *_WAVE, *_COST, *_PLACE),
    "disable": (*_SPEED, *_WAVE, *_PLACE),
    "rollback": (*_SPEED, *_WAVE, *_PLACE),
    "reconcile": (*_SPEED, *_WAVE, *_COST, *_PLACE, "deep", "repair"),
    "audit": (*_SPEED, "mau_price", "max_cost", *_PLACE, "deep", "fail_under"),
    "check": ("quota_share",),
    "purge": ("kms_key",),
}
"""By command, the options of a pass that it needs: without them it would do something else or be refused."""
_KEPT = frozenset({*_COST, *_PLACE})
"""Those for the run directory or the whole cost; the others are only for the same command again."""
DEFAULTS: Mapping[str, object] = {
    "quota_share": 0.5,
    "max_failures": 0.01,
    "phone_conflict": "fail",
}
"""Default values, which are not given; other options are left out if they are zero, false or empty."""
_WITHOUT_ROLE = frozenset({"status", "report", "purge"})
"""Commands that call at most S3, with the operator's own credentials."""


def is_bucket(run_dir: str) -> bool:
    """Whether a run directory is in a bucket, by its name from `journal.run_dir.shown`."""
    return run_dir.startswith("s3://")


def safe_path(path: object) -> str | None:
    """A path that may be shown; None if it contains an address or what could be a user's number."""
    text = str(path)
    return None if "@" in text or _LIKE_A_NUMBER.search(text) else text


def by_caller(command: str, caller: Sequence[str]) -> str:
    """A command line with the caller's options that its command takes.

    Args:
        command: the line.
        caller: flags, each followed by its value.
    """
    verb = shlex.split(command)[1]
    pairs = zip(caller[::2], caller[1::2], strict=True)
    taken = (pair for pair in pairs if verb not in _WITHOUT_ROLE or not pair[0].startswith("--role"))
    words = [word for pair in taken for word in pair]
    return f"{command} {shlex.join(words)}" if words else command


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """Complete command lines to follow a command on a run directory or a pool.

    Every line for a run directory names it, because a variable may name another one.
    """

    run_dir: str
    pool_id: str
    endpoint: str | None = None
    command: str = ""
    """The last command in the run directory."""
    number: int = 0
    """The number of its pass, which distinguishes the lists of different reports."""
    disables: bool = False
    deciding: Mapping[str, object] = field(default_factory=dict)
    """The options that decided the plan."""
    options: Mapping[str, object] = field(default_factory=dict)
    """The options of the last pass."""

    @property
    def starter(self) -> str:
        """The command for a roster here."""
        return "disable" if self.disables else "plan"

    def here(self, verb: str, *more: str) -> str:
        """A command on this run directory; if it applies the same plan as the last, it keeps its limits."""
        again = verb == resumed_by(self.command) != "reconcile"
        return self._line(verb, "--run-dir", self.run_dir, *more, *self._carried(verb, again=again))

    def watch(self) -> str:
        """The command that shows a running command; in a bucket without --watch."""
        return self.here("status", *(() if is_bucket(self.run_dir) else ("--watch",)))

    def resume(self) -> str:
        """The last command once more, or the one that applies its plan."""
        verb = resumed_by(self.command)
        return self._line(verb, "--run-dir", self.run_dir, *self._carried(verb, again=True))

    def again(self, verb: str, roster: str) -> str:
        """A command that reads the roster of this run directory once more."""
        words = (*self._of_roster("encoding"), "--run-dir", self.run_dir)
        return self._line(verb, roster, *words, *self._carried(verb, again=True))

    def list_as_roster(self, name: str) -> str:
        """The command that plans one of the lists of this report, in a new directory."""
        lists, elsewhere = f"{self.run_dir}/report/{name}.csv", f"{self.run_dir}-{name}-{self.number}"
        words = (*self._of_roster(), "--run-dir", elsewhere)
        return self._line(self.starter, lists, *words, *self._carried(self.starter))

    def audit(self) -> str:
        """An audit of the whole pool, in a directory beside this one, where its page finds it."""
        beside = audit_beside(self.run_dir, self.pool_id)
        return self.pool("audit", "--run-dir", beside, *self._carried("audit"))

    def pool(self, verb: str, *more: str) -> str:
        """A command on the whole pool."""
        return self._line(verb, "--user-pool-id", self.pool_id, *more)

    def plan(self, roster: str, *more: str) -> str:
        """A plan of another roster in this pool."""
        words = (*self._of_roster("encoding"), *more)
        return self._line("plan", roster, *words, *self._carried("plan", again=True))

    def check(self, *more: str) -> str:
        """The same check again."""
        policy = _words(self.deciding, ("verification",))
        return self.pool("check", *policy, *more, *self._carried("check", again=True))

    def _of_roster(self, *more: str) -> Iterator[str]:
        names = _NAMES_USERS if self.disables else ("verification", *_DECIDES)
        yield from ("--user-pool-id", self.pool_id, *_words(self.deciding, (*names, *more)))

    def _carried(self, verb: str, *, again: bool = False) -> Iterator[str]:
        needless = () if self.options.get("max_cost") else _PRICES
        taken = [name for name in TAKES.get(verb, ()) if name not in needless]
        return _words(self.options, [name for name in taken if again or name in _KEPT])

    def _line(self, *words: str) -> str:
        elsewhere = ("--endpoint-url", self.endpoint) if self.endpoint not in {None, AWS} else ()
        return shlex.join(["migrate-mfa", *words, *map(str, elsewhere)])


def resumed_by(command: str) -> str:
    """The command that does the open rows: `run` for those of a plan."""
    return {"plan": "run", "canary": "rollback"}.get(command, command)


def _words(options: Mapping[str, object], names: Iterable[str]) -> Iterator[str]:
    """Options as on a command line, without those that have their default values."""
    for name in names:
        value, flag = options.get(name), f"--{name.replace('_', '-')}"
        if value is True:
            yield flag
        elif value and value != DEFAULTS.get(name):
            for each in as_written(name, value):
                yield from (flag, each)


def as_written(name: str, value: object) -> Iterator[str]:
    """The value of an option, or each of its values, as on a command line.

    Args:
        name: the option's name, with underscores.
        value: the value in the journal: a share as a part of 1, a time in seconds.
    """
    match value:
        case dict():
            yield from (f"{key}={_number(each)}" for key, each in value.items())
        case list() | tuple():
            yield from map(str, value)
        case str() if name.endswith("_column"):
            yield safe_path(value) or "COLUMN"  # its name could be a user's number
        case float() if name in _SHARES:
            yield f"{_number(100 * value)}%"
        case float() if name == "stop_after":
            hours = value % _HOUR == 0
            yield f"{value / _HOUR:.0f}h" if hours else f"{value:.0f}s"
        case _:
            yield _number(value)


def _number(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


_SHARES = frozenset({"max_failures", "fail_under"})
_HOUR = 3600.0
