"""What Cognito makes of the two writes, as pure functions on one user."""

from dataclasses import replace

from migrate_mfa.domain.model import (
    SMS_MFA,
    ClearPhone,
    MarkUnverified,
    MfaMode,
    MfaState,
    Plan,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    StorePhone,
    UserState,
)


def sends_code(pool: PoolFacts, *, verified: bool) -> bool:
    return pool.phone_auto_verified and not verified


def with_phone(state: UserState, e164: str, pool: PoolFacts, *, verified: bool) -> UserState:
    """Where numbers are held back until proven, an unproven one is accepted and not stored."""
    if pool.phone_needs_proof and not verified:
        return state
    return replace(state, phone=e164, phone_verified=verified)


def with_sms_mfa(state: UserState, pool: PoolFacts, *, enabled: bool, preferred: bool) -> UserState:
    """Only one factor can be preferred, so preferring SMS demotes the one before."""
    mfa = state.mfa or MfaState()
    if pool.mfa is MfaMode.OFF or state.federated or (pool.mfa is MfaMode.ON and not enabled):
        return state
    factors = mfa.enabled | {SMS_MFA} if enabled else mfa.enabled - {SMS_MFA}
    first = mfa.preferred
    if enabled and preferred:
        first = SMS_MFA
    elif first == SMS_MFA:
        first = None
    return replace(state, mfa=replace(mfa, enabled=factors, preferred=first, legacy_sms=False))


def without_phone(state: UserState) -> UserState:
    return replace(state, phone=None, phone_verified=False)


def with_preferred(state: UserState, factor: str) -> UserState:
    mfa = state.mfa or MfaState()
    return replace(state, mfa=replace(mfa, enabled=mfa.enabled | {factor}, preferred=factor))


def apply(plan: Plan, state: UserState, pool: PoolFacts) -> UserState:
    for step in plan.steps:
        match step:
            case StorePhone(phone, verified):
                state = with_phone(state, phone.e164, pool, verified=verified)
            case SetSmsMfa(enabled, preferred):
                assert state.phone, "SMS MFA needs a number"
                state = with_sms_mfa(state, pool, enabled=enabled, preferred=preferred)
            case MarkUnverified(phone):
                state = with_phone(state, phone.e164, pool, verified=False)
            case ClearPhone():
                state = without_phone(state)
            case PreferFactor(factor):
                state = with_preferred(state, factor)
    return state
