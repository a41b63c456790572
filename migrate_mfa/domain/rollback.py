"""Rollback: the states that our writes can have left a user in, and the steps that restore the user. Pure.

A user is restored only if nobody else has changed the user: the present state must be one that our journaled
writes can have produced. A write without an answer may or may not have been executed, so both states are
possible. A user who has verified the number since keeps it, but SMS MFA is switched off: a user in trouble
needs that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from migrate_mfa.domain.model import (
    SMS_MFA,
    ClearPhone,
    Decision,
    MarkUnverified,
    MfaMode,
    MfaState,
    Phone,
    Plan,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
)
from migrate_mfa.domain.reasons import Reason


@dataclass(frozen=True, slots=True)
class Write:
    """One journaled write; `sure` if it is known to have been executed."""

    step: Step
    sure: bool


def restore(before: UserState, state: UserState, writes: Sequence[Write], pool: PoolFacts) -> Decision:
    """Decide how to restore a user.

    Args:
        before: the state before the first write.
        state: the state now, MFA settings included.
        writes: all writes of the run and of its rollback so far, oldest first, without refused ones.
        pool: the pool's settings.
    """
    if not writes:
        return Verdict(Reason.NOTHING_TO_RESTORE)
    if not _differs(before, state, writes):
        if pool.mfa is MfaMode.ON and _writes_mfa(writes):
            return Verdict(Reason.RESTORED, MFA_NOT_SEEN)
        ours = not all(_differs(each, state, writes) for each in _possible(before, writes))
        return Verdict(Reason.RESTORED, "" if ours else BACK_BY_OTHERS)
    if not _writes_mfa(writes) and not (state.mfa or MfaState()).sms_on:
        # This run never changed the MFA settings, and without SMS MFA no change of the number can lock
        # anybody out.
        before = replace(before, mfa=state.mfa)
    possible = _possible(before, writes)
    if _shape(state) not in {_shape(each) for each in possible}:
        return _restore_but_for_the_proof(before, state, possible)
    steps = [*_mfa_steps(before, state), *_phone_steps(before, state, pool)]
    if steps:
        return Plan(tuple(steps), Reason.RESTORED)
    return Verdict(Reason.RESTORE_WOULD_SEND_SMS, f"The number before the run: {before.phone}")


def shows_late(state: UserState, start: UserState, steps: Sequence[Step]) -> bool:
    """Whether a read shows an old state: that before one of the steps that were just written.

    Args:
        state: the user that the read returned.
        start: the user before the first of the steps.
        steps: the writes, in order.
    """
    for step in steps:
        if _shape(state) == _shape(start):
            return True
        start = after(start, step)
    return False


def _differs(before: UserState, state: UserState, writes: Sequence[Write]) -> bool:
    """Whether anything that we have written differs from the state before."""
    phone = any(isinstance(write.step, StorePhone | MarkUnverified | ClearPhone) for write in writes)
    return (phone and _number(state) != _number(before)) or (
        _writes_mfa(writes) and _factors(state) != _factors(before)
    )


def _writes_mfa(writes: Sequence[Write]) -> bool:
    return any(isinstance(write.step, SetSmsMfa | PreferFactor) for write in writes)


def _restore_but_for_the_proof(
    before: UserState, state: UserState, possible: Sequence[UserState]
) -> Decision:
    """If the only difference is that the number is verified now, undo only the MFA part."""
    unproved = {_shape(each) for each in possible if not each.phone_verified}
    if not (state.phone_verified and _shape(replace(state, phone_verified=False)) in unproved):
        return Verdict(Reason.CHANGED_BY_OTHERS, _what_differs(state, possible))
    steps = _mfa_steps(before, state)
    return Plan(tuple(steps), Reason.RESTORED) if steps else Verdict(Reason.RESTORED, PROVED_STAYS)


MFA_NOT_SEEN = (
    "The pool requires MFA by now, so Cognito neither shows nor changes this user's SMS MFA; the number is "
    "as before the run."
)
_ANOTHER_RUN = "If another run directory did that, roll it back first, then roll this one back again."
BACK_BY_OTHERS = f"Somebody else had put that back before this rollback. {_ANOTHER_RUN}"
PROVED_STAYS = (
    "The number stays, because the user has proved it since, or another run directory has marked it as "
    "verified; SMS MFA is as before the run. If another run directory did that, roll it back first, then "
    "this user in this one again, with --user."
)


def _what_differs(state: UserState, possible: Sequence[UserState]) -> str:
    """What somebody else has changed, without the number."""
    told = []
    if state.phone not in {each.phone for each in possible}:
        told.append("The number is not the one that this run stored.")
    elif _number(state) not in {_number(each) for each in possible}:
        told.append("Whether the number is verified has changed since.")
    if _factors(state) not in {_factors(each) for each in possible}:
        told.append("The MFA settings have changed since.")
    return " ".join([*(told or ["Part of what this run wrote was taken back."]), _ANOTHER_RUN])


def changed_since(before: UserState, state: UserState, writes: Sequence[Write]) -> bool:
    """Whether somebody has changed or removed the number after a run had stored its own.

    Args:
        before: the state before the first write.
        state: the state now.
        writes: as for `restore`. If the effect of a store is unknown, it may not have been executed: then
            the earlier number is not a change.
    """
    stores = [write for write in writes if isinstance(write.step, StorePhone)]
    ours = {write.step.phone.e164 for write in stores if isinstance(write.step, StorePhone)}
    possible = ours if any(write.sure for write in stores) else {*ours, before.phone}
    return bool(stores) and state.phone not in possible


def none_shows(before: UserState, state: UserState, writes: Sequence[Write]) -> bool:
    """Whether others have changed a user who shows none of our writes, all of them without an answer.

    Then the present state counts as the one before our first write: `before` may be a state that another run
    had made and has undone since.
    """
    numbers = {write.step.phone.e164 for write in writes if isinstance(write.step, StorePhone)}
    unsure = bool(writes) and not any(write.sure or _writes_mfa([write]) for write in writes)
    return unsure and state.phone not in numbers and _shape(state) != _shape(before)


def after(state: UserState, step: Step) -> UserState:
    """The user's state after a step."""
    mfa = state.mfa or MfaState()
    match step:
        case StorePhone(phone, verified):
            return replace(state, phone=phone.e164, phone_verified=verified)
        case MarkUnverified(phone):
            return replace(state, phone=phone.e164, phone_verified=False)
        case ClearPhone():
            return replace(state, phone=None, phone_verified=False)
        case SetSmsMfa(enabled, preferred):
            return replace(state, mfa=_with_sms(mfa, enabled=enabled, preferred=preferred))
        case PreferFactor(factor):
            return replace(state, mfa=replace(mfa, enabled=mfa.enabled | {factor}, preferred=factor))


def _with_sms(mfa: MfaState, *, enabled: bool, preferred: bool) -> MfaState:
    kept = None if mfa.preferred == SMS_MFA else mfa.preferred
    if enabled:
        return replace(mfa, enabled=mfa.enabled | {SMS_MFA}, preferred=SMS_MFA if preferred else kept)
    return replace(mfa, enabled=mfa.enabled - {SMS_MFA}, preferred=kept)


def _possible(before: UserState, writes: Sequence[Write]) -> list[UserState]:
    """The different states that the writes can have led to; there are few, even after many lost answers."""
    states = {_shape(before): before}
    for write in writes:
        made = [after(state, write.step) for state in states.values()]
        done = {_shape(state): state for state in made}
        states = done if write.sure else states | done
    return list(states.values())


def _shape(state: UserState) -> tuple[object, ...]:
    """The parts of a user's state that our writes can change."""
    return (*_number(state), *_factors(state))


def _number(state: UserState) -> tuple[str | None, bool]:
    return (state.phone, state.phone_verified)


def _factors(state: UserState) -> tuple[frozenset[str], str | None]:
    mfa = state.mfa or MfaState()
    return (mfa.enabled, mfa.preferred)


def _mfa_steps(before: UserState, state: UserState) -> list[Step]:
    """Switch SMS MFA off before the number is removed; then prefer the earlier factor again."""
    was, now = before.mfa or MfaState(), state.mfa or MfaState()
    steps: list[Step] = []
    if SMS_MFA in now.enabled and SMS_MFA not in was.enabled:
        steps.append(SetSmsMfa(enabled=False, preferred=False))
        now = _with_sms(now, enabled=False, preferred=False)
    elif SMS_MFA in was.enabled and (SMS_MFA not in now.enabled or _sms_preference_lost(was, now)):
        steps.append(SetSmsMfa(enabled=True, preferred=was.preferred == SMS_MFA))
    if was.preferred not in {None, SMS_MFA, now.preferred}:
        steps.append(PreferFactor(was.preferred or ""))
    return steps


def _sms_preference_lost(was: MfaState, now: MfaState) -> bool:
    return was.preferred in {None, SMS_MFA} and now.preferred != was.preferred


def _phone_steps(before: UserState, state: UserState, pool: PoolFacts) -> list[Step]:
    if _number(before) == _number(state):
        return []
    if before.phone is None:
        return [ClearPhone()]
    old = Phone(before.phone)
    if before.phone_verified:
        return [StorePhone(old, verified=True)]
    # Such pools do not store an unproven number, or send a code to it ("Configuring email or phone
    # verification", Cognito Developer Guide): nobody asked for that SMS.
    if pool.code_sms_on_unverified_write or pool.phone_needs_proof:
        return []
    return [MarkUnverified(old)]
