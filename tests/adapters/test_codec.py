import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.adapters.codec import (
    pool_from_json,
    pool_to_json,
    state_from_json,
    state_to_json,
    steps_from_json,
    steps_to_json,
)
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    ClearPhone,
    MarkUnverified,
    MfaMode,
    MfaState,
    Phone,
    PhoneSignIn,
    PoolFacts,
    PreferFactor,
    SetSmsMfa,
    Step,
    StorePhone,
    UserState,
)
from tests.support.builders import PHONE, SMS_PREFERRED, a_pool, a_user

everything = settings(derandomize=True, deadline=None, max_examples=200)
numbers = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True)
factors = st.sampled_from([SMS_MFA, SOFTWARE_TOKEN_MFA, EMAIL_OTP, "A_FACTOR_TO_COME"])
texts = st.text(max_size=20)

steps: st.SearchStrategy[Step] = st.one_of(
    st.builds(StorePhone, st.builds(Phone, numbers), verified=st.booleans()),
    st.builds(SetSmsMfa, enabled=st.booleans(), preferred=st.booleans()),
    st.builds(MarkUnverified, st.builds(Phone, numbers)),
    st.builds(ClearPhone),
    st.builds(PreferFactor, factors),
)
states = st.builds(
    UserState,
    username=texts,
    sub=texts,
    status=texts,
    enabled=st.booleans(),
    email=st.none() | texts,
    email_verified=st.booleans(),
    phone=st.none() | numbers,
    phone_verified=st.booleans(),
    mfa=st.none()
    | st.builds(
        MfaState,
        enabled=st.frozensets(factors),
        preferred=st.none() | factors,
        legacy_sms=st.booleans(),
        passkey=st.booleans(),
    ),
    modified=st.floats(0, 4e9),
)


@everything
@given(st.lists(steps, max_size=4).map(tuple))
def test_steps_come_back_as_they_went(plan: tuple[Step, ...]) -> None:
    assert steps_from_json(steps_to_json(plan)) == plan


@everything
@given(states)
def test_a_users_state_comes_back_as_it_went(state: UserState) -> None:
    assert state_from_json(state_to_json(state)) == state


def test_no_field_of_a_state_is_forgotten() -> None:
    state = a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED)

    kept = json.loads(state_to_json(state))

    assert set(kept) == {*UserState.__dataclass_fields__, "check"}
    assert set(kept["mfa"]) == set(MfaState.__dataclass_fields__)


def test_unknown_mfa_settings_stay_unknown() -> None:
    assert state_from_json(state_to_json(a_user(mfa=None))).mfa is None


def test_a_step_that_this_version_does_not_know_is_no_other_step() -> None:
    with pytest.raises(ValueError, match="delete_user"):
        steps_from_json('[{"do": "delete_user"}]')


def test_an_old_journal_can_still_be_read() -> None:
    text = (
        '[{"do": "store_phone", "phone": "+819012345678", "verified": true}, '
        '{"do": "set_sms_mfa", "enabled": true, "preferred": false}]'
    )

    assert steps_from_json(text) == (
        StorePhone(Phone(PHONE), verified=True),
        SetSmsMfa(enabled=True, preferred=False),
    )


def test_all_facts_of_a_pool_are_kept() -> None:
    pool = a_pool(mfa=MfaMode.ON, phone_sign_in=PhoneSignIn.ALIAS, recovery=("admin_only",))

    kept = json.loads(pool_to_json(pool))

    assert set(kept) == set(PoolFacts.__dataclass_fields__)
    assert (kept["mfa"], kept["phone_sign_in"], kept["recovery"]) == ("ON", "alias", ["admin_only"])


@pytest.mark.parametrize(
    "pool",
    [
        a_pool(),
        a_pool(mfa=MfaMode.ON, phone_sign_in=PhoneSignIn.ALIAS, recovery=("admin_only",), estimated_users=7),
    ],
)
def test_the_facts_of_a_pool_come_back(pool: PoolFacts) -> None:
    assert pool_from_json(pool_to_json(pool)) == pool


def test_facts_of_another_version_are_read_as_far_as_they_are_known() -> None:
    text = json.dumps({"id": "x_1", "name": "x", "mfa": "ON", "sms_configured": True, "moon_phase": "full"})

    assert pool_from_json(text) == PoolFacts(id="x_1", name="x", mfa=MfaMode.ON, sms_configured=True)
