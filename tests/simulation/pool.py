"""The user pool of a simulated world: its users, what they were at every moment, and who changed them."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import (
    SMS_MFA,
    ClearPhone,
    MarkUnverified,
    MfaMode,
    MfaState,
    PhoneSignIn,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
)
from migrate_mfa.ports import Filter
from tests.simulation.scheduler import Scheduler
from tests.support.cognito_rules import sends_code, with_phone, with_preferred, with_sms_mfa, without_phone

GET, LIST, FACTORS = "AdminGetUser", "ListUsers", "AdminGetUserAuthFactors"
UPDATE, MFA = "AdminUpdateUserAttributes", "AdminSetUserMFAPreference"
_STATUS_REFUSALS = {
    "UNCONFIRMED": "UserNotConfirmedException",
    "RESET_REQUIRED": "PasswordResetRequiredException",
}


@dataclass(frozen=True, slots=True)
class Change:
    """What one user became, when, and by whom: the tool, or somebody else."""

    at: float
    state: UserState | None
    by: str


@dataclass(slots=True)
class Pool:
    """Only one thing happens at a time, so everything here is exact; reads may show it late."""

    scheduler: Scheduler
    chance: random.Random
    facts: PoolFacts
    users: dict[str, UserState] = field(default_factory=dict)
    """By sub."""
    history: dict[str, list[Change]] = field(default_factory=dict)
    proved: dict[str, str | None] = field(default_factory=dict)
    """By sub, the number that is verified because the user has proved it, and not by a write of the tool."""
    passkeys: set[str] = field(default_factory=set)
    codes: list[tuple[str, str]] = field(default_factory=list)
    """Sub and number of each SMS with a code that a write of the tool has sent."""
    flipped_at: float = float("-inf")

    def put(self, user: UserState, by: str = "the beginning") -> None:
        was = self.users.get(user.sub)
        self.users[user.sub] = user
        self.history.setdefault(user.sub, []).append(Change(self.scheduler.now, user, by))
        if was is None or was.proven_phone != user.proven_phone:
            self.proved[user.sub] = user.proven_phone if by != "the tool" else None

    def change(self, sub: str, by: str, **changes: object) -> UserState:
        new = replace(self.users[sub], modified=1_700_000_000.0 + self.scheduler.now, **changes)  # type: ignore[arg-type]
        self.put(new, by)
        return new

    def remove(self, sub: str, by: str) -> None:
        del self.users[sub]
        self.history[sub].append(Change(self.scheduler.now, None, by))

    def as_of(self, sub: str, moment: float) -> UserState | None:
        """A user as it was at a moment; None where it was not there."""
        shown = None
        for change in self.history.get(sub, ()):
            if change.at > moment:
                break
            shown = change.state
        return shown

    def between(self, sub: str, start: float, end: float) -> list[UserState | None]:
        """All that a user was from one moment to another."""
        later = [each.state for each in self.history.get(sub, ()) if start < each.at <= end]
        return [self.as_of(sub, start), *later]

    def touched(self, sub: str, start: float, end: float) -> bool:
        """Whether anybody but the tool has changed a user in between."""
        return any(start < each.at <= end and each.by != "the tool" for each in self.history.get(sub, ()))

    # -- what Cognito does

    def get(self, username: str, lag_s: float) -> UserState:
        sub = self._sub(GET, username)
        shown = self.as_of(sub, self.scheduler.now - lag_s) or self.users[sub]
        # Where MFA is required, the list of factors may be empty although MFA is enforced.
        return replace(shown, mfa=MfaState()) if self.facts.mfa is MfaMode.ON else shown

    def listed(self, only: Filter | None, lag_s: float) -> list[UserState]:
        lags = {sub: self.chance.uniform(0, lag_s) for sub in self.history}
        shown = (self.as_of(sub, self.scheduler.now - lags[sub]) for sub in sorted(self.history))
        return [replace(user, mfa=None) for user in shown if user and (only is None or _fits(user, only))]

    def write(self, username: str, step: Step) -> tuple[UserState, UserState]:
        """Execute a write of the tool. Returns the user before and after."""
        match step:
            case StorePhone(phone, verified):
                return self._store(username, phone.e164, verified=verified)
            case MarkUnverified(phone):
                return self._store(username, phone.e164, verified=False)
            case ClearPhone():
                before = self.users[self._sub(UPDATE, username)]
                return before, self._becomes(before, without_phone(before))
            case SetSmsMfa(enabled, preferred):
                return self._set_sms_mfa(username, enabled=enabled, preferred=preferred)
            case PreferFactor(factor):
                before = self.users[self._sub(MFA, username)]
                if before.mfa is None or factor not in before.mfa.enabled:
                    raise ApiError(operation=MFA, code="InvalidParameterException", status=400)
                return before, self._becomes(before, with_preferred(before, factor))

    def take_alias(self, sub: str, e164: str, by: str) -> list[str]:
        """Whoever verifies a number has it as alias; the one before loses that. Returns who did."""
        if self.facts.phone_sign_in is not PhoneSignIn.ALIAS:
            return []
        holders = [u.sub for u in self.users.values() if u.sub != sub and u.proven_phone == e164]
        for holder in holders:
            self.change(holder, by, phone_verified=False)
        return holders

    def _store(self, username: str, e164: str, *, verified: bool) -> tuple[UserState, UserState]:
        before = self.users[self._sub(UPDATE, username)]
        others = [u for u in self.users.values() if u.phone == e164 and u.sub != before.sub]
        if self.facts.phone_sign_in is PhoneSignIn.USERNAME and others:
            raise ApiError(operation=UPDATE, code="AliasExistsException", status=400)
        if sends_code(self.facts, verified=verified):
            self.codes.append((before.sub, e164))
        if verified:
            self.take_alias(before.sub, e164, "the tool")
        return before, self._becomes(before, with_phone(before, e164, self.facts, verified=verified))

    def _set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> tuple[UserState, UserState]:
        before = self.users[self._sub(MFA, username)]
        if code := _STATUS_REFUSALS.get(before.status):
            raise ApiError(operation=MFA, code=code, status=400)
        if before.phone is None:
            raise ApiError(operation=MFA, code="InvalidParameterException", status=400)
        return before, self._becomes(
            before, with_sms_mfa(before, self.facts, enabled=enabled, preferred=preferred)
        )

    def _becomes(self, before: UserState, after: UserState) -> UserState:
        after = replace(after, modified=1_700_000_000.0 + self.scheduler.now)
        self.put(after, "the tool")
        return after

    def _sub(self, operation: str, username: str) -> str:
        for user in self.users.values():
            if username in {user.username, user.sub}:
                return user.sub
        raise ApiError(operation=operation, code="UserNotFoundException", status=400)


def sms_in_effect(user: UserState, facts: PoolFacts) -> bool:
    return facts.mfa is MfaMode.ON or (user.mfa or MfaState()).sms_in_effect


def sms_on(user: UserState) -> bool:
    return SMS_MFA in (user.mfa or MfaState()).enabled


def _fits(user: UserState, only: Filter) -> bool:
    values = {"sub": user.sub, "username": user.username, "email": user.email, "phone_number": user.phone}
    have = values[only.attribute] or ""
    return have.startswith(only.value) if only.prefix else have == only.value


def by_name(users: Iterable[UserState], name: str) -> UserState | None:
    return next((user for user in users if user.username == name), None)
