"""The promises, held against everything that happens: each violation is one sentence."""

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migrate_mfa.domain.model import (
    SMS_MFA,
    MfaMode,
    MfaState,
    PhoneConflict,
    PreferFactor,
    SetSmsMfa,
    StorePhone,
    UserState,
)
from migrate_mfa.domain.quotas import CATEGORY_OF, Category
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rollback import _factors, _number
from migrate_mfa.engine.apply_row import AGAIN_AFTER_S
from migrate_mfa.engine.live_pool import OLDEST_S
from migrate_mfa.journal.values import steps_to_text
from tests.simulation.line import Call
from tests.simulation.pool import GET, Pool, sms_in_effect, sms_on

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.process import Process

LONGEST_GAP_S = 2.6
"""From the answer that decides a write to sending it; a round trip, while connecting is quick."""
_EPOCH = 1_700_000_000.0


@dataclass(slots=True)
class Judge:
    pool: Pool
    told: "Callable[[str], None]"
    violations: list[str] = field(default_factory=list)
    process: "Process | None" = None
    seen: dict[str, tuple[float, UserState]] = field(default_factory=dict)
    """By Username, what the present process saw of a user last, and when."""
    sent: dict[Category, deque[float]] = field(default_factory=lambda: defaultdict(deque))
    gaps: list[float] = field(default_factory=list)
    written: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """By run directory, the subs of users to whom a write was executed."""
    done: dict[tuple[str, str], float] = field(default_factory=dict)
    """By sub and step, when the present process was told that a write had been carried out."""
    writes_of_life: int = 0

    def blame(self, what: str) -> None:
        self.violations.append(f"{self.pool.scheduler.now:.2f} s: {what}")
        self.told(f"VIOLATION {what}")

    def begin(self, process: "Process") -> None:
        self.process = process
        self.seen.clear()
        self.sent.clear()
        self.done.clear()
        self.writes_of_life = 0

    def watch(self, process: "Process", event: str, call: Call) -> None:
        """What happens to one call of a process."""
        name = self._name(call)
        if event == "sent":
            self.told(f"{process.run.name} sends {name}")
            if process is self.process:
                self._sent(process, call)
        elif event == "executed":
            self.told(f"{process.run.name} executed {name} {call.error or ''}")
            if call.step is not None and call.before is not None and call.after is not None:
                self._executed(process, call, call.before, call.after)
        else:
            self.told(f"{process.run.name} answered {name} {call.error or _short(call.answer)}")
            if call.operation == GET and isinstance(call.answer, UserState) and call.error is None:
                self.seen[call.username] = (self.pool.scheduler.now, call.answer)
            if call.step is not None and call.before is not None and call.error is None:
                self.done[call.before.sub, steps_to_text((call.step,))] = self.pool.scheduler.now

    def _name(self, call: Call) -> str:
        return f"{call.operation} {call.username} {call.step or ''}"

    # -- at the moment of a call

    def _sent(self, process: "Process", call: Call) -> None:
        self._pace(process, call)
        if call.step is None or process.journal is None:
            return
        self.writes_of_life += 1
        found = process.journal.database._connection.execute(
            "SELECT EXISTS (SELECT 1 FROM writes w JOIN users u ON u.sub = w.user_sub"
            " WHERE u.username = ? AND w.result = 'intent' AND w.step = ?"
            " AND w.user_sub IN (SELECT user_sub FROM before_images))",
            (call.username, steps_to_text((call.step,))),
        ).fetchone()
        if not found[0]:
            self.blame(f"{self._name(call)} is sent without an intent and a before-image in the journal")
        at, _ = self.seen.get(call.username, (float("-inf"), None))
        gap = call.sent_at - at
        self.gaps.append(gap)
        if gap > LONGEST_GAP_S:
            self.blame(f"{self._name(call)} is sent {gap:.1f} s after the read that decided it")

    def _pace(self, process: "Process", call: Call) -> None:
        category = CATEGORY_OF[call.operation]
        window = self.sent[category]
        window.append(call.sent_at)
        while window[0] <= call.sent_at - 1.0 + 1e-9:
            window.popleft()
        if len(window) > max(1, process.ceilings[category]):
            self.blame(f"{len(window)} calls of {category} in one second")

    def _executed(self, process: "Process", call: Call, before: UserState, after: UserState) -> None:
        run = process.run
        self.written[run.name].add(before.sub)
        self._look_for_harm(process, call, before, after)
        self._look_for_repetition(process, call, before.sub)
        if (
            isinstance(call.step, StorePhone)
            and not call.step.verified
            and self.pool.facts.phone_auto_verified
        ):
            if self.pool.scheduler.now - self.pool.flipped_at < OLDEST_S + 5.0:
                return  # documented: settings are up to a minute old
            run.codes[before.sub] = run.codes.get(before.sub, 0) + 1
            if run.codes[before.sub] > 1 + run.words.get(before.sub, 0):
                self.blame(f"SMS number {run.codes[before.sub]} to {before.username}")
            if sum(run.codes.values()) > run.max_sms:
                self.blame(f"{sum(run.codes.values())} SMS, --max-sms is {run.max_sms}")

    def _look_for_repetition(self, process: "Process", call: Call, sub: str) -> None:
        """A process makes a write anew that it knows to be done, while nobody else has touched the user."""
        assert call.step is not None
        now, done = self.pool.scheduler.now, self.done.get((sub, steps_to_text((call.step,))))
        if done is None or now - done >= AGAIN_AFTER_S:
            return
        if self.pool.touched(sub, max(0.0, done - process.line.weather.lag_s), now):
            return
        self.blame(f"{self._name(call)} is made again {now - done:.1f} s after it was answered")

    def _look_for_harm(self, process: "Process", call: Call, before: UserState, after: UserState) -> None:
        """A write destroys what the user had, although the read before it had shown that."""
        at, seen = self.seen.get(before.username, (0.0, None))
        if seen is None or seen.sub != before.sub:
            made_at = self.pool.history[before.sub][0].at
            if made_at < at - process.line.weather.lag_s - 1.0:
                self.blame(f"{self._name(call)} changed another user than the one that was read")
            return
        had, has = before.mfa or MfaState(), after.mfa or MfaState()
        knew = seen.mfa or MfaState()
        if had.others - has.others:
            self.blame(f"{self._name(call)} took a factor")
        demoted = had.preferred not in {None, SMS_MFA} and has.preferred != had.preferred
        if demoted and knew.preferred == had.preferred and not isinstance(call.step, PreferFactor):
            self.blame(f"{self._name(call)} demoted a factor that the read had shown")
        lost = before.proven_phone if after.proven_phone != before.proven_phone else None
        if lost and lost == call.proved and seen.proven_phone == lost:
            replaces = process.run.policy.phone_conflict is PhoneConflict.REPLACE
            if not (replaces and process.command in {"run", "reconcile"}):
                self.blame(f"{self._name(call)} overwrote a proved number that the read had shown")

    # -- at the end of a command

    def end(self, process: "Process") -> None:
        """What the journal says of the rows that this command has ended."""
        if process.journal is None:
            return
        rows = process.rows()
        if len(rows) != len(process.run.roster) and rows:
            self.blame(f"{len(rows)} rows of {len(process.run.roster)}")
        for row in rows:
            if row["updated_at"] - _EPOCH > process.begun + 1e-3 and row["reason"] and row["user_sub"]:
                self._row(process, row)

    def _row(self, process: "Process", row: "dict[str, object]") -> None:
        reason, sub, at = (
            Reason(str(row["reason"])),
            str(row["user_sub"]),
            float(str(row["updated_at"])) - _EPOCH,
        )
        told = f"row {row['row']} of {process.run.name} is told as {reason} ({row['detail']})"
        wrote = sub in self.written[process.run.name]
        if wrote and reason.outcome is Outcome.SKIPPED and row["verb"] == "run" and process.run.kind == "run":
            self.blame(f"{told}, and was written to")
        if process.facts_changed or sub not in self.pool.history:
            return
        weather = process.line.weather
        back = weather.lag_s + weather.late_s + 4.0
        if row["verb"] == "reconcile" or not wrote:
            back += weather.list_lag_s + at - process.begun
        states = [state for state in self.pool.between(sub, at - back, at) if state is not None]
        if states and not any(self._is_so(process, reason, row, state) for state in states):
            self.blame(f"{told}, and is not: {[_short(state) for state in states]}")

    def _is_so(self, process: "Process", reason: Reason, row: "dict[str, object]", state: UserState) -> bool:
        match reason:
            case Reason.ENROLLED | Reason.ALREADY_ENROLLED | Reason.PROMOTED:
                return state.phone_verified and sms_in_effect(state, self.pool.facts)
            case Reason.AWAITING_CODE | Reason.AWAITING_FIRST_SIGN_IN:
                mfa = reason is Reason.AWAITING_FIRST_SIGN_IN and self.pool.facts.mfa is not MfaMode.ON
                return state.phone is not None and (not mfa or sms_on(state))
            case Reason.MFA_DISABLED:
                return not sms_on(state)
            case Reason.RESTORED if not row["detail"]:
                return self._is_as_before(process, row, state)
            case _:
                return True

    def _is_as_before(self, process: "Process", row: "dict[str, object]", state: UserState) -> bool:
        before, writes = process.before(row)
        if before is None:
            return False
        phone = any(not isinstance(step, SetSmsMfa | PreferFactor) for step in writes)
        # Where MFA is required, AdminGetUser need not show it, and nobody can switch it off.
        required = self.pool.facts.mfa is MfaMode.ON or before.mfa is None
        mfa = any(isinstance(step, SetSmsMfa | PreferFactor) for step in writes) and not required
        return (not phone or _number(state) == _number(before)) and (
            not mfa or _factors(state) == _factors(before)
        )


def _short(state: object) -> str:
    if not isinstance(state, UserState):
        return type(state).__name__
    mfa = state.mfa or MfaState()
    verified = "verified" if state.phone_verified else "unverified"
    number = f"{state.phone} {verified}" if state.phone else "no number"
    on = "" if state.enabled else " disabled"
    return f"{state.username} ({state.sub}): {number}, {sorted(mfa.enabled)} prefers {mfa.preferred}{on}"
