"""One pool, one roster, one run directory: the same command, killed until it ends by itself."""

from __future__ import annotations

import csv
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Final

from migrate_mfa.engine.apply_row import READ_BACK_WAITS_S
from migrate_mfa.simulator import background
from tests.commands.support import OUTCOMES, POOL_ID, WRITES, Cli, sms, summary
from tests.tools.chaos.cast import BY_CODE, PREFER, UPDATE, Cast, make_cast, shown, wished
from tests.tools.chaos.life import Ledger, Leftover, Life, Spot
from tests.tools.chaos.place import Disk, places
from tests.tools.chaos.ways import AIMED, WAYS, Aim, Ending, after_some_writes, while_planning

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.simulator import Running

USERS: Final = 100
_QUOTAS: Final = (15, 15, 40, 150, 1000)
"""Slow ones let a process die between two writes, fast ones with many in flight."""
_BEARS_LATE_READS: Final = ("--max-failures", "100%")
"""What shows later than the tool looks is reported as `not_effective`, and enough of it stops a run."""
_SLOW_RPS: Final = (0.5, 1, 2)
_MOST_UNDER_WAY: Final = 64
_KILLED: Final = -9
_STOPPED: Final = 8
_ENDS_BY_ITSELF: Final = 60
"""How often a command may be run again before it counts as one that never ends."""
_GUARDED: Final = "'"


@dataclass(frozen=True, kw_only=True)
class Script:
    """What to play."""

    seed: str
    policy: str
    faulty: bool
    kills: int
    users: int = USERS
    quota: int | None = None
    """Writes a second that the service allows in each category; drawn from the seed unless given."""
    lag_s: float = 0.0
    """How late AdminGetUser may show a change, at most; each life draws its own."""
    slow: float = 0.0
    """The share of the lives whose limiter lets a write or two through in a second."""
    in_bucket: bool = False
    """Whether the run directory is in a bucket, and each killed process loses its machine too."""


@dataclass(kw_only=True)
class Figures:
    """What happened."""

    episodes: int = 0
    lives: int = 0
    kills: int = 0
    signals: int = 0
    out_of_reach: int = 0
    hits: int = 0
    in_flight: int = 0
    not_journaled: int = 0
    repeated: int = 0
    late: int = 0
    slow: int = 0
    more_runs: int = 0
    writes: int = 0
    sms: int = 0
    sms_max: int = 0
    seconds: float = 0.0
    ways: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        for name, value in vars(other).items():
            if name == "sms_max":
                self.sms_max = max(self.sms_max, other.sms_max)
            elif name == "ways":
                self.ways.update(other.ways)
            else:
                setattr(self, name, getattr(self, name) + value)


def play(script: Script, folder: Path) -> Figures:
    """Play an episode in an empty folder of its own."""
    random = Random(script.seed)
    cast = make_cast(random, script.policy, script.users, script.quota or random.choice(_QUOTAS))
    started = time.monotonic()
    with background(cast.document, control=True) as running:
        cli = Cli(folder, running.endpoint)
        with places(cli, folder, in_bucket=script.in_bucket) as (place, fresh):
            episode = _Episode(script, random, cast, running, cli, place, fresh)
            episode.play()
    episode.figures.seconds = time.monotonic() - started
    return episode.figures


class _Episode:
    def __init__(
        self, script: Script, random: Random, cast: Cast, running: Running, cli: Cli, place: Disk, fresh: Disk
    ) -> None:
        folder = cli.cwd
        self._script = script
        self._random = random
        self._cast = cast
        self._running = running
        self._cli = cli
        self._place, self._fresh = place, fresh
        self._run_dir = place.folder
        self._scratch = folder / "left"
        self._folder = folder
        self._roster = cast.write_roster(folder / "roster.csv")
        self._ledger = Ledger(running)
        self._before: dict[str, dict[str, Any]] = running.control("state")[POOL_ID]
        self._sub = {user["Username"]: sub for sub, user in self._before.items()}
        self._hits: Counter[Spot] = Counter()
        self._warm_up_s = 1.5
        self._later_than_it_looks = script.lag_s > sum(READ_BACK_WAITS_S)
        self._may_ask = {"gave_up", "not_effective"} if script.lag_s and script.faulty else set[str]()
        if self._later_than_it_looks:
            self._may_ask.add("not_effective")
        self.figures = Figures(episodes=1)

    def play(self) -> None:
        deck = [while_planning] * self._random.randint(0, 2)
        while len(deck) < self._script.kills:
            cards = list(WAYS)
            self._random.shuffle(cards)
            deck += cards
        dealt = 0
        while self.figures.kills < self._script.kills and dealt < len(deck) and not self.figures.violations:
            aim = self._aim()
            way = deck[dealt]
            dealt += 1
            if way in AIMED and not aim.targets:
                way = after_some_writes
            if aim.planned and not aim.left:
                break
            self._live(way(self._random, aim))
        if not self.figures.violations:
            self._let_it_end()
        if not self.figures.violations:
            self._check_the_end()
            self._check_again()

    # -- one life

    def _aim(self) -> Aim:
        left, state = Leftover(self._run_dir, self._scratch), self._running.control("state")[POOL_ID]
        waiting = left.open_subs()
        members = {self._sub[member.name]: member for member in self._cast.members if member.writes}
        subs = waiting if waiting or left.phase() == "planned" else sorted(members)
        todo = {sub: self._todo(sub, state) for sub in members}
        targets = [(sub, todo[sub][0]) for sub in subs if todo.get(sub)]
        return Aim(
            targets=targets,
            left=sum(len(each) for each in todo.values()),
            lives=max(1, self._script.kills - self.figures.kills + 1),
            warm_up_s=self._warm_up_s,
            planned=left.phase() == "planned" and not waiting,
        )

    def _todo(self, sub: str, state: dict[str, dict[str, Any]]) -> list[str]:
        name = state[sub]["Username"]
        member = next(each for each in self._cast.members if each.name == name)
        phone, verified, factors, _ = shown(state[sub])
        wants_proof = member.ending[0] == "verified"
        stored = phone == member.phone and (verified or not wants_proof)
        enabled = "SMS_MFA" in factors if isinstance(factors, tuple) else False
        done = {UPDATE: stored, PREFER: enabled}
        return [operation for operation in member.writes if not done[operation]]

    def _live(self, ending: Ending) -> None:
        self._misbehave(ending)
        passes = Leftover(self._run_dir, self._scratch).last_pass()
        life = self._start(*(ending.options or self._limiter()))
        ending.act(life)
        code = life.end()
        if life.first_write_at is not None:
            self._warm_up_s = life.first_write_at
        self._look_at(life, code, ending, passes)

    def _misbehave(self, ending: Ending | None) -> None:
        rules, latency = (list(ending.rules), list(ending.latency)) if ending else ([], [])
        if self._script.faulty:
            rules += _TROUBLE
        most = self._script.lag_s
        lag = self._random.choice(
            (0.0, self._random.uniform(0.0, most), self._random.uniform(0.0, most), most)
        )
        self.figures.late += lag > 0
        seed = self._random.randrange(2**32)
        self._running.control(
            "faults", {"seed": seed, "rules": rules, "latency": latency, "read_lag_ms": 1000 * lag}
        )

    def _limiter(self) -> tuple[str, ...]:
        """A limiter so slow that intents queue for their turn, for some of the lives."""
        if self._random.random() >= self._script.slow:
            return ()
        self.figures.slow += 1
        rps = f"{self._random.choice(_SLOW_RPS):g}"
        return ("--max-rps", f"UserUpdate={rps}", "--max-rps", f"UserResourceUpdate={rps}")

    def _start(self, *options: str, place: Disk | None = None) -> Life:
        self.figures.lives += 1
        given = place or self._place
        command = [
            "run", self._roster, "--user-pool-id", POOL_ID, "--run-dir", given.given, "--yes", "--quiet",
            "--quota-share", "1.0", "--verification", self._cast.policy, "--max-sms", self._cast.max_sms,
            *options, *(_BEARS_LATE_READS if self._later_than_it_looks else ()),
        ]  # fmt: skip
        return Life(self._cli, command, self._ledger, given, self._folder)

    def _look_at(self, life: Life, code: int, ending: Ending | None, passes: int) -> None:
        left = Leftover(self._run_dir, self._scratch)
        flying = life.in_flight(left, passes)
        if code == _KILLED or code < 0:
            self.figures.kills += 1
            self.figures.ways[ending.name if ending else "it did not end"] += 1
            self._hits.update(flying)
            self.figures.hits += bool(flying)
            self.figures.in_flight += len(flying)
            self.figures.not_journaled += sum(flying.values())
            self._hold(len(flying) <= _MOST_UNDER_WAY, f"{len(flying)} calls in flight at once")
        elif ending and code in ending.signals:
            self.figures.signals += 1
            # A write that was refused for its rate and waits is given up without a result, which is no harm.
            lost = sum(flying.values())
            self._hold(not lost, f"{lost} executed writes without a result after a drained signal")
            self._check_reports(left.rows())
            self._hold(summary(self._run_dir)["state"] == "interrupted", "the summary says otherwise")
        elif code == _STOPPED and self._script.faulty:
            self.figures.out_of_reach += 1
        else:
            what = f"exit {code}, not {self._cast.exit_code}: {life.said[-600:]}"
            self._hold(code == self._cast.exit_code, what)
        self._check_after_any_end(left)

    # -- what must hold

    def _hold(self, holds: object, what: str) -> None:
        if not holds:
            self.figures.violations.append(f"{self._script.seed}, life {self.figures.lives}: {what}")

    def _check_after_any_end(self, left: Leftover) -> None:
        """The journal is whole, covers every write, and knows every user as before the first."""
        self._hold(left.integrity() == "ok", f"the journal is damaged: {left.integrity()}")
        executed, intended = self._ledger.executed(), Counter(each.spot for each in left.writes())
        self._hold(not executed - intended, f"{len(executed - intended)} writes without an intent")
        images = left.before_images()
        for sub in {sub for sub, _ in executed}:
            image = images.get(sub, {"p": "none is kept"})
            phone, verified, _, _ = shown(self._before[sub])
            kept = (image.get("p"), image.get("pv", False))
            self._hold(kept == (phone, verified), "the state before the first write is not that of then")
        for sub, sent in sms(self._running).items():
            self.figures.sms_max = max(self.figures.sms_max, sent)
            self._hold(sent <= 1, f"{sent} SMS to {self._before[sub]['Username']}")
        repeatable = self._hits + self._unseen()
        for spot, times in executed.items():
            most = 1 if spot[1] == UPDATE and self._cast.policy == BY_CODE else 1 + repeatable[spot]
            self._hold(times <= most, f"{spot[1]} carried out {times} times, at most {most} can be")
        repeated = sum(times - 1 for times in executed.values())
        self._hold(repeated <= repeatable.total(), f"{repeated} writes repeated")

    def _unseen(self) -> Counter[Spot]:
        """Writes whose answer was lost and that may have shown later than the tool looks."""
        return self._ledger.unanswered() if self._later_than_it_looks else Counter()

    def _let_it_end(self) -> None:
        """The same command without any trouble but that of the episode, until it ends by itself."""
        for _ in range(_ENDS_BY_ITSELF):
            self._misbehave(None)
            passes = Leftover(self._run_dir, self._scratch).last_pass()
            life = self._start()
            code = life.end()
            self._look_at(life, code, None, passes)
            if self.figures.violations or (code == self._cast.exit_code and not self._is_asked_for_more()):
                return
            self.figures.more_runs += code == self._cast.exit_code
        self._hold(False, "it does not end by itself")

    def _is_asked_for_more(self) -> bool:
        """Whether rows ended in the two ways that ask for the same command again."""
        rows = Leftover(self._run_dir, self._scratch).rows().values()
        return bool(self._may_ask & {reason for _, reason in rows})

    def _check_the_end(self) -> None:
        executed = self._ledger.executed()
        self.figures.writes = executed.total()
        self.figures.repeated = sum(times - 1 for times in executed.values())
        sent = sms(self._running)
        self.figures.sms = sum(sent.values())
        expected = {self._sub[member.name]: 1 for member in self._cast.members if member.sends_code}
        self._hold(sent == expected, f"{self.figures.sms} SMS, not {len(expected)}")
        due = {(self._sub[m.name], operation) for m in self._cast.members for operation in m.writes}
        self._hold(set(executed) == due, "other writes than those that were due")
        rows = Leftover(self._run_dir, self._scratch).rows()
        wrong = {row: end for row, end in rows.items() if end != self._cast.endings.get(row)}
        self._hold(rows.keys() == self._cast.endings.keys() and not wrong, f"rows ended otherwise: {wrong}")
        self._check_reports(rows)
        self._check_pool()

    def _check_pool(self) -> None:
        now = self._running.control("state")[POOL_ID]
        written = {self._sub[member.name]: member for member in self._cast.members if member.writes}
        self._hold(now.keys() == self._before.keys(), "users came or went")
        for sub, user in now.items():
            if sub in written:
                what = f"{user['Username']} ended as {shown(user)[1:]}"
                self._hold(shown(user) == wished(written[sub]), what)
            else:
                self._hold(user == self._before[sub], f"{user['Username']} was changed")

    def _check_reports(self, rows: dict[int, tuple[str, str]]) -> None:
        """Every row in exactly one file, as the journal has it."""
        lines = [(*self._cast.rows[row - 1], *ending) for row, ending in rows.items()]
        expected: Counter[tuple[str, ...]] = Counter(lines)
        found: Counter[tuple[str, ...]] = Counter()
        for outcome in OUTCOMES:
            path = self._run_dir / "report" / f"{outcome}.csv"
            with path.open(encoding="utf-8-sig", newline="") as file:
                for line in csv.DictReader(file):
                    self._hold(line["outcome"] == outcome, f"a row of {line['outcome']} in {path.name}")
                    cells = (line["email"], line["phone_number"].removeprefix(_GUARDED))
                    found[*cells, line["outcome"], line["reason"]] += 1
        self._hold(found == expected, f"{(expected - found).total()} rows missing in the reports")

    def _check_again(self) -> None:
        """Running once more writes nothing, in the same directory and in a fresh one."""
        self._running.control("faults", {})
        for place in (self._place, self._fresh):
            before = len(self._ledger.read())
            code = self._start(place=place).end()
            self._hold(code == self._cast.exit_code, f"once more in {place.given}: exit {code}")
            more = sum(call.op in WRITES for call in self._ledger.read()[before:])
            self._hold(not more, f"once more in {place.given}: {more} writes")


_OPERATIONS: Final = ("AdminGetUser", "ListUsers", *sorted(WRITES))
_TROUBLE: Final[tuple[dict[str, Any], ...]] = (
    {"kind": "reset", "when": "after", "ops": _OPERATIONS, "rate": 0.06},
    {"kind": "internal_error", "when": "after", "ops": _OPERATIONS, "rate": 0.06},
    {"kind": "throttle", "ops": _OPERATIONS, "rate": 0.04},
    {"kind": "reset", "ops": _OPERATIONS, "rate": 0.03},
    {"kind": "garbage", "when": "after", "ops": _OPERATIONS, "rate": 0.02},
)
