from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.decide import decide, decide_work, target_phone
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    Candidate,
    Decision,
    MfaMode,
    MfaState,
    NumberClaims,
    Phone,
    PhoneConflict,
    PhoneSignIn,
    Plan,
    Policy,
    PoolFacts,
    SetSmsMfa,
    StorePhone,
    UserState,
    Verdict,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import LIFTABLE, Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from tests.support.builders import (
    AT_SIGN_IN,
    ATTESTED,
    BY_CODE,
    BY_COLUMN,
    OTHER_PHONE,
    PHONE,
    SMS_PREFERRED,
    THIRD_PHONE,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
    a_work,
    mfa,
)
from tests.support.cognito_rules import apply

WISH = Phone(PHONE)
VERIFIED_STORE = StorePhone(WISH, verified=True)
UNVERIFIED_STORE = StorePhone(WISH, verified=False)
SMS_ON = SetSmsMfa(enabled=True, preferred=True)
SMS_BESIDE = SetSmsMfa(enabled=True, preferred=False)
everything = settings(derandomize=True, deadline=None, max_examples=250)


@dataclass(frozen=True)
class Situation:
    candidate: Candidate = field(default_factory=a_candidate)
    state: UserState = field(default_factory=a_user)
    pool: PoolFacts = field(default_factory=a_pool)
    policy: Policy = field(default_factory=a_policy)
    claims: NumberClaims = field(default_factory=NumberClaims)

    def with_state(self, **changes: Any) -> "Situation":
        return replace(self, state=replace(self.state, **changes))

    def with_pool(self, **changes: Any) -> "Situation":
        return replace(self, pool=replace(self.pool, **changes))

    def decision(self) -> Decision:
        return decide(self.candidate, self.state, pool=self.pool, policy=self.policy, claims=self.claims)

    def reason(self) -> Reason:
        decision = self.decision()
        assert isinstance(decision, Verdict), decision
        return decision.reason


def with_factors(situation: Situation, *factors: str) -> Situation:
    known = situation.state.mfa or MfaState()
    return situation.with_state(mfa=replace(known, enabled=known.enabled | set(factors)))


# The table, row by row: how to make a situation match it, and what it then says. A change that contradicts
# an earlier one (another status, another number) takes that one back, so such pairs are left out below.
ROWS: list[tuple[Reason, Callable[[Situation], Situation]]] = [
    (Reason.FEDERATED_USER, lambda s: s.with_state(status="EXTERNAL_PROVIDER")),
    (Reason.DISABLED_USER, lambda s: s.with_state(enabled=False)),
    (Reason.AWAITING_CONFIRMATION, lambda s: s.with_state(status="UNCONFIRMED")),
    (Reason.AWAITING_PASSWORD_RESET, lambda s: s.with_state(status="RESET_REQUIRED")),
    (Reason.UNSUPPORTED_STATUS, lambda s: s.with_state(status="ARCHIVED")),
    (Reason.PHONE_MISSING, lambda s: replace(s, candidate=a_candidate(phone=None))),
    (
        Reason.ALREADY_ENROLLED,
        lambda s: s.with_state(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED),
    ),
    (Reason.HAS_TOTP, lambda s: with_factors(s, SOFTWARE_TOKEN_MFA)),
    (Reason.HAS_EMAIL_MFA, lambda s: with_factors(s, EMAIL_OTP)),
    (
        Reason.HAS_PASSKEY,
        lambda s: s.with_state(mfa=replace(s.state.mfa or MfaState(), passkey=True)),
    ),
    (Reason.PHONE_DIFFERS, lambda s: s.with_state(phone=OTHER_PHONE, phone_verified=True)),
    (
        Reason.PHONE_TAKEN,
        lambda s: replace(
            s.with_pool(phone_sign_in=PhoneSignIn.ALIAS), claims=NumberClaims(requested_by_others=True)
        ),
    ),
    (Reason.NO_RECOVERY_LEFT, lambda s: s.with_state(email_verified=False)),
]
STATUSES = {
    Reason.FEDERATED_USER,
    Reason.AWAITING_CONFIRMATION,
    Reason.AWAITING_PASSWORD_RESET,
    Reason.UNSUPPORTED_STATUS,
}
EXCLUSIVE = (
    STATUSES,
    {Reason.ALREADY_ENROLLED, Reason.PHONE_DIFFERS},
    {Reason.PHONE_MISSING, Reason.ALREADY_ENROLLED},
    {Reason.PHONE_MISSING, Reason.PHONE_DIFFERS},
)


def compatible(one: Reason, other: Reason) -> bool:
    return not any({one, other} <= group for group in EXCLUSIVE)


@pytest.mark.parametrize(("reason", "match"), ROWS, ids=[reason for reason, _ in ROWS])
def test_each_row_of_the_table_says_what_it_says(
    reason: Reason, match: Callable[[Situation], Situation]
) -> None:
    assert match(Situation()).reason() is reason


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(first, second, id=f"{first[0]}-{second[0]}")
        for first, second in combinations(ROWS, 2)
        if compatible(first[0], second[0])
    ],
)
def test_of_two_rows_that_match_the_first_wins(
    first: tuple[Reason, Callable[[Situation], Situation]],
    second: tuple[Reason, Callable[[Situation], Situation]],
) -> None:
    both = second[1](first[1](Situation()))

    assert both.reason() is first[0]


def test_a_user_whom_no_row_stops_gets_a_plan() -> None:
    assert Situation().decision() == Plan((VERIFIED_STORE, SMS_ON), Reason.ENROLLED)


@pytest.mark.parametrize("status", ["CONFIRMED", "FORCE_CHANGE_PASSWORD"])
def test_a_user_who_must_change_the_password_counts_as_confirmed(status: str) -> None:
    situation = Situation().with_state(status=status)

    assert situation.decision() == Plan((VERIFIED_STORE, SMS_ON), Reason.ENROLLED)


@pytest.mark.parametrize("status", ["ARCHIVED", "COMPROMISED", "UNKNOWN", "", "confirmed"])
def test_a_status_that_is_not_known_is_not_touched(status: str) -> None:
    assert Situation().with_state(status=status).reason() is Reason.UNSUPPORTED_STATUS


def test_an_unverified_number_of_the_pool_is_no_wish() -> None:
    situation = Situation(candidate=a_candidate(phone=None)).with_state(phone=PHONE, phone_verified=False)

    assert situation.reason() is Reason.PHONE_MISSING


def test_an_empty_phone_means_the_number_that_the_pool_has_verified() -> None:
    situation = Situation(candidate=a_candidate(phone=None)).with_state(phone=PHONE, phone_verified=True)

    assert situation.decision() == Plan((SMS_ON,), Reason.ENROLLED)


UNUSABLE = {
    "+81312345678": (Reason.NOT_SMS_CAPABLE, "a fixed line"),
    "+18005551234": (Reason.NOT_SMS_CAPABLE, "a toll-free number"),
    "+812012345678": (Reason.NOT_SMS_CAPABLE, "a pager"),
    "+815012345678": (Reason.NOT_SMS_CAPABLE, "an internet telephone (VoIP)"),
    "+8109012345678": (Reason.INVALID_PHONE, "not in E.164 form (trunk_prefix)"),
    "+0123456789": (Reason.INVALID_PHONE, "no such country code"),
    "+1112": (Reason.INVALID_PHONE, "too short (+1)"),
    "+22997123456": (Reason.INVALID_PHONE, "no number of its country's numbering plan (+229)"),
}
KEEP = a_policy(conflict=PhoneConflict.KEEP)


@pytest.mark.parametrize(("number", "says"), UNUSABLE.items())
@pytest.mark.parametrize("state", [a_user(), a_user(mfa=SMS_PREFERRED), a_user(mfa=mfa(SOFTWARE_TOKEN_MFA))])
@pytest.mark.parametrize("kept", [False, True])
def test_a_number_of_the_pool_is_judged_like_one_of_the_roster(
    number: str, says: tuple[Reason, str], state: UserState, kept: bool
) -> None:
    candidate = a_candidate() if kept else a_candidate(phone=None)
    situation = Situation(candidate=candidate, state=state, policy=KEEP if kept else a_policy())

    decision = situation.with_state(phone=number, phone_verified=True).decision()

    reason, cause = says
    assert decision == Verdict(reason, f"This is the number in the pool, not in the roster: {cause}.")
    assert number[1:] not in str(decision)


def test_the_number_that_is_not_used_is_not_judged() -> None:
    situation = Situation().with_state(phone="+81312345678", phone_verified=True)

    replaced = replace(situation, policy=a_policy(conflict=PhoneConflict.REPLACE))
    unproved = replace(situation, policy=KEEP).with_state(phone_verified=False)

    assert situation.reason() is Reason.PHONE_DIFFERS
    assert replaced.decision() == Plan((VERIFIED_STORE, SMS_ON), Reason.ENROLLED)
    assert unproved.decision() == Plan((VERIFIED_STORE, SMS_ON), Reason.ENROLLED)


def test_who_has_yet_to_confirm_is_judged_once_that_is_done() -> None:
    waiting = Situation(candidate=a_candidate(phone=None)).with_state(
        phone="+81312345678", phone_verified=True, status="UNCONFIRMED"
    )

    assert waiting.reason() is Reason.AWAITING_CONFIRMATION
    assert waiting.with_state(status="CONFIRMED").reason() is Reason.NOT_SMS_CAPABLE


def test_a_repair_switches_no_mfa_on_for_a_number_that_gets_no_sms() -> None:
    work = replace(a_work(), verb=PlannedBy.REPAIR)
    state = a_user(phone="+81312345678", phone_verified=True)

    decision = decide_work(work, state, pool=a_pool(), policy=a_policy())

    assert isinstance(decision, Verdict)
    assert decision.reason is Reason.NOT_SMS_CAPABLE


@pytest.mark.parametrize(
    ("state", "in_effect"),
    [
        (SMS_PREFERRED, True),
        (mfa(SMS_MFA), False),
        (mfa(), False),
        (mfa(legacy_sms=True), True),
        (mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA), True),
        (mfa(SMS_MFA, EMAIL_OTP), True),
        (mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA, legacy_sms=True), False),
    ],
)
def test_sms_mfa_is_in_effect_when_preferred_or_beside_another_factor_or_set_the_old_way(
    state: MfaState, in_effect: bool
) -> None:
    situation = Situation(policy=a_policy(despite=LIFTABLE)).with_state(
        phone=PHONE, phone_verified=True, mfa=state
    )

    decision = situation.decision()

    assert (decision == Verdict(Reason.ALREADY_ENROLLED)) is in_effect


def test_sms_mfa_that_is_enabled_and_preferred_by_nobody_is_made_preferred() -> None:
    situation = Situation().with_state(phone=PHONE, phone_verified=True, mfa=mfa(SMS_MFA))

    assert situation.decision() == Plan((SMS_ON,), Reason.ENROLLED)


def test_where_mfa_is_required_a_verified_number_is_all_there_is_to_see() -> None:
    situation = Situation().with_pool(mfa=MfaMode.ON).with_state(phone=PHONE, phone_verified=True, mfa=mfa())

    assert situation.reason() is Reason.ALREADY_ENROLLED


def test_where_mfa_is_required_the_preference_is_never_written() -> None:
    situation = Situation().with_pool(mfa=MfaMode.ON)

    assert situation.decision() == Plan((VERIFIED_STORE,), Reason.ENROLLED)


def test_totp_comes_before_email_mfa_and_email_mfa_before_a_passkey() -> None:
    state = replace(mfa(SOFTWARE_TOKEN_MFA, EMAIL_OTP), passkey=True)
    told = [Reason.HAS_TOTP, Reason.HAS_EMAIL_MFA, Reason.HAS_PASSKEY]

    found = [
        Situation(policy=a_policy(despite=told[:lifted])).with_state(mfa=state).reason()
        for lifted in range(3)
    ]

    assert found == told


# --despite


@pytest.mark.parametrize("reason", sorted(LIFTABLE))
def test_despite_lifts_the_reason_that_it_names_and_no_other(reason: Reason) -> None:
    match = dict(ROWS)[reason]

    for named in LIFTABLE:
        situation = match(Situation(policy=a_policy(despite=[named])))
        if named is reason:
            assert isinstance(situation.decision(), Plan)
        else:
            assert situation.reason() is reason


@pytest.mark.parametrize("reason", sorted(set(Reason) - LIFTABLE))
def test_despite_cannot_lift_anything_else(reason: Reason) -> None:
    with pytest.raises(ValueError, match=reason):
        a_policy(despite=[reason])


@pytest.mark.promise(11)
@pytest.mark.parametrize("factor", [SOFTWARE_TOKEN_MFA, EMAIL_OTP])
def test_sms_is_added_beside_a_stronger_factor_and_never_preferred_over_it(factor: str) -> None:
    lifted = a_policy(despite=[Reason.HAS_TOTP, Reason.HAS_EMAIL_MFA])
    situation = Situation(policy=lifted).with_state(mfa=mfa(factor, preferred=factor))

    decision = situation.decision()

    assert decision == Plan((VERIFIED_STORE, SMS_BESIDE), Reason.ENROLLED)


def test_a_disabled_user_who_is_federated_stays_federated_despite() -> None:
    situation = Situation(policy=a_policy(despite=[Reason.DISABLED_USER])).with_state(
        enabled=False, status="EXTERNAL_PROVIDER"
    )

    assert situation.reason() is Reason.FEDERATED_USER


# Verification


@pytest.mark.parametrize(
    ("verification", "claims_verified", "steps", "ends"),
    [
        (BY_CODE, None, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (BY_CODE, True, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (BY_CODE, False, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (ATTESTED, None, (VERIFIED_STORE, SMS_ON), Reason.ENROLLED),
        (ATTESTED, True, (VERIFIED_STORE, SMS_ON), Reason.ENROLLED),
        (ATTESTED, False, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (AT_SIGN_IN, None, (UNVERIFIED_STORE, SMS_ON), Reason.AWAITING_FIRST_SIGN_IN),
        (AT_SIGN_IN, True, (UNVERIFIED_STORE, SMS_ON), Reason.AWAITING_FIRST_SIGN_IN),
        (AT_SIGN_IN, False, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (BY_COLUMN, None, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
        (BY_COLUMN, True, (VERIFIED_STORE, SMS_ON), Reason.ENROLLED),
        (BY_COLUMN, False, (UNVERIFIED_STORE,), Reason.AWAITING_CODE),
    ],
)
def test_the_policy_and_the_column_say_how_a_new_number_becomes_verified(
    verification: VerificationPolicy,
    claims_verified: bool | None,
    steps: tuple[StorePhone | SetSmsMfa, ...],
    ends: Reason,
) -> None:
    situation = Situation(
        candidate=a_candidate(claims_verified=claims_verified), policy=a_policy(verification)
    )

    assert situation.decision() == Plan(steps, ends)


@pytest.mark.parametrize("verification", list(VerificationPolicy))
@pytest.mark.parametrize("claims_verified", [None, True, False])
def test_a_number_that_the_pool_has_verified_is_proven_under_every_policy(
    verification: VerificationPolicy, claims_verified: bool | None
) -> None:
    situation = Situation(
        candidate=a_candidate(claims_verified=claims_verified), policy=a_policy(verification)
    ).with_state(phone=PHONE, phone_verified=True)

    assert situation.decision() == Plan((SMS_ON,), Reason.ENROLLED)


@pytest.mark.parametrize(
    ("verification", "decision"),
    [
        (BY_CODE, Verdict(Reason.AWAITING_CODE)),
        (ATTESTED, Plan((VERIFIED_STORE, SMS_ON), Reason.ENROLLED)),
        (AT_SIGN_IN, Plan((SMS_ON,), Reason.AWAITING_FIRST_SIGN_IN)),
        (BY_COLUMN, Verdict(Reason.AWAITING_CODE)),
    ],
)
def test_an_equal_unverified_number_is_written_again_only_to_raise_it(
    verification: VerificationPolicy, decision: Decision
) -> None:
    situation = Situation(policy=a_policy(verification)).with_state(phone=PHONE, phone_verified=False)

    assert situation.decision() == decision


def test_an_unproven_number_is_replaced_where_nothing_uses_it() -> None:
    situation = Situation(policy=a_policy(BY_CODE)).with_state(phone=OTHER_PHONE, phone_verified=False)

    assert situation.decision() == Plan((UNVERIFIED_STORE,), Reason.AWAITING_CODE)


# --phone-conflict


@pytest.mark.parametrize(
    ("verified", "state"),
    [(True, mfa()), (False, SMS_PREFERRED), (True, SMS_PREFERRED), (False, mfa(legacy_sms=True))],
)
@pytest.mark.parametrize("verification", list(VerificationPolicy))
def test_another_number_in_use_fails_the_row(
    verified: bool, state: MfaState, verification: VerificationPolicy
) -> None:
    situation = Situation(policy=a_policy(verification)).with_state(
        phone=OTHER_PHONE, phone_verified=verified, mfa=state
    )

    assert situation.reason() is Reason.PHONE_DIFFERS


def test_the_detail_of_a_differing_number_shows_no_more_than_its_last_digits() -> None:
    decision = Situation().with_state(phone=OTHER_PHONE, phone_verified=True).decision()

    assert isinstance(decision, Verdict)
    assert OTHER_PHONE[:-2] not in decision.detail
    assert decision.detail == "The pool's number ends in 21 and is verified."


def test_a_differing_number_with_the_same_last_digits_is_told_as_another() -> None:
    other = f"+1{PHONE[3:]}"
    decision = Situation().with_state(phone=other, phone_verified=True).decision()

    assert isinstance(decision, Verdict)
    end = other[-2:]
    assert decision.detail == f"The pool's number ends in {end} too, differs before that and is verified."


@pytest.mark.parametrize("verification", list(VerificationPolicy))
def test_keep_enrols_the_users_own_verified_number(verification: VerificationPolicy) -> None:
    policy = a_policy(verification, conflict=PhoneConflict.KEEP)
    situation = Situation(policy=policy).with_state(phone=OTHER_PHONE, phone_verified=True)

    assert situation.decision() == Plan((SMS_ON,), Reason.ENROLLED)


def test_keep_does_not_keep_a_number_that_nobody_proved() -> None:
    policy = a_policy(ATTESTED, conflict=PhoneConflict.KEEP)
    situation = Situation(policy=policy).with_state(phone=OTHER_PHONE, mfa=SMS_PREFERRED)

    assert situation.reason() is Reason.PHONE_DIFFERS


@pytest.mark.parametrize(
    ("verification", "claims_verified", "replaces"),
    [
        (ATTESTED, None, True),
        (ATTESTED, True, True),
        (ATTESTED, False, False),
        (BY_COLUMN, True, True),
        (BY_COLUMN, None, False),
        (BY_CODE, True, False),
        (AT_SIGN_IN, True, False),
    ],
)
@pytest.mark.parametrize("state", [mfa(), SMS_PREFERRED])
def test_replace_takes_another_number_only_when_somebody_vouches_for_it(
    verification: VerificationPolicy, claims_verified: bool | None, replaces: bool, state: MfaState
) -> None:
    situation = Situation(
        candidate=a_candidate(claims_verified=claims_verified),
        policy=a_policy(verification, conflict=PhoneConflict.REPLACE),
    ).with_state(phone=OTHER_PHONE, phone_verified=True, mfa=state)

    decision = situation.decision()

    if replaces:
        assert isinstance(decision, Plan)
        assert decision.steps[0] == VERIFIED_STORE
    else:
        assert situation.reason() is Reason.PHONE_DIFFERS


def test_by_code_gives_no_number_to_sms_mfa_that_waits_for_one() -> None:
    situation = Situation(policy=a_policy(BY_CODE)).with_state(mfa=mfa(legacy_sms=True))

    assert situation.reason() is Reason.PHONE_DIFFERS


# Rivals and recovery


@pytest.mark.parametrize("claims", [NumberClaims(requested_by_others=True), NumberClaims(held_by_other=True)])
@pytest.mark.parametrize("sign_in", list(PhoneSignIn))
def test_a_number_may_be_shared_unless_it_signs_people_in(claims: NumberClaims, sign_in: PhoneSignIn) -> None:
    situation = replace(Situation().with_pool(phone_sign_in=sign_in), claims=claims)

    if sign_in is PhoneSignIn.NO:
        assert isinstance(situation.decision(), Plan)
    else:
        assert situation.reason() is Reason.PHONE_TAKEN


@pytest.mark.parametrize(
    ("recovery", "email", "verified", "left"),
    [
        (None, "a@example.com", True, True),
        (None, "a@example.com", False, False),
        (None, None, True, False),
        (("verified_email",), "a@example.com", True, True),
        (("verified_phone_number", "verified_email"), "a@example.com", True, True),
        (("verified_phone_number", "verified_email"), "a@example.com", False, False),
        (("verified_phone_number",), "a@example.com", True, False),
        (("admin_only",), None, False, True),
    ],
)
def test_nobody_loses_the_only_way_to_reset_a_password(
    recovery: tuple[str, ...] | None, email: str | None, verified: bool, left: bool
) -> None:
    situation = Situation().with_pool(recovery=recovery).with_state(email=email, email_verified=verified)

    if left:
        assert isinstance(situation.decision(), Plan)
    else:
        assert situation.reason() is Reason.NO_RECOVERY_LEFT


# Unknown MFA settings


def test_what_only_the_mfa_settings_show_is_not_claimed_without_them() -> None:
    situation = Situation().with_state(phone=PHONE, phone_verified=True, mfa=None)

    assert situation.decision() == Plan((SMS_ON,), Reason.ENROLLED)


def test_a_verified_number_that_differs_is_seen_without_the_mfa_settings() -> None:
    situation = Situation().with_state(phone=OTHER_PHONE, phone_verified=True, mfa=None)

    assert situation.reason() is Reason.PHONE_DIFFERS


# Properties

phones = st.sampled_from([None, PHONE, OTHER_PHONE])
factors = st.sampled_from([SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP])


@st.composite
def mfa_states(draw: st.DrawFn) -> MfaState:
    enabled = draw(st.frozensets(factors))
    return MfaState(
        enabled=enabled,
        preferred=draw(st.sampled_from([None, *sorted(enabled)])),
        legacy_sms=draw(st.booleans()),
        passkey=draw(st.booleans()),
    )


@st.composite
def situations(draw: st.DrawFn, *, know_mfa: bool = True) -> Situation:
    """Everything that can come before `decide`, in the pools that are let through."""
    phone = draw(phones)
    claims_verified = draw(st.sampled_from([None, True, False]))
    policy = Policy(
        verification=draw(st.sampled_from(list(VerificationPolicy))),
        phone_conflict=draw(st.sampled_from(list(PhoneConflict))),
        despite=draw(st.frozensets(st.sampled_from(sorted(LIFTABLE)))),
    )
    trust = policy.for_row(claims_verified)
    modes = [MfaMode.OPTIONAL] if trust is BY_CODE else [MfaMode.OPTIONAL, MfaMode.ON]
    pool = a_pool(
        mfa=draw(st.sampled_from(modes)),
        phone_auto_verified=draw(st.booleans()),
        phone_needs_proof=trust is ATTESTED and draw(st.booleans()),
        phone_sign_in=draw(st.sampled_from(list(PhoneSignIn))),
        recovery=draw(
            st.sampled_from([None, ("admin_only",), ("verified_email",), ("verified_phone_number",)])
        ),
    )
    ready = st.sampled_from(["CONFIRMED", "FORCE_CHANGE_PASSWORD"])
    others = st.sampled_from(["UNCONFIRMED", "RESET_REQUIRED", "EXTERNAL_PROVIDER", "ODD"])
    state = a_user(
        status=draw(st.one_of(ready, ready, ready, others)),
        enabled=draw(st.sampled_from([True, True, True, False])),
        email=draw(st.sampled_from([None, "ann@example.com", "ann@example.com"])),
        email_verified=draw(st.sampled_from([True, True, False])),
        phone=phone,
        phone_verified=phone is not None and draw(st.booleans()),
        mfa=draw(st.one_of(st.none(), mfa_states())) if not know_mfa else draw(mfa_states()),
    )
    candidate = a_candidate(
        phone=draw(st.sampled_from([None, PHONE, PHONE, THIRD_PHONE])), claims_verified=claims_verified
    )
    claims = NumberClaims(requested_by_others=draw(st.booleans()), held_by_other=draw(st.booleans()))
    return Situation(candidate, state, pool, policy, claims)


def after(situation: Situation) -> Situation:
    decision = situation.decision()
    if isinstance(decision, Verdict):
        return situation
    return replace(situation, state=apply(decision, situation.state, situation.pool))


def meets_mfa(situation: Situation) -> bool:
    state = situation.state
    on = situation.pool.mfa is MfaMode.ON or (state.mfa is not None and state.mfa.sms_on)
    return state.phone is not None and on


@everything
@given(situations(know_mfa=False))
def test_every_situation_has_a_decision_and_a_plan_has_something_to_write(situation: Situation) -> None:
    decision = situation.decision()

    if isinstance(decision, Plan):
        assert decision.steps
        assert decision.ends.outcome in {Outcome.VERIFIED, Outcome.PENDING}
    else:
        assert decision.reason.outcome is not Outcome.UNPROCESSED


@everything
@given(situations(know_mfa=False))
def test_nothing_is_left_to_write_once_the_plan_is_done(situation: Situation) -> None:
    before = situation.decision()
    done = after(situation)

    again = done.decision()

    assert isinstance(again, Verdict), again
    if isinstance(before, Plan):
        expected = Reason.ALREADY_ENROLLED if before.ends is Reason.ENROLLED else before.ends
        assert again.reason is expected


@pytest.mark.promise(10)
@everything
@given(situations(know_mfa=False))
def test_a_number_that_nobody_vouched_for_or_proved_is_never_marked_verified(situation: Situation) -> None:
    trust = situation.policy.for_row(situation.candidate.claims_verified)

    done = after(situation)

    if done.state.proven_phone not in {None, situation.state.proven_phone}:
        assert trust is ATTESTED


@pytest.mark.promise(10)
@everything
@given(situations())
def test_an_unproven_number_meets_mfa_only_under_at_sign_in(situation: Situation) -> None:
    trust = situation.policy.for_row(situation.candidate.claims_verified)

    done = after(situation)

    if done.state != situation.state and meets_mfa(done) and not done.state.phone_verified:
        assert trust is AT_SIGN_IN


@everything
@given(situations())
def test_a_stronger_factor_is_never_demoted(situation: Situation) -> None:
    before = situation.state.mfa or MfaState()

    after_all = after(situation).state.mfa or MfaState()

    assert after_all.enabled >= before.enabled
    if before.others:
        assert after_all.preferred == before.preferred


@everything
@given(situations(know_mfa=False))
def test_an_equal_number_is_written_only_to_raise_it_to_verified(situation: Situation) -> None:
    decision = situation.decision()

    stores = [s for s in decision.steps if isinstance(s, StorePhone)] if isinstance(decision, Plan) else []
    for store in stores:
        if store.phone.e164 == situation.state.phone:
            assert store.verified
            assert not situation.state.phone_verified


@everything
@given(situations(know_mfa=False))
def test_no_verified_number_is_overwritten_unless_the_operator_said_replace(situation: Situation) -> None:
    proven = situation.state.proven_phone

    done = after(situation)

    if proven is not None and done.state.proven_phone != proven:
        assert situation.policy.phone_conflict is PhoneConflict.REPLACE


@everything
@given(situations())
def test_the_plan_never_stops_a_user_for_what_only_the_mfa_settings_show(situation: Situation) -> None:
    unknown = situation.with_state(mfa=None).decision()

    if isinstance(unknown, Verdict):
        assert unknown.reason not in {Reason.HAS_TOTP, Reason.HAS_EMAIL_MFA, Reason.HAS_PASSKEY}
        if situation.pool.mfa is MfaMode.OPTIONAL:
            assert unknown.reason is not Reason.ALREADY_ENROLLED


@everything
@given(situations(know_mfa=False))
def test_decisions_do_not_depend_on_the_mark_of_the_row(situation: Situation) -> None:
    moved = replace(situation, candidate=replace(situation.candidate, at=a_candidate(row=99).at))

    assert moved.decision() == situation.decision()


def test_the_wished_number_is_the_rows_unless_there_is_none_or_the_users_own_is_kept() -> None:
    proven = a_user(phone=OTHER_PHONE, phone_verified=True)
    keep = a_policy(conflict=PhoneConflict.KEEP)

    found = [
        target_phone(a_candidate(), proven, a_policy()),
        target_phone(a_candidate(phone=None), proven, a_policy()),
        target_phone(a_candidate(), proven, keep),
        target_phone(a_candidate(), a_user(), keep),
        target_phone(a_candidate(phone=None), a_user(phone=OTHER_PHONE), a_policy()),
    ]

    assert found == [Phone(PHONE), Phone(OTHER_PHONE), Phone(OTHER_PHONE), Phone(PHONE), None]
