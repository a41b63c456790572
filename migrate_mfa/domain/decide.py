"""The decision about one user: pure, total, and the same function for the plan and for the run.

`decide` is rows 5 to 12 of the decision table in guide/how-it-works.md. Rows 1 to 4 are decided before,
because they need the roster and the whole pool (see `resolve` and `engine.plan`). The first match wins.
"""

from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SOFTWARE_TOKEN_MFA,
    Candidate,
    Decision,
    MfaMode,
    NumberClaims,
    Phone,
    PhoneConflict,
    PhoneSignIn,
    Plan,
    Policy,
    PoolFacts,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
    VerificationPolicy,
)
from migrate_mfa.domain.phone.in_pool import pool_number_problem
from migrate_mfa.domain.reasons import AWAIT_PROOF, Reason
from migrate_mfa.domain.rows import PlannedBy, PlannedRow

_STATUS_VERDICTS = {
    "UNCONFIRMED": Reason.AWAITING_CONFIRMATION,
    "RESET_REQUIRED": Reason.AWAITING_PASSWORD_RESET,
}
_READY = frozenset({"CONFIRMED", "FORCE_CHANGE_PASSWORD"})


def decide(
    candidate: Candidate,
    state: UserState,
    *,
    pool: PoolFacts,
    policy: Policy,
    claims: NumberClaims | None = None,
) -> Decision:
    """Decide what to do with one user.

    If `state.mfa` is unknown (ListUsers does not return it), the rows of the table that need the MFA
    settings cannot match: the decision is the one for a user without MFA. If the plan is applied to the
    state and the user is decided again, the result is a `Verdict`.
    """
    if verdict := _by_status(state, policy):
        return verdict
    target = target_phone(candidate, state, policy)
    if target is None:
        return Verdict(Reason.PHONE_MISSING)
    # A number from the roster was checked when it was read; a number from the pool is checked here.
    if target != candidate.phone and (unusable := pool_number_problem(target.e164)):
        return unusable
    if state.proven_phone == target.e164 and _in_effect(state, pool):
        return Verdict(Reason.ALREADY_ENROLLED)
    trust = policy.for_row(candidate.claims_verified)
    return (
        _by_other_factor(state, policy)
        or _by_number_in_use(state, target, trust, policy)
        or _by_rivals(pool, claims or NumberClaims())
        or _by_recovery(state, pool, policy)
        or _plan(state, target, trust, pool)
    )


def decide_again(
    candidate: Candidate,
    state: UserState,
    *,
    was: Reason | None,
    pool: PoolFacts,
    policy: Policy,
    claims: NumberClaims | None = None,
) -> Decision:
    """Decide about a user whose row an earlier run ended with the reason `was`.

    If the pool had the row's number then but not now, somebody has changed it since. It is not stored again,
    because that could send another SMS; the row keeps its reason.
    """
    decision = decide(candidate, state, pool=pool, policy=policy, claims=claims)
    stores = isinstance(decision, Plan) and any(isinstance(step, StorePhone) for step in decision.steps)
    return Verdict(was) if stores and was in AWAIT_PROOF else decision


def decide_disable(
    candidate: Candidate,
    state: UserState,
    *,
    pool: PoolFacts,
    policy: Policy,
    claims: NumberClaims | None = None,
) -> Decision:
    """Decide how to switch a user's SMS MFA off; the number stays. The roster's number plays no part."""
    del candidate, pool, policy, claims
    if state.federated:
        return Verdict(Reason.FEDERATED_USER)
    if state.mfa is not None and not state.mfa.sms_on:
        return Verdict(Reason.MFA_DISABLED)
    return Plan((SetSmsMfa(enabled=False, preferred=False),), Reason.MFA_DISABLED)


def decide_work(work: PlannedRow, state: UserState, *, pool: PoolFacts, policy: Policy) -> Decision:
    """The decision function for a planned row, by the command that planned it; a rollback has its own."""
    if work.verb is PlannedBy.DISABLE:
        return decide_disable(work.candidate, state, pool=pool, policy=policy)
    if work.verb is PlannedBy.RECONCILE:
        return decide_again(work.candidate, state, was=work.was, pool=pool, policy=policy, claims=work.claims)
    candidate = work.numberless() if work.verb is PlannedBy.REPAIR else work.candidate
    return decide(candidate, state, pool=pool, policy=policy, claims=work.claims)


def target_phone(candidate: Candidate, state: UserState, policy: Policy) -> Phone | None:
    """The number that the user should end with: the row's, or the one that the pool has verified.

    Under `--phone-conflict keep` the user's own verified number wins over the row's.
    """
    proven = Phone(state.proven_phone) if state.proven_phone else None
    if candidate.phone is None or policy.phone_conflict is PhoneConflict.KEEP:
        return proven or candidate.phone
    return candidate.phone


def _in_effect(state: UserState, pool: PoolFacts) -> bool:
    # If the pool requires MFA, AdminGetUser may show an empty list although MFA is enforced: then only the
    # verified number can be seen (aws/aws-sdk-js-v3#7961).
    if pool.mfa is MfaMode.ON:
        return True
    return state.mfa is not None and state.mfa.sms_in_effect


def _by_status(state: UserState, policy: Policy) -> Verdict | None:
    if state.federated:
        return Verdict(Reason.FEDERATED_USER)
    if not state.enabled and Reason.DISABLED_USER not in policy.despite:
        return Verdict(Reason.DISABLED_USER)
    if reason := _STATUS_VERDICTS.get(state.status):
        return Verdict(reason)
    if state.status not in _READY:
        return Verdict(Reason.UNSUPPORTED_STATUS, f"The status is {state.status}.")
    return None


def _by_other_factor(state: UserState, policy: Policy) -> Verdict | None:
    if state.mfa is None:
        return None
    factors = (
        (SOFTWARE_TOKEN_MFA in state.mfa.enabled, Reason.HAS_TOTP),
        (EMAIL_OTP in state.mfa.enabled, Reason.HAS_EMAIL_MFA),
        (state.mfa.passkey, Reason.HAS_PASSKEY),
    )
    found = [reason for present, reason in factors if present and reason not in policy.despite]
    return Verdict(found[0]) if found else None


def _by_number_in_use(
    state: UserState, target: Phone, trust: VerificationPolicy, policy: Policy
) -> Verdict | None:
    if state.phone == target.e164:
        return None
    sms_on = state.mfa is not None and state.mfa.sms_on
    if state.phone is None:
        # With by-code, an unproven number would be used by SMS MFA at once if that is already on.
        if sms_on and trust is VerificationPolicy.BY_CODE:
            return Verdict(Reason.PHONE_DIFFERS, "SMS MFA is on, but the pool has no number for it.")
        return None
    if not (state.phone_verified or sms_on):
        return None
    if policy.phone_conflict is PhoneConflict.REPLACE and trust is VerificationPolicy.ATTESTED:
        return None
    in_use = "is verified" if state.phone_verified else "is used by SMS MFA"
    end = state.phone[-2:]
    ends = f"ends in {end} too, differs before that" if target.e164.endswith(end) else f"ends in {end}"
    return Verdict(Reason.PHONE_DIFFERS, f"The pool's number {ends} and {in_use}.")


def _by_rivals(pool: PoolFacts, claims: NumberClaims) -> Verdict | None:
    if pool.phone_sign_in is PhoneSignIn.NO:
        return None
    if claims.requested_by_others:
        return Verdict(Reason.PHONE_TAKEN, "The roster gives this number to several users.")
    if claims.held_by_other:
        return Verdict(Reason.PHONE_TAKEN, "Another user of the pool has this number.")
    return None


def _by_recovery(state: UserState, pool: PoolFacts, policy: Policy) -> Verdict | None:
    # A user with SMS MFA cannot reset the password by SMS ("Passwords, account recovery, and password
    # policies", Cognito Developer Guide), so only a verified e-mail address is left.
    if pool.recovers_by_admin_only or Reason.NO_RECOVERY_LEFT in policy.despite:
        return None
    if not pool.recovers_by_email:
        return Verdict(Reason.NO_RECOVERY_LEFT, "The pool recovers passwords by SMS only.")
    if state.email and state.email_verified:
        return None
    return Verdict(Reason.NO_RECOVERY_LEFT, "There is no verified e-mail address.")


def _plan(state: UserState, target: Phone, trust: VerificationPolicy, pool: PoolFacts) -> Decision:
    proven = state.proven_phone == target.e164
    steps: list[Step] = []
    if not proven and trust is VerificationPolicy.ATTESTED:
        steps.append(StorePhone(target, verified=True))
    elif state.phone != target.e164:
        steps.append(StorePhone(target, verified=False))
    ends = _ending(trust, proven=proven)
    if ends is not Reason.AWAITING_CODE and _needs_sms_mfa(state, pool):
        steps.append(SetSmsMfa(enabled=True, preferred=state.mfa is None or not state.mfa.others))
    return Plan(tuple(steps), ends) if steps else Verdict(ends)


def _ending(trust: VerificationPolicy, *, proven: bool) -> Reason:
    if proven or trust is VerificationPolicy.ATTESTED:
        return Reason.ENROLLED
    if trust is VerificationPolicy.AT_SIGN_IN:
        return Reason.AWAITING_FIRST_SIGN_IN
    return Reason.AWAITING_CODE


def _needs_sms_mfa(state: UserState, pool: PoolFacts) -> bool:
    return pool.mfa is not MfaMode.ON and not (state.mfa and state.mfa.sms_in_effect)
