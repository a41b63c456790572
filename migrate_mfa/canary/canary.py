"""canary: enrol one user by hand, in its own run directory. `rollback` undoes it, also after a crash."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from uuid import uuid4

import structlog

from migrate_mfa.canary.aws_sign_in import CognitoSignIn
from migrate_mfa.canary.sign_in import explain
from migrate_mfa.canary.steps import Questions, Walked, Way, find_way, policy_of
from migrate_mfa.canary.walk import Walk
from migrate_mfa.checks.preflight import require_sms_mfa
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, OutOfReach, UsageError
from migrate_mfa.domain.failure import ApiError, Effect, run_problem, user_reason
from migrate_mfa.domain.model import NumberClaims, Phone, PhoneSignIn, Plan, UserState, Verdict
from migrate_mfa.domain.phone.in_pool import pool_number_problem
from migrate_mfa.domain.phone.normalise import PhoneProblem, normalise
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import PlannedRow, Record, Resolved
from migrate_mfa.invocation import Invocation, open_invocation
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.log import configure
from migrate_mfa.journal.meta import policy_options
from migrate_mfa.journal.plan_store import PlanStore
from migrate_mfa.journal.run_dir import default_canary_dir, shown
from migrate_mfa.ports import Filter, Progress
from migrate_mfa.reports.command_results import CanaryResult
from migrate_mfa.session import Session, connect
from migrate_mfa.settings import Settings
from migrate_mfa.stop import StopCause, Stopped
from migrate_mfa.workflows.rollback import open_rollback
from migrate_mfa.workflows.roster_run import NO_POOL

log = structlog.get_logger()
_ROW = 1
_COLUMNS = ("username", "phone_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The user to test, the app client, and the number (None: the user's own)."""

    user: str
    client_id: str
    phone: str | None
    attested: bool


class Asker(Questions, Protocol):
    """The person at the terminal, who can also enter the app client's secret."""

    def secret(self) -> str:
        """The secret; blank for a client without one."""
        ...


Tell = Callable[[Walked], None]
Confirm = Callable[["Canary", Way], None]
"""Asks whether to start; raises if the answer is no."""


@dataclass(slots=True)
class Canary:
    """One canary and its result, however it ended."""

    session: Session
    sign_in: CognitoSignIn
    request: Request
    directory: Path
    way: Way | None = None
    steps: list[Walked] = field(default_factory=list)
    gone: bool = False
    """The steps have begun: there is a run directory."""
    walked: bool = False
    """The sign-in gave tokens."""
    wrote: bool = False
    """There may be something to undo."""
    problem: MigrateMfaError | None = None
    """The error that ended it, if it concerns more than this user."""

    @property
    def cause(self) -> StopCause | None:
        """The signal that ended it, if one did."""
        return self.session.stop.cause

    def go(self, ask: Asker, confirm: Confirm, tell: Tell) -> None:
        """Read the user, ask, and make the steps. If it ends early, it does not raise."""
        try:
            self._learn_secret(ask)
            found = self._look(tell)
            if isinstance(found, Way):
                self.way = found
                confirm(self, found)
                self._walk(found, ask, tell)
        except Stopped:
            return
        except MigrateMfaError as error:
            self.problem = error

    def _learn_secret(self, ask: Asker) -> None:
        """Get the app client's secret: read it, or ask for it if the caller may not read it."""
        try:
            known = self.sign_in.learn_secret()
        except ApiError as error:
            if error.effect is Effect.FATAL:
                raise run_problem(error) from error
            raise OutOfReach(f"The app client cannot be read. {explain(error)}", "Try again.") from error
        if not known:
            self.sign_in.use_secret(ask.secret())

    def _look(self, tell: Tell) -> Way | Verdict:
        """Read the user, and decide as `plan` would."""
        clock, started = self.session.clock, self.session.clock.monotonic()
        try:
            state = self._read()
            found = self._decide(state)
        except ApiError as error:
            found = Verdict(_blame(error), explain(error))
        seconds = round(clock.monotonic() - started, 2)
        refused = isinstance(found, Verdict)
        says = _refusal(found) if isinstance(found, Verdict) else "the user can be tested"
        self._note(Walked("read_user", "AdminGetUser", "failed" if refused else "ok", seconds, says), tell)
        return found

    def _read(self) -> UserState:
        directory, pool = self.session.user_pool, self.session.pool
        state = directory.user(self.request.user)
        if state.mfa and pool.passkeys_at_risk and directory.has_passkey(state.username):
            state = replace(state, mfa=replace(state.mfa, passkey=True))
        return state

    def _decide(self, state: UserState) -> Way | Verdict:
        phone = self._number(state)
        if isinstance(phone, Verdict):
            return phone
        return find_way(
            state,
            phone,
            pool=self.session.pool,
            attested=self.request.attested,
            claims=self._rivalry(state, phone),
        )

    def _number(self, state: UserState) -> Phone | Verdict:
        """The number that was given, read like one in a roster; else the user's own number in the pool."""
        if self.request.phone:
            country = self.session.settings.roster_options.phone_country
            read = normalise(self.request.phone, country=country, strict=False)
            return Verdict(read.reason, f"{read.detail}.") if isinstance(read, PhoneProblem) else read.phone
        if state.phone is None:
            return Verdict(Reason.PHONE_MISSING, _GIVE_ONE)
        return pool_number_problem(state.phone) or Phone(state.phone)

    def _rivalry(self, state: UserState, phone: Phone) -> NumberClaims:
        if self.session.pool.phone_sign_in is PhoneSignIn.NO:
            return NumberClaims()
        found = self.session.user_pool.page(Filter("phone_number", phone.e164), None)
        return NumberClaims(held_by_other=any(each.sub != state.sub for each in found.users))

    def _walk(self, way: Way, ask: Questions, tell: Tell) -> None:
        """Make the steps in the run directory."""
        session = self.session
        with open_invocation(
            session, self.directory, "canary", lambda journal: self._bind(journal, way)
        ) as invocation:
            self.gone = True
            try:
                self.walked = self._way_of(way, invocation, ask, tell).go()
                verdict = _verdict(way, self.steps, walked=self.walked)
                invocation.work.finish(_ROW, verdict, session.clock.now())
            finally:
                self.wrote = bool(invocation.work.writes_of(_ROW))
                invocation.result = CanaryResult(steps=[_public(step) for step in self.steps])

    def _way_of(self, way: Way, invocation: Invocation, ask: Questions, tell: Tell) -> Walk:
        session, state = self.session, way.state
        return Walk(
            way,
            PlannedRow(way.candidate, state.sub, state.username, NumberClaims(), wrote=False),
            store=invocation.work,
            user_pool=session.user_pool,
            sign_in=self.sign_in,
            ask=ask,
            clock=session.clock,
            stop=session.stop,
            client=(session.pool.id, self.request.client_id),
            tell=lambda step: self._note(step, tell),
        )

    def _note(self, step: Walked, tell: Tell) -> None:
        self.steps.append(step)
        log.info("step", operation=step.operation, state=step.status, seconds=step.seconds)
        tell(step)

    def _bind(self, journal: Journal, way: Way) -> None:
        """Record it as a run of one row, which `run` and `reconcile` refuse and `rollback` undoes."""
        if journal.meta():
            raise InputUnusable(
                f"{shown(journal.directory)} belongs to another run.", "Give a new --run-dir, or none."
            )
        session, state = self.session, way.state
        plans = PlanStore(journal.database, case_sensitive=session.pool.case_sensitive)
        now, policy = session.clock.now(), policy_of(attested=way.attested)
        plans.add_records([Record(row=way.candidate, cells=(state.username, way.phone.e164))], now)
        plans.add_users([state])
        plans.resolve([Resolved(_ROW, state.sub, way.phone.e164, policy.verification)])
        plans.decide([(_ROW, Plan((), Reason.ENROLLED))], now)
        journal.set_meta(
            policy_options(policy)
            | {
                "kind": "canary",
                "phase": "planned",
                "run_id": uuid4().hex,
                "account": session.lane.account,
                "region": session.lane.region,
                "endpoint": session.lane.endpoint,
                "user_pool_id": session.pool.id,
                "pool_name": session.pool.name,
                "columns": list(_COLUMNS),
                "roster": None,
            }
        )


_GIVE_ONE = "This user has no number in the pool: give one with --phone."


def _blame(error: ApiError) -> Reason:
    return user_reason(error.code) if error.effect is Effect.REFUSED else Reason.GAVE_UP


def _refusal(verdict: Verdict) -> str:
    own = _DESPITE.sub("take another user", verdict.reason.sentence)
    return f"{verdict.reason}: {verdict.detail or own}"


_DESPITE = re.compile(r"left alone \(--despite \w+\)|use --despite \w+")
"""The part of a reason's sentence that names `--despite`, an option that canary does not have."""


def _verdict(way: Way, steps: list[Walked], *, walked: bool) -> Verdict:
    if walked:
        return Verdict(Reason.ENROLLED if way.writes else Reason.ALREADY_ENROLLED)
    failed = next((step.name for step in steps if step.status == "failed"), "")
    return Verdict(Reason.REJECTED, f"The canary ended at {failed}.")


def _public(step: Walked) -> dict[str, object]:
    return {"name": step.name, "operation": step.operation, "status": step.status, "seconds": step.seconds}


@contextmanager
def open_canary(settings: Settings, request: Request, progress: Progress) -> Iterator[Canary]:
    """Connect to the pool and the app client. The lane is shared, as a canary makes only a few calls."""
    pool_id = settings.user_pool_id
    if pool_id is None:
        raise UsageError(*NO_POOL)
    with ExitStack() as stack:
        stack.enter_context(configure(None))
        session = stack.enter_context(connect(settings, pool_id, progress, exclusive=False))
        require_sms_mfa(session.pool)
        sign_in = CognitoSignIn(session.aws, request.client_id)
        directory = settings.run_dir or default_canary_dir(pool_id, session.clock.now())
        yield Canary(session, sign_in, request, directory)


def undo(settings: Settings, directory: Path, progress: Progress) -> Reason | None:
    """Roll the canary back, like a run. Returns the user's outcome; None if a signal came first.

    Raises:
        MigrateMfaError: it could not be done now. The same rollback can be repeated later.
    """
    again = replace(settings, run_dir=directory)
    with open_rollback(again, progress, exclusive=False) as rollback:
        rollback.select(())
        rollback.apply()
    summary = rollback.invocation.summary
    reasons = summary.total.reasons.values() if summary is not None else ()
    return next((Reason(name) for found in reasons for name in found), None)
