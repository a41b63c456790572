import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from migrate_mfa.journal.values import (
    codes,
    pool_from_json,
    pool_to_json,
    state_from_json,
    state_to_json,
    steps_from_text,
    steps_to_text,
)
from tests.support.builders import PHONE, a_pool, a_user

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
    assert steps_from_text(steps_to_text(plan)) == plan


@everything
@given(states)
def test_a_users_state_comes_back_as_it_went(state: UserState) -> None:
    assert state_from_json(state_to_json(state)) == state


def test_a_state_is_short_and_only_what_is_unusual_stands_in_it() -> None:
    text = state_to_json(a_user("ann", sub="a-sub", email="ann@example.com", modified=7.0))

    assert text == '{"u":"ann","i":"a-sub","e":"ann@example.com","t":7.0,"m":{},"c":CHECK}'.replace(
        "CHECK", str(json.loads(text)["c"])
    )


def test_the_long_state_of_an_old_journal_can_still_be_read() -> None:
    text = (
        '{"username": "ann", "sub": "a-sub", "status": "CONFIRMED", "enabled": true, "email": null,'
        ' "email_verified": false, "phone": "+819012345678", "phone_verified": true, "modified": 7.5,'
        ' "mfa": {"enabled": ["SMS_MFA"], "preferred": "SMS_MFA", "legacy_sms": false, "passkey": true}'
    )
    user = a_user("ann", sub="a-sub", email=None, email_verified=False, phone=PHONE, phone_verified=True)
    mfa = MfaState(enabled=frozenset({"SMS_MFA"}), preferred="SMS_MFA", legacy_sms=False, passkey=True)
    state = replace(user, modified=7.5, mfa=mfa)

    assert state_from_json(text + "}") == state
    assert state_from_json(text + ', "check": 2490686592}') == state
    with pytest.raises(ValueError, match="checksum"):
        state_from_json(text + ', "check": 2490686593}')


@pytest.mark.parametrize("damage", ["[]", "7", "{}", '{"u":"ann","i":"a-sub","t":7.0}', '{"u":"ann"'])
def test_what_is_no_state_is_not_taken_for_one(damage: str) -> None:
    with pytest.raises((TypeError, ValueError), match=r"no state|checksum|delimiter"):
        state_from_json(damage)


def test_unknown_mfa_settings_stay_unknown() -> None:
    assert state_from_json(state_to_json(a_user(mfa=None))).mfa is None


def test_a_step_that_this_version_does_not_know_is_no_other_step() -> None:
    with pytest.raises(ValueError, match="delete_user"):
        steps_from_text('[{"do": "delete_user"}]')
    with pytest.raises(ValueError, match="D"):
        steps_from_text("D")


def test_an_old_journal_can_still_be_read() -> None:
    text = (
        '[{"do": "store_phone", "phone": "+819012345678", "verified": true}, '
        '{"do": "set_sms_mfa", "enabled": true, "preferred": false}]'
    )

    assert steps_from_text(text) == (
        StorePhone(Phone(PHONE), verified=True),
        SetSmsMfa(enabled=True, preferred=False),
    )
    assert codes(text) == codes(codes(text)) == f"V{PHONE} S10"


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
