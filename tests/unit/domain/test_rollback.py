"""Giving a user back: tables of what leads where, and rules that hold for every user, policy and pool."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from migrate_mfa.domain import rollback
from migrate_mfa.domain.decide import decide
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    ClearPhone,
    Decision,
    MarkUnverified,
    MfaMode,
    MfaState,
    Phone,
    PhoneConflict,
    PhoneSignIn,
    Plan,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
    Verdict,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import LIFTABLE, Reason
from migrate_mfa.domain.rollback import (
    BACK_BY_OTHERS,
    MFA_NOT_SEEN,
    PROVED_STAYS,
    Write,
    after,
    none_shows,
    restore,
    shows_late,
)
from tests.support import cognito_rules as cognito
from tests.support.builders import (
    ATTESTED,
    BY_CODE,
    OTHER_PHONE,
    PHONE,
    SMS_PREFERRED,
    THIRD_PHONE,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
    mfa,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STORE = StorePhone(Phone(PHONE), verified=True)
STORE_UNPROVEN = StorePhone(Phone(PHONE), verified=False)
SMS_ON = SetSmsMfa(enabled=True, preferred=True)
SMS_BESIDE = SetSmsMfa(enabled=True, preferred=False)
SMS_OFF = SetSmsMfa(enabled=False, preferred=False)
ENROL = (STORE, SMS_ON)
TOTP_PREFERRED = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
QUIET = a_pool()
SENDS = a_pool(phone_auto_verified=True)
HOLDS_BACK = a_pool(phone_auto_verified=True, phone_needs_proof=True)


def was_put_back(decision: Decision) -> bool:
    """Nothing is left to do; who has done it is told where it was not this run."""
    return isinstance(decision, Verdict) and decision.reason is Reason.RESTORED


def sure(*steps: Step) -> list[Write]:
    return [Write(step, sure=True) for step in steps]


def done(before: UserState, steps: Sequence[Step], pool: PoolFacts = QUIET) -> UserState:
    return cognito.apply(Plan(tuple(steps), Reason.ENROLLED), before, pool)


def given_back(
    before: UserState, state: UserState, writes: list[Write], pool: PoolFacts
) -> tuple[UserState, Reason]:
    """Follow the decisions to the end, as the loop that writes does."""
    for _ in range(4):
        decision = restore(before, state, writes, pool)
        if isinstance(decision, Verdict):
            return state, decision.reason
        state = cognito.apply(decision, state, pool)
        writes = [*writes, *sure(*decision.steps)]
    raise AssertionError("it never comes to an end")


def left_alone(decision: Decision) -> bool:
    """Somebody else changed the user, and the detail says what stays."""
    return (
        isinstance(decision, Verdict)
        and decision.reason is Reason.CHANGED_BY_OTHERS
        and decision.detail.endswith("roll this one back again.")
    )


def looks(state: UserState) -> tuple[object, ...]:
    """What an administrator can see of what we may change; the old MFAOptions are told apart, too."""
    settings = state.mfa or MfaState()
    return (state.phone, state.phone_verified, settings.enabled, settings.preferred)


# What leads back


@pytest.mark.parametrize(
    ("before", "did", "back"),
    [
        pytest.param(a_user(), ENROL, (SMS_OFF, ClearPhone()), id="no number"),
        pytest.param(
            a_user(phone=OTHER_PHONE),
            ENROL,
            (SMS_OFF, MarkUnverified(Phone(OTHER_PHONE))),
            id="unproven number",
        ),
        pytest.param(
            a_user(phone=PHONE), ENROL, (SMS_OFF, MarkUnverified(Phone(PHONE))), id="same number, unproven"
        ),
        pytest.param(
            a_user(phone=OTHER_PHONE, phone_verified=True),
            ENROL,
            (SMS_OFF, StorePhone(Phone(OTHER_PHONE), verified=True)),
            id="another proven number",
        ),
        pytest.param(
            a_user(phone=PHONE, phone_verified=True), (SMS_ON,), (SMS_OFF,), id="only MFA was missing"
        ),
        pytest.param(a_user(), (STORE_UNPROVEN,), (ClearPhone(),), id="by code: the number alone"),
        pytest.param(
            a_user(phone=PHONE, phone_verified=True, mfa=mfa(SMS_MFA)),
            (SMS_ON,),
            (SMS_BESIDE,),
            id="SMS MFA was enabled and preferred by nobody",
        ),
        pytest.param(
            a_user(phone=OTHER_PHONE, phone_verified=True, mfa=SMS_PREFERRED),
            (STORE,),
            (StorePhone(Phone(OTHER_PHONE), verified=True),),
            id="SMS MFA was on: it stays",
        ),
        pytest.param(
            a_user(phone=PHONE, mfa=mfa(legacy_sms=True)),
            (STORE,),
            (MarkUnverified(Phone(PHONE)),),
            id="the old MFAOptions stay",
        ),
        pytest.param(
            a_user(mfa=TOTP_PREFERRED),
            (STORE, SMS_BESIDE),
            (SMS_OFF, ClearPhone()),
            id="TOTP was never demoted",
        ),
        pytest.param(
            a_user(mfa=TOTP_PREFERRED),
            ENROL,
            (SMS_OFF, PreferFactor(SOFTWARE_TOKEN_MFA), ClearPhone()),
            id="TOTP was preferred",
        ),
        pytest.param(
            a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED), (SMS_OFF,), (SMS_ON,), id="disable"
        ),
        pytest.param(
            a_user(phone=PHONE, phone_verified=True, mfa=mfa(SMS_MFA, EMAIL_OTP, preferred=EMAIL_OTP)),
            (SMS_OFF,),
            (SMS_BESIDE,),
            id="disable beside a stronger factor",
        ),
    ],
)
def test_a_user_is_given_back_in_reverse_order(
    before: UserState, did: tuple[Step, ...], back: tuple[Step, ...]
) -> None:
    decision = restore(before, done(before, did), sure(*did), QUIET)

    assert decision == Plan(back, Reason.RESTORED)


def test_a_user_whom_nobody_wrote_to_has_nothing_to_restore() -> None:
    assert restore(a_user(), a_user(phone=PHONE), [], QUIET) == Verdict(Reason.NOTHING_TO_RESTORE)


def test_a_user_who_looks_as_before_is_restored_without_a_write() -> None:
    unsure = [Write(step, sure=False) for step in ENROL]

    assert restore(a_user(), a_user(), unsure, QUIET) == Verdict(Reason.RESTORED)


def test_who_was_put_back_by_somebody_else_is_told_as_that() -> None:
    """Another run directory may have done it, and take it back again."""
    assert restore(a_user(), a_user(), sure(*ENROL), QUIET) == Verdict(Reason.RESTORED, BACK_BY_OTHERS)


def test_what_a_pool_that_requires_mfa_does_not_show_is_not_told_as_restored_without_a_word() -> None:
    required = a_pool(mfa=MfaMode.ON)

    assert restore(a_user(), a_user(), sure(SMS_ON), required) == Verdict(Reason.RESTORED, MFA_NOT_SEEN)


@pytest.mark.parametrize("pool", [SENDS, HOLDS_BACK])
def test_an_unproven_number_stays_away_where_storing_it_would_send_a_code(pool: PoolFacts) -> None:
    before = a_user(phone=OTHER_PHONE)

    first = restore(before, done(before, ENROL, pool), sure(*ENROL), pool)
    state, reason = given_back(before, done(before, ENROL, pool), sure(*ENROL), pool)

    assert first == Plan((SMS_OFF,), Reason.RESTORED)
    assert reason is Reason.RESTORE_WOULD_SEND_SMS
    assert (state.phone, state.phone_verified, state.mfa) == (PHONE, True, mfa())


@pytest.mark.parametrize("pool", [SENDS, HOLDS_BACK])
def test_a_proven_number_and_no_number_come_back_in_every_pool(pool: PoolFacts) -> None:
    for before in (a_user(), a_user(phone=OTHER_PHONE, phone_verified=True)):
        state, reason = given_back(before, done(before, ENROL, pool), sure(*ENROL), pool)

        assert (looks(state), reason) == (looks(before), Reason.RESTORED)


def test_mfa_that_was_preferred_by_nobody_is_so_again_where_the_number_stays() -> None:
    before = a_user(phone=OTHER_PHONE, mfa=mfa(SMS_MFA))

    state, reason = given_back(before, done(before, ENROL, SENDS), sure(*ENROL), SENDS)

    assert (state.phone, state.mfa, reason) == (PHONE, before.mfa, Reason.RESTORE_WOULD_SEND_SMS)


# Changed by others


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"phone": THIRD_PHONE}, id="another number"),
        pytest.param({"phone_verified": False}, id="the number was taken by somebody"),
        pytest.param({"phone": None, "phone_verified": False}, id="the number was removed"),
        pytest.param({"mfa": mfa(SMS_MFA)}, id="nothing is preferred any more"),
        pytest.param({"mfa": mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SMS_MFA)}, id="a factor more"),
        pytest.param({"mfa": TOTP_PREFERRED}, id="another factor instead"),
    ],
)
def test_a_user_whom_somebody_else_changed_is_left_alone(changes: dict[str, object]) -> None:
    state = replace(done(a_user(), ENROL), **changes)  # type: ignore[arg-type]

    assert left_alone(restore(a_user(), state, sure(*ENROL), QUIET))


@pytest.mark.parametrize("pool", [QUIET, SENDS, HOLDS_BACK])
@pytest.mark.parametrize(
    ("before", "did"),
    [
        pytest.param(a_user(), (STORE_UNPROVEN,), id="by code, not promoted yet"),
        pytest.param(a_user(), (STORE_UNPROVEN, SMS_ON), id="promoted, or signed in"),
        pytest.param(a_user(phone=OTHER_PHONE), (STORE_UNPROVEN, SMS_ON), id="another number before"),
        pytest.param(a_user(phone=PHONE), (SMS_ON,), id="the same number before"),
        pytest.param(
            a_user(mfa=TOTP_PREFERRED), (STORE_UNPROVEN, SMS_BESIDE), id="beside an authenticator app"
        ),
    ],
)
def test_who_has_proved_the_number_keeps_it_and_loses_our_mfa(
    before: UserState, did: tuple[Step, ...], pool: PoolFacts
) -> None:
    state = replace(done(before, did), phone_verified=True)
    writes = sure(*did)

    ended, reason = given_back(before, state, writes, pool)

    assert reason is Reason.RESTORED
    assert (ended.phone, ended.phone_verified) == (PHONE, True)
    assert ended.mfa == before.mfa
    again = restore(before, ended, [*writes, *sure(SMS_OFF)], pool)
    stays = PROVED_STAYS if STORE_UNPROVEN in did else ""
    assert again == Verdict(Reason.RESTORED, stays), "a number that we never wrote needs no word"


@pytest.mark.parametrize(
    "changes", [{"phone": THIRD_PHONE}, {"mfa": TOTP_PREFERRED}, {"mfa": mfa(SMS_MFA)}], ids=str
)
def test_a_proof_does_not_hide_what_else_was_changed(changes: dict[str, object]) -> None:
    did = (STORE_UNPROVEN, SMS_ON)
    state = replace(done(a_user(), did), phone_verified=True, **changes)  # type: ignore[arg-type]

    assert left_alone(restore(a_user(), state, sure(*did), QUIET))


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "new@example.com"},
        {"email_verified": False},
        {"enabled": False},
        {"status": "RESET_REQUIRED"},
    ],
)
def test_what_we_never_write_may_change_without_harm(changes: dict[str, object]) -> None:
    state = replace(done(a_user(), ENROL), **changes)  # type: ignore[arg-type]

    decision = restore(a_user(), state, sure(*ENROL), QUIET)

    assert decision == Plan((SMS_OFF, ClearPhone()), Reason.RESTORED)


# Writes without an answer


@pytest.mark.parametrize(("first", "second"), list(product([True, False], repeat=2)))
def test_writes_that_were_never_answered_may_have_been_executed_or_not(first: bool, second: bool) -> None:
    before = a_user(phone=OTHER_PHONE, phone_verified=True)
    did: Sequence[Step] = [STORE] * first + [SMS_ON] * second
    unsure = [Write(step, sure=False) for step in ENROL]

    state, reason = given_back(before, done(before, did), unsure, QUIET)

    assert (looks(state), reason) == (looks(before), Reason.RESTORED)


def test_a_write_that_is_known_to_be_done_leaves_no_doubt() -> None:
    decision = restore(a_user(), a_user(), sure(*ENROL), QUIET)
    half_way = restore(a_user(), done(a_user(), [STORE]), sure(*ENROL), QUIET)

    assert decision == Verdict(Reason.RESTORED, BACK_BY_OTHERS)
    assert left_alone(half_way)


def test_a_rollback_that_was_cut_short_goes_on_from_where_it_was() -> None:
    before = a_user(phone=OTHER_PHONE, phone_verified=True)
    state = done(done(before, ENROL), [SMS_OFF])
    writes = [*sure(*ENROL), Write(SMS_OFF, sure=False)]

    decision = restore(before, state, writes, QUIET)

    assert decision == Plan((StorePhone(Phone(OTHER_PHONE), verified=True),), Reason.RESTORED)


def test_many_writes_that_were_never_answered_cost_as_many_steps_and_not_two_to_that_power(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = 0

    def counting(state: UserState, step: Step) -> UserState:
        nonlocal steps
        steps += 1
        assert steps <= 2_000, "they double"
        return after(state, step)

    monkeypatch.setattr(rollback, "after", counting)
    unsure = [Write(step, sure=False) for step in ENROL * 50]

    decision = restore(a_user(), done(a_user(), ENROL), [*unsure, *sure(*ENROL)], QUIET)

    assert decision == Plan((SMS_OFF, ClearPhone()), Reason.RESTORED)


@pytest.mark.parametrize(
    ("seen", "late"),
    [((), True), ((SMS_OFF,), True), ((SMS_OFF, ClearPhone()), False)],
    ids=["before both", "between", "after both"],
)
def test_a_look_that_shows_a_user_before_our_own_steps_is_late(seen: tuple[Step, ...], late: bool) -> None:
    start = done(a_user(), ENROL)

    assert shows_late(done(start, seen), start, (SMS_OFF, ClearPhone())) is late


# Two run directories


def test_a_verified_flag_that_this_run_set_is_ours_although_another_run_took_its_mfa_back() -> None:
    before = a_user(phone=PHONE, mfa=SMS_PREFERRED)
    state = a_user(phone=PHONE, phone_verified=True)

    decision = restore(before, state, sure(STORE), QUIET)

    assert decision == Plan((MarkUnverified(Phone(PHONE)),), Reason.RESTORED)


def test_no_number_is_taken_from_an_mfa_that_is_not_ours() -> None:
    state = a_user(phone=PHONE, mfa=SMS_PREFERRED)

    assert left_alone(restore(a_user(), state, sure(STORE_UNPROVEN), QUIET))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"phone": THIRD_PHONE}, "The number is not the one"),
        ({"phone_verified": False}, "Whether the number is verified"),
        ({"mfa": TOTP_PREFERRED}, "The MFA settings have changed"),
    ],
    ids=["number", "proof", "factor"],
)
def test_who_is_left_alone_is_told_what_stays(changes: dict[str, object], said: str) -> None:
    state = replace(done(a_user(), ENROL), **changes)  # type: ignore[arg-type]

    decision = restore(a_user(), state, sure(*ENROL), QUIET)

    assert isinstance(decision, Verdict)
    assert said in decision.detail


STATES = [
    a_user(phone=OTHER_PHONE),
    a_user(phone=PHONE, mfa=TOTP_PREFERRED),
    a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED),
]


@pytest.mark.parametrize(
    "step",
    [STORE, STORE_UNPROVEN, SMS_ON, SMS_BESIDE, SMS_OFF, MarkUnverified(Phone(PHONE)), ClearPhone()],
    ids=repr,
)
@pytest.mark.parametrize("state", STATES)
def test_a_step_leaves_what_cognito_makes_of_it(step: Step, state: UserState) -> None:
    assert looks(after(state, step)) == looks(done(state, [step]))


# Rules for everybody

FACTORS = (SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP)
everything = settings(deadline=None, derandomize=True, max_examples=100)


@st.composite
def settings_of_mfa(draw: st.DrawFn) -> MfaState:
    enabled = draw(st.frozensets(st.sampled_from(FACTORS)))
    preferred = draw(st.sampled_from([None, *sorted(enabled)]))
    return MfaState(enabled=enabled, preferred=preferred, legacy_sms=draw(st.booleans()))


@st.composite
def users(draw: st.DrawFn) -> UserState:
    phone = draw(st.sampled_from([None, PHONE, OTHER_PHONE]))
    verified = phone is not None and draw(st.booleans())
    return a_user(phone=phone, phone_verified=verified, mfa=draw(settings_of_mfa()))


@st.composite
def runs(draw: st.DrawFn) -> tuple[UserState, Plan, PoolFacts]:
    """A user before a run, what the run plans, and the pool; only where the tool agrees to run at all."""
    before = draw(users())
    policy = a_policy(
        draw(st.sampled_from(list(VerificationPolicy))),
        conflict=draw(st.sampled_from(list(PhoneConflict))),
        despite=LIFTABLE,
    )
    candidate = a_candidate(claims_verified=draw(st.sampled_from([None, True, False])))
    trust = policy.for_row(candidate.claims_verified)
    pool = a_pool(
        mfa=MfaMode.OPTIONAL if trust is BY_CODE else draw(st.sampled_from([MfaMode.OPTIONAL, MfaMode.ON])),
        phone_auto_verified=draw(st.booleans()),
        phone_needs_proof=trust is ATTESTED and draw(st.booleans()),
        phone_sign_in=draw(st.sampled_from(list(PhoneSignIn))),
    )
    decision = decide(candidate, before, pool=pool, policy=policy)
    assume(isinstance(decision, Plan))
    assert isinstance(decision, Plan)
    return before, decision, pool


@everything
@given(runs())
def test_undoing_a_run_leads_back_unless_that_would_send_an_sms(
    run: tuple[UserState, Plan, PoolFacts],
) -> None:
    before, plan, pool = run
    ran = cognito.apply(plan, before, pool)

    state, reason = given_back(before, ran, sure(*plan.steps), pool)

    if reason is Reason.RESTORED:
        assert looks(state) == looks(before)
        return
    assert reason is Reason.RESTORE_WOULD_SEND_SMS
    assert before.phone is not None
    assert not before.phone_verified
    assert pool.code_sms_on_unverified_write or pool.phone_needs_proof
    assert looks(replace(state, phone=None, phone_verified=False)) == looks(
        replace(before, phone=None, phone_verified=False)
    )


@everything
@given(runs(), st.data())
def test_whatever_became_of_unanswered_writes_the_user_comes_back(
    run: tuple[UserState, Plan, PoolFacts], data: st.DataObject
) -> None:
    before, plan, pool = run
    known = [data.draw(st.booleans()) for _ in plan.steps]
    executed = [is_sure or data.draw(st.booleans()) for is_sure in known]
    state = before
    for step, was_executed in zip(plan.steps, executed, strict=True):
        # Cognito refuses MFA by SMS for a user without a number.
        if was_executed and (state.phone or not isinstance(step, SetSmsMfa)):
            state = done(state, [step], pool)
    assume(all(executed) or not any(isinstance(s, SetSmsMfa) for s in plan.steps) or state.phone)
    writes = [Write(step, is_sure) for step, is_sure in zip(plan.steps, known, strict=True)]

    ended, reason = given_back(before, state, writes, pool)

    assert reason in {Reason.RESTORED, Reason.RESTORE_WOULD_SEND_SMS}
    assert (looks(ended) == looks(before)) is (reason is Reason.RESTORED)


@everything
@given(runs(), users())
def test_a_user_in_a_state_that_we_cannot_have_left_is_not_touched(
    run: tuple[UserState, Plan, PoolFacts], state: UserState
) -> None:
    before, plan, pool = run
    left = cognito.apply(plan, before, pool)
    ours = {looks(each) for each in (before, left, replace(left, phone_verified=left.phone is not None))}
    assume(looks(state) not in ours)

    decision = restore(before, state, sure(*plan.steps), pool)

    number = (state.phone, state.phone_verified)
    if any(isinstance(step, SetSmsMfa) for step in plan.steps):
        number_is_ours = any(isinstance(step, StorePhone) for step in plan.steps)
        undone = looks(state)[2:] == looks(before)[2:] and not number_is_ours
        assert was_put_back(decision) if undone else left_alone(decision)
    elif number == (before.phone, before.phone_verified):
        assert was_put_back(decision), "the number was all that we wrote"
    elif state.mfa is not None and state.mfa.sms_on:
        assert left_alone(decision), "an MFA that is not ours needs its number"
    elif not left_alone(decision):
        assert not any(isinstance(s, SetSmsMfa | PreferFactor) for s in getattr(decision, "steps", ()))


@everything
@given(runs())
def test_giving_back_sends_no_sms_and_leaves_no_number_verified_that_was_not(
    run: tuple[UserState, Plan, PoolFacts],
) -> None:
    before, plan, pool = run
    state = cognito.apply(plan, before, pool)

    decision = restore(before, state, sure(*plan.steps), pool)

    steps = decision.steps if isinstance(decision, Plan) else ()
    stores = [step for step in steps if isinstance(step, StorePhone | MarkUnverified)]
    assert not any(
        cognito.sends_code(pool, verified=isinstance(step, StorePhone) and step.verified) for step in stores
    )
    assert all(step.phone.e164 == before.phone for step in stores)
    assert before.phone_verified or not any(isinstance(step, StorePhone) for step in stores)


@everything
@given(runs())
def test_mfa_goes_before_the_number_and_no_other_factor_is_lost(
    run: tuple[UserState, Plan, PoolFacts],
) -> None:
    before, plan, pool = run
    state = cognito.apply(plan, before, pool)

    decision = restore(before, state, sure(*plan.steps), pool)

    steps = decision.steps if isinstance(decision, Plan) else ()
    of_mfa = [at for at, step in enumerate(steps) if isinstance(step, SetSmsMfa | PreferFactor)]
    of_phone = [at for at, step in enumerate(steps) if at not in of_mfa]
    assert max(of_mfa, default=-1) < min(of_phone, default=len(steps))
    for step in steps:
        state = after(state, step)
        assert before.mfa is not None
        assert state.mfa is not None
        assert state.mfa.others == before.mfa.others


OTHERS_RUN = a_user(phone=PHONE, mfa=SMS_PREFERRED)
"""What another run directory had made of the user when ours looked first."""
UNANSWERED, ANSWERED = (
    Write(StorePhone(Phone(PHONE), verified=True), False),
    Write(StorePhone(Phone(PHONE), verified=True), True),
)
MFA_UNANSWERED = Write(SetSmsMfa(enabled=True, preferred=True), False)


@pytest.mark.parametrize(
    ("state", "writes", "others"),
    [
        pytest.param(a_user(), (UNANSWERED,), True, id="the other run was undone since"),
        pytest.param(OTHERS_RUN, (UNANSWERED,), False, id="nothing has changed"),
        pytest.param(a_user(), (), False, id="we have not written"),
        pytest.param(a_user(), (ANSWERED,), False, id="we have written for certain"),
        pytest.param(a_user(), (UNANSWERED, MFA_UNANSWERED), False, id="MFA may be ours"),
        pytest.param(a_user(phone=PHONE), (UNANSWERED,), False, id="the number may be ours"),
    ],
)
def test_the_first_look_is_corrected_only_where_none_of_our_writes_can_show(
    state: UserState, writes: tuple[Write, ...], others: bool
) -> None:
    assert none_shows(OTHERS_RUN, state, writes) is others
