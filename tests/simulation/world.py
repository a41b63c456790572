"""One seed's life: a pool, its users, one or two run directories, bad weather, and in the end a calm day."""

import random
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from migrate_mfa.domain.model import (
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    Candidate,
    MfaMode,
    MfaState,
    PhoneConflict,
    PhoneSignIn,
    Policy,
    PoolFacts,
    UserState,
    VerificationPolicy,
)
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.lock import Writer, take_lock
from migrate_mfa.journal.log import configure
from migrate_mfa.stop import StopCause
from tests.simulation.judge import Judge, _short
from tests.simulation.line import CALM, Line, Weather
from tests.simulation.pool import Pool, by_name
from tests.simulation.process import Process, RunDir, names_of, settings_of
from tests.simulation.scheduler import NoEndError, Scheduler, without_threads
from tests.support.builders import a_candidate, a_pool, a_user, mfa

NUMBERS = tuple(f"+8190{n:08d}" for n in range(12345601, 12345651))
_TRIES = 8


class World:
    """Everything that a seed decides."""

    def __init__(self, seed: int, folder: Path, *, trace: bool = False) -> None:
        self.seed, self.folder, self.trace = seed, folder, trace
        self.log: list[str] = []
        self.runs = self.crashes = 0
        self.chance = random.Random(self.seed)
        random.seed(self.seed)  # tenacity's waits
        self.scheduler = Scheduler(self.chance)
        self.pool = Pool(self.scheduler, self.chance, self._facts())
        self.judge = Judge(self.pool, self._tell)
        self.lane_writer: dict[str, Writer] = {}
        self.strange = 0
        self.mfa_was_required = False
        for number in range(self.chance.choice((1, 2, 4, 8, 14))):
            self.pool.put(self._user(f"u{number}", NUMBERS[10 + number]))
        self.beginning = dict(self.pool.users)
        roster = tuple(self._row(n, user) for n, user in enumerate(self.pool.users.values(), 1))
        self.directories = [self._user_pool("one", roster)]
        if self.chance.random() < 0.35:
            self.directories.append(self._user_pool("two", roster))
        self.ceilings = self._ceilings()

    def live(self) -> list[str]:
        """Play it to its end. Returns the violations."""
        with self._without_the_machine():
            try:
                for _ in range(self.chance.randint(2, 8)):
                    self._a_command()
                self._a_calm_day()
            except NoEndError as error:
                self.judge.blame(f"{error}")
        return self.judge.violations

    # -- what there is

    def _facts(self) -> PoolFacts:
        chance = self.chance
        recovery = chance.choice((None, ("verified_email",), ("admin_only",)))
        return a_pool(
            estimated_users=chance.choice((10, 100_000)),
            mfa=chance.choice((MfaMode.OPTIONAL,) * 6 + (MfaMode.ON,)),
            phone_auto_verified=chance.random() < 0.5,
            phone_sign_in=chance.choice((PhoneSignIn.NO,) * 3 + (PhoneSignIn.ALIAS, PhoneSignIn.USERNAME)),
            recovery=recovery,
        )

    def _user(self, name: str, number: str) -> UserState:
        kind = self.chance.random()
        changes: dict[str, Any] = {}
        if kind < 0.2:
            changes = {"phone": self.chance.choice((number, NUMBERS[30])), "phone_verified": True}
        elif kind < 0.4:
            changes = {"phone": self.chance.choice((number, NUMBERS[31])), "phone_verified": False}
        if self.chance.random() < 0.15:
            changes["mfa"] = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
        elif self.chance.random() < 0.1 and changes:
            changes["mfa"] = mfa(SMS_MFA, preferred=SMS_MFA)
        changes["enabled"] = self.chance.random() < 0.95
        return a_user(name, **changes)

    def _row(self, row: int, user: UserState) -> Candidate:
        own = NUMBERS[10 + int(user.username[1:])]
        phone = self.chance.choice((own, own, own, own, None, NUMBERS[32]))
        if self.chance.random() < 0.3:
            return a_candidate(None, row=row, phone=phone, email=user.email)
        return a_candidate(user.username, row=row, phone=phone)

    def _user_pool(self, name: str, roster: tuple[Candidate, ...]) -> RunDir:
        chance = self.chance
        policy = chance.choice(
            (VerificationPolicy.BY_CODE, VerificationPolicy.ATTESTED, VerificationPolicy.AT_SIGN_IN)
        )
        vouches = policy is VerificationPolicy.ATTESTED
        conflicts = (PhoneConflict.FAIL, PhoneConflict.FAIL, PhoneConflict.KEEP)
        despite = frozenset(
            each for each in (Reason.HAS_TOTP, Reason.NO_RECOVERY_LEFT) if chance.random() < 0.25
        )
        return RunDir(
            name=name,
            path=self.folder / name,
            kind="disable" if chance.random() < 0.15 else "run",
            policy=Policy(
                verification=policy,
                phone_conflict=chance.choice(conflicts + ((PhoneConflict.REPLACE,) if vouches else ())),
                despite=despite,
            ),
            roster=roster,
            max_sms=chance.choice((0, 1, 100, 100, 100)),
        )

    def _ceilings(self) -> dict[Category, float]:
        slow = self.chance.choice((0.5, 1, 3, 12))
        return {
            category: float(slow)
            if category in {Category.USER_UPDATE, Category.USER_RESOURCE_UPDATE}
            else max(1.0, float(self.chance.choice((slow, slow * 5))))
            for category in Category
        }

    # -- what happens

    def _weather(self) -> Weather:
        chance = self.chance
        bad = chance.random() < 0.5
        lag = chance.choice((0.0, 0.0, 0.5, 1.5, 2.5, 8.0))
        return Weather(
            lag_s=lag,
            list_lag_s=chance.choice((0.0, 0.0, 2.0, 8.0)),
            late_s=chance.choice((0.0, 0.0, 0.5)),
            throttled=chance.choice((0.0, 0.02, 0.3)) if bad else 0.0,
            lost=chance.choice((0.0, 0.03, 0.2)) if bad else 0.0,
            errors=chance.choice((0.0, 0.02, 0.1)) if bad else 0.0,
            unsent=chance.choice((0.0, 0.05)) if bad else 0.0,
            latency_s=chance.choice((0.02, 0.1, 0.5)),
        )

    def _a_command(self) -> None:
        chance = self.chance
        run = chance.choice(self.directories)
        command = run.kind if run.lives == 0 else chance.choice(self._possible(run))
        process = self._process(run, command, self._weather())
        events = chance.choice((0, 0, 1, 3, 6))
        for _ in range(events):
            self.scheduler.at(self.scheduler.now + chance.uniform(0, 12), self._edit)
        if chance.random() < 0.1:
            self.scheduler.at(self.scheduler.now + chance.uniform(0, 8), self._flip)
        if chance.random() < 0.15:
            self.scheduler.at(
                self.scheduler.now + chance.uniform(0, 8), lambda: process.stop.request(StopCause.SIGTERM)
            )
        die_at = chance.randint(1, 60 * len(run.roster)) if chance.random() < 0.4 else None
        self._let(process, die_at)
        self.scheduler.pass_time(chance.choice((0.0, 0.0, 0.5, 5.0, 60.0, 4000.0)))

    def _possible(self, run: RunDir) -> list[str]:
        after = ["reconcile"] if run.kind == "run" else []
        return [run.kind, run.kind, *after, "rollback"]

    def _process(self, run: RunDir, command: str, weather: Weather) -> Process:
        line = Line(self.pool, self.scheduler, self.chance, weather, lambda *_: None)
        process = Process(
            run=run,
            command=command,
            line=line,
            scheduler=self.scheduler,
            chance=self.chance,
            ceilings=self.ceilings,
            settings=settings_of(run, self.chance),
            lane_writer=self.lane_writer,
            number=self.runs,
        )
        line.watch = lambda event, call: self.judge.watch(process, event, call)
        return process

    def _let(self, process: Process, die_at: int | None = None) -> Process:
        """Let a process work until it ends or dies."""
        self.runs += 1
        process.run.lives += 1
        self._tell(
            f"--- {process.command} on {process.run.name} ({process.run.policy}) {process.line.weather}"
        )
        self.judge.begin(process)
        process.note_words()
        facts = self.pool.facts
        try:
            ended = self.scheduler.run(process.work, die_at=die_at)
        except NoEndError:
            raise
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            self.judge.blame("".join(traceback.format_exception(error)[-4:]))
            ended = True
        process.facts_changed = facts != self.pool.facts
        if not ended:
            self.crashes += 1
            process.kill()
        self._tell(f"--- {process.state} {process.problem or ''}".replace(str(self.folder), ""))
        self.judge.end(process)
        return process

    @contextmanager
    def _without_the_machine(self) -> Iterator[None]:
        """No threads, no lock of the lane in the file system, no log, no other service of AWS."""

        def note(_: object, user_pool: Path, ended: float | None = None) -> None:
            self.lane_writer["last"] = Writer(str(user_pool.absolute()), ended)

        passes = "migrate_mfa.invocation"
        with (
            without_threads(self.scheduler),
            patch(f"{passes}.last_lane_writer", lambda _: self.lane_writer.get("last")),
            patch(f"{passes}.note_lane_writer", note),
            patch(f"{passes}.recovery_in_the_way", lambda *_: None),
            patch("migrate_mfa.workflows.reconcile.recoveries", lambda *_: ()),
            configure(None),
            patch("migrate_mfa.journal.database.take_lock", partial(take_lock, sleep=lambda _: None)),
        ):
            yield

    # -- what others do

    def _edit(self) -> None:
        names = names_of(self.pool.users)
        if not names:
            return
        user = by_name(self.pool.users.values(), self.chance.choice(names))
        assert user is not None
        what = self.chance.choice(_EDITS)
        self._tell(f"{user.username}: {what}")
        self._do(what, user)

    def _do(self, what: str, user: UserState) -> None:
        change, number = self.pool.change, self.chance.choice(NUMBERS[:6])
        factors = user.mfa or MfaState()
        match what:
            case "enters a number":
                change(user.sub, what, phone=number, phone_verified=False)
            case "proves the number" if user.phone:
                self.pool.take_alias(user.sub, user.phone, what)
                change(user.sub, what, phone_verified=True)
            case "enters and proves a number":
                self.pool.take_alias(user.sub, number, what)
                change(user.sub, what, phone=number, phone_verified=True)
            case "removes the number":
                on = replace(factors, enabled=factors.enabled - {SMS_MFA})
                change(user.sub, what, phone=None, phone_verified=False, mfa=replace(on, preferred=None))
            case "sets up an authenticator app":
                enabled = factors.enabled | {SOFTWARE_TOKEN_MFA}
                change(user.sub, what, mfa=replace(factors, enabled=enabled, preferred=SOFTWARE_TOKEN_MFA))
            case "is helped out of SMS MFA":
                preferred = None if factors.preferred == SMS_MFA else factors.preferred
                change(
                    user.sub,
                    what,
                    mfa=replace(factors, enabled=factors.enabled - {SMS_MFA}, preferred=preferred),
                )
            case "is disabled or enabled":
                change(user.sub, what, enabled=not user.enabled)
            case "is deleted":
                self.pool.remove(user.sub, what)
            case "is deleted and made anew":
                self.pool.remove(user.sub, what)
                self.strange += 1
                self.pool.put(a_user(user.username, sub=f"new-{self.strange}"), what)
            case "gets a twin with the same address":
                self.strange += 1
                self.pool.put(a_user(f"twin{self.strange}", email=user.email), what)
            case _:
                pass  # nothing to prove

    def _flip(self) -> None:
        facts = self.pool.facts
        what = self.chance.choice(("phone_auto_verified", "mfa"))
        if what == "mfa":
            new = replace(facts, mfa=self.chance.choice([mode for mode in MfaMode if mode is not facts.mfa]))
        else:
            new = replace(facts, phone_auto_verified=not facts.phone_auto_verified)
        self._tell(f"the pool: {what} becomes {getattr(new, what)}")
        self.pool.facts, self.pool.flipped_at = new, self.scheduler.now
        self.mfa_was_required |= new.mfa is MfaMode.ON

    # -- the calm day

    def _a_calm_day(self) -> None:
        """Nobody edits, nothing fails: all ends well, is true, and can be taken back."""
        self.scheduler.pass_time(7200.0)
        if self.pool.facts.mfa is MfaMode.OFF:
            self.pool.facts = replace(self.pool.facts, mfa=MfaMode.OPTIONAL)
        order = [run for run in self.directories if run.lives]
        for run in order:
            self._finish(run)
        for run in order:
            if run.kind == "run" and self.chance.random() < 0.5:
                self._calm(run, "reconcile")
        self.chance.shuffle(order)
        if self.chance.random() < 0.7:
            for run in order:
                self._give_back(run)
            self._compare_with_the_beginning(order)

    def _calm(self, run: RunDir, command: str) -> Process:
        self.scheduler.pass_time(100.0)
        return self._let(self._process(run, command, CALM))

    def _finish(self, run: RunDir) -> None:
        """A run on a calm day comes to its end, and one after that writes nothing."""
        for _ in range(_TRIES):
            process = self._calm(run, run.kind)
            if process.problem is not None and "rollback of this run is unfinished" in str(process.problem):
                self._give_back(run)
                continue
            if process.problem is not None or not self.judge.writes_of_life:
                return
        self.judge.blame(f"{run.name}: {_TRIES} calm runs, and the last one still writes")

    def _give_back(self, run: RunDir) -> None:
        for _ in range(_TRIES):
            process = self._calm(run, "rollback")
            if process.problem is not None or process.state == "finished":
                return
        self.judge.blame(f"{run.name}: {_TRIES} calm rollbacks, and the last one is not at its end")

    def _compare_with_the_beginning(self, order: list[RunDir]) -> None:
        if self.mfa_was_required:
            return  # it shows no factors, and settings are up to a minute old
        for sub, before in self.beginning.items():
            if any(each.by not in {"the tool", "the beginning"} for each in self.pool.history[sub]):
                continue
            now = self.pool.users[sub]
            if _what_we_change(now) == _what_we_change(before) or self._explained(order, sub):
                continue
            self.judge.blame(f"rolled back without a word, but was {_short(before)}, is {_short(now)}")

    def _explained(self, order: list[RunDir], sub: str) -> bool:
        """Whether some row says that a user is not as before the run."""
        rows = [row for run in order for row in Process.rows_of(run) if row["user_sub"] == sub]
        silent = {Reason.NOTHING_TO_RESTORE.value, Reason.RESTORED.value}
        return any(row["reason"] not in silent or row["detail"] for row in rows)

    def _tell(self, text: str) -> None:
        if self.trace:
            self.log.append(f"{self.scheduler.now:10.2f}  {text}")


def _what_we_change(user: UserState) -> tuple[object, ...]:
    factors = user.mfa or MfaState()
    return (user.phone, user.phone_verified, factors.enabled, factors.preferred)


_EDITS = (
    *("enters a number", "proves the number", "proves the number", "enters and proves a number"),
    *("removes the number", "sets up an authenticator app", "is helped out of SMS MFA"),
    *("is disabled or enabled", "is deleted", "is deleted and made anew"),
    "gets a twin with the same address",
)
