"""A model of everything that can come one after the other on two run directories over one pool.

    make model ARGS="--examples 2000"

Commands run in this process and end in every way that they can; between them users, their pool and the
service change. After each step nobody is harmed. At the end all is taken back: every user is as before our
first write, or the report names why not; every repetition comes to an end, and every directory to a purge.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections import Counter
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from migrate_mfa.domain.errors import ExitCode
from tests.commands.support import POOL_ID, SENDS_CODES
from tests.model.program import KILLED, Ended, Halt, program
from tests.model.world import NAMES, People, document, rosters, shape
from tests.support.journal_invariants import broken

if TYPE_CHECKING:
    from collections.abc import Collection

UPDATE: Final = "AdminUpdateUserAttributes"
PREFER: Final = "AdminSetUserMFAPreference"
POLICIES: Final = ("attested", "by-code", "at-sign-in")
DIRECTORIES: Final = ("one", "two", "disable")
ENDS: Final = {*ExitCode} - {ExitCode.BUG, ExitCode.USAGE} | {KILLED}
"""What a command may end with here: it is never wrong, and never asked for nonsense."""
FIGURES: Final[Counter[str]] = Counter()
"""What all machines of this process have done: sequences, commands by name, and how these ended."""
_MOST_REPETITIONS: Final = 6
_QUIET: Final = ("--quiet", "--quota-share", "1")
_SAYS_NOTHING: Final = {"restored", "nothing_to_restore"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What befalls one command: a fault document, options that limit it, a halt of its process."""

    faults: dict[str, Any]
    options: tuple[str, ...] = ()
    halt: Halt | None = None


def _lost(op: str, times: int) -> dict[str, Any]:
    return {"rules": [{"kind": "reset", "when": "after", "ops": [op], "times": times}]}


def _flip(config: dict[str, Any], call: int) -> dict[str, Any]:
    return {"script": [{"at_call": call, "do": {"config": config}}]}


_SOME: Final = st.integers(1, 6)
_OPS: Final = st.sampled_from((UPDATE, PREFER))
_NONE: Final = Trouble({})
troubles: Final = st.one_of(
    st.just(_NONE),
    st.builds(lambda n: Trouble({}, ("--max-users", str(n))), st.integers(1, 3)),
    st.builds(
        lambda how, at, after, of_all: Trouble({}, halt=Halt(how, at * (1 + of_all), after, of_all)),
        st.sampled_from(("sigint", "sigterm", "kill", "kill")),
        _SOME,
        st.booleans(),
        st.booleans(),
    ),
    st.builds(lambda op, n: Trouble(_lost(op, n)), _OPS, st.sampled_from((1, 2, 30))),
    st.builds(
        lambda op, n: Trouble({"rules": [{"kind": "error", "ops": [op], "times": n}]}),
        _OPS,
        st.sampled_from((1, 30)),
    ),
    st.builds(
        lambda op: Trouble(
            {"rules": [{"kind": "internal_error", "when": "after", "ops": [op], "times": 80}]}
        ),
        _OPS,
    ),
    st.builds(
        lambda n: Trouble({"rules": [{"kind": "expired_token", "after_calls": n}]}), st.integers(3, 30)
    ),
    st.builds(
        lambda config, n: Trouble(_flip(config, n)),
        st.sampled_from(({"MfaConfiguration": "OFF"}, SENDS_CODES)),
        st.integers(4, 30),
    ),
)
_BACK_TO_NORMAL: Final = {"config": {"MfaConfiguration": "OPTIONAL"}}


class Operations(RuleBasedStateMachine):
    """One operator, one pool, two rosters, and a directory each; a third one to disable with."""

    def __init__(self) -> None:
        super().__init__()
        self._open = ExitStack()
        self.folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="model-")))
        self.policies: dict[str, str] = {}
        self.purged: set[str] = set()
        self.lag_ms = 0
        self.faults: dict[str, Any] = {}
        self.allowed: dict[tuple[str, str], int] = {}

    @initialize(one=st.sampled_from(POLICIES), two=st.sampled_from(POLICIES), sends_codes=st.booleans())
    def begin(self, one: str, two: str, sends_codes: bool) -> None:
        self.program = self._open.enter_context(program(document(sends_codes=sends_codes), self.folder))
        self.rosters = rosters(self.folder)
        self.policies = {"one": one, "two": two}
        self.people = People(self.program)
        FIGURES["sequences"] += 1

    # -- commands

    @rule(at=st.sampled_from(("one", "two")), trouble=troubles)
    def plan(self, at: str, trouble: Trouble) -> None:
        self._command(at, "plan", trouble, *self._on(at))

    @rule(at=st.sampled_from(("one", "two")), trouble=troubles, max_sms=st.sampled_from((0, 2, 20)))
    def run(self, at: str, trouble: Trouble, max_sms: int) -> None:
        failures = "100%" if trouble is _NONE else "20%"
        options = ("--max-sms", str(max_sms), "--max-failures", failures)
        self._command(at, "run", trouble, *self._on(at), *options)

    @rule(at=st.sampled_from(("one", "two")), trouble=troubles, repair=st.booleans(), deep=st.booleans())
    def reconcile(self, at: str, trouble: Trouble, repair: bool, deep: bool) -> None:
        options = [name for name, on in (("--repair", repair), ("--deep", deep)) if on]
        self._command(at, "reconcile", trouble, *options)

    @rule(at=st.sampled_from(DIRECTORIES), trouble=troubles)
    def rollback(self, at: str, trouble: Trouble) -> None:
        self._command(at, "rollback", trouble)

    @rule(at=st.sampled_from(DIRECTORIES), name=st.sampled_from(NAMES), trouble=troubles)
    def rollback_of_one(self, at: str, name: str, trouble: Trouble) -> None:
        self._command(at, "rollback", trouble, "--user", name)

    @rule(trouble=troubles)
    def disable(self, trouble: Trouble) -> None:
        where = (str(self.rosters["one"]), "--user-pool-id", POOL_ID, "--max-failures", "100%")
        self._command("disable", "disable", trouble, *where)

    @rule(at=st.sampled_from(DIRECTORIES), despite=st.booleans())
    def purge(self, at: str, despite: bool) -> None:
        done = self._command(at, "purge", _NONE, *["--despite-pending"] * despite)
        if done.code == ExitCode.DONE:
            self.purged.add(at)

    # -- meanwhile

    @rule(name=st.sampled_from(NAMES))
    def somebody_enters_a_number(self, name: str) -> None:
        self.people.enters_a_number(name)

    @rule(name=st.sampled_from(NAMES))
    def somebody_proves_the_number(self, name: str) -> None:
        self.people.proves_the_number(name)

    @rule(name=st.sampled_from(NAMES))
    def somebody_removes_the_number(self, name: str) -> None:
        self.people.removes_the_number(name)

    @rule(name=st.sampled_from(NAMES))
    def somebody_sets_up_an_app(self, name: str) -> None:
        self.people.sets_up_an_app(name)

    @rule(name=st.sampled_from(NAMES))
    def somebody_is_made_anew(self, name: str) -> None:
        self.people.is_made_anew(name)

    @rule(name=st.sampled_from(NAMES))
    def somebody_is_switched(self, name: str) -> None:
        self.people.is_switched(name)

    @rule(name=st.sampled_from(NAMES))
    def an_address_moves(self, name: str) -> None:
        self.people.loses_the_address(name)

    @rule(sends=st.booleans())
    def the_pool_sends_codes_or_does_not(self, sends: bool) -> None:
        self.program.edit(config=SENDS_CODES if sends else {"AutoVerifiedAttributes": ["email"]})

    @rule(mode=st.sampled_from(("OPTIONAL", "OPTIONAL", "ON", "OFF")))
    def the_pool_asks_for_mfa(self, mode: str) -> None:
        self.program.edit(config={"MfaConfiguration": mode})

    @rule(lag_ms=st.sampled_from((0, 0, 1000, 3000)))
    def reads_are_late(self, lag_ms: int) -> None:
        self.lag_ms = lag_ms

    @rule(seconds=st.sampled_from((1, 10, 86400)))
    def time_passes(self, seconds: int) -> None:
        self.program.clock.sleep(seconds)

    # -- the end

    def teardown(self) -> None:
        try:
            if self.policies:
                self._all_is_taken_back()
        finally:
            self._open.close()

    def _all_is_taken_back(self) -> None:
        self.lag_ms = 0
        self.program.clock.sleep(60)
        self.program.edit(**_BACK_TO_NORMAL)
        left = [at for at in DIRECTORIES if self._dir(at).exists() and at not in self.purged]
        for at in left:
            if self._fact(at, "phase") != '"planned"':
                self._repeat(at, "plan" if at != "disable" else "disable", *self._on(at))
        for _ in range(_MOST_REPETITIONS):
            before = self.program.users()
            for at in reversed(left):
                self._repeat(at, "rollback", "--max-failures", "100%")
            if self.program.users() == before:
                break
        else:
            raise AssertionError("the rollbacks of all directories never come to an end")
        if not self.purged:
            self._everybody_is_as_before(left)
        for at in left:
            done = self._command(at, "purge", _NONE, "--despite-pending")
            assert done.code == ExitCode.DONE, f"{at} cannot be purged: {done.said}"

    def _repeat(self, at: str, command: str, *options: str) -> None:
        """The same command until it changes nothing any more."""
        stood: object = None
        for _ in range(_MOST_REPETITIONS):
            done = self._command(at, command, _NONE, *options)
            stands = (done.code, self._rows(at), self.program.users())
            if stands == stood:
                return
            stood = stands
        raise AssertionError(f"{command} of {at} never comes to an end: {stood}")

    def _everybody_is_as_before(self, left: Collection[str]) -> None:
        for sub, user in self.program.users().items():
            if shape(user) == self.people.before.get(sub) or sub in self.people.touched:
                continue
            rows = [row for at in left for row in self._rows(at) if row[1] == sub]
            named = [row for row in rows if row[3] not in _SAYS_NOTHING or row[4]]
            assert named, f"{user['Username']} is {shape(user)}, was {self.people.before[sub]}: {rows}"

    # -- how

    def _dir(self, at: str) -> Path:
        return self.folder / at

    def _on(self, at: str) -> tuple[str, ...]:
        if at == "disable":
            return (str(self.rosters["one"]), "--user-pool-id", POOL_ID)
        policy = ("--verification", self.policies[at])
        return (str(self.rosters[at]), "--user-pool-id", POOL_ID, *policy)

    def _command(self, at: str, command: str, trouble: Trouble, *options: str) -> Ended:
        lag = {"read_lag_ms": self.lag_ms, "list_lag_s": self.lag_ms / 1000}
        self.program.service.load_faults({"seed": 1, **trouble.faults, **lag})
        self.faults = trouble.faults
        before, reasons = self.program.users(), {row[1]: row[3] for row in self._rows(at)}
        wave = trouble.options if command in {"run", "reconcile", "rollback", "disable"} else ()
        usual = () if command == "purge" else _QUIET
        done = self.program(self._dir(at), command, *options, *wave, *usual, halt=trouble.halt)
        FIGURES[f"command {command}"] += 1
        FIGURES[f"exit code {int(done.code)}"] += 1
        assert done.code in ENDS, f"{command} of {at} ended with {done.code}: {done.said}"
        assert not (found := broken(self._dir(at))), f"{command} of {at}: {found}"
        self.people.after_a_command(before)
        self._count_codes(at, command, done, reasons, options)
        self.program.service.load_faults({})
        return done

    def _count_codes(
        self, at: str, command: str, done: Ended, reasons: dict[str, str], options: tuple[str, ...]
    ) -> None:
        """One code at most to a user by a directory, unless the operator repeated what had been given up."""
        if command != "run":
            assert not done.codes, f"{command} has sent codes"
            return
        for sub, number in done.codes.items():
            key = (at, sub)
            self.allowed[key] = self.allowed.get(key, 1) + (reasons.get(sub) == "gave_up")
            self.people.codes[key] += number
            assert self.people.codes[key] <= self.allowed[key], f"{self.people.codes[key]} codes to one user"
        # A setting that changes in mid-run is seen at the next look at the pool, which is minutes later.
        if "script" not in self.faults:
            most = int(options[options.index("--max-sms") + 1])
            assert sum(done.codes.values()) <= most, f"{done.codes.total()} codes, --max-sms {most}"

    def _fact(self, at: str, key: str) -> str | None:
        found = self._query(at, "SELECT value FROM meta WHERE key = ?", key)
        return str(found[0][0]) if found else None

    def _rows(self, at: str) -> list[tuple[Any, ...]]:
        return self._query(at, "SELECT row, user_sub, outcome, reason, detail, verb FROM rows ORDER BY row")

    def _query(self, at: str, sql: str, *values: str) -> list[tuple[Any, ...]]:
        path = self._dir(at) / "journal.sqlite"
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as journal:
            return journal.execute(sql, values).fetchall()
