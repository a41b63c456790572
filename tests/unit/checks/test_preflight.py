from typing import Any

import pytest

from migrate_mfa.checks.preflight import require_policy, require_sms_mfa
from migrate_mfa.domain.errors import ExitCode, PoolNotReady
from migrate_mfa.domain.model import MfaMode, VerificationPolicy
from tests.support.builders import AT_SIGN_IN, ATTESTED, BY_CODE, BY_COLUMN, a_pool


@pytest.mark.parametrize(
    "changes",
    [
        {"mfa": MfaMode.OFF},
        {"mfa": MfaMode.OFF, "sms_configured": False},
        {"sms_configured": False},
        {"mfa": MfaMode.ON, "sms_configured": False},
        {"sms_failure": "InvalidSmsRoleAccessPolicyException"},
        {"sms_failure": "InvalidSmsRoleTrustRelationshipException"},
        {"phone_mutable": False},
    ],
)
def test_a_pool_in_which_enrolment_would_have_no_effect_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PoolNotReady) as refusal:
        require_sms_mfa(a_pool(**changes))

    assert refusal.value.exit_code == ExitCode.POOL_NOT_READY
    assert refusal.value.hint


@pytest.mark.parametrize(
    "changes",
    [{}, {"mfa": MfaMode.ON}, {"sms_failure": "SNSSandbox"}, {"phone_auto_verified": True}],
)
def test_a_pool_that_can_send_codes_is_accepted(changes: dict[str, Any]) -> None:
    require_sms_mfa(a_pool(**changes))


PLAIN = a_pool()
REQUIRED = a_pool(mfa=MfaMode.ON)
HOLDS_BACK = a_pool(phone_needs_proof=True, phone_auto_verified=True)
BOTH = a_pool(mfa=MfaMode.ON, phone_needs_proof=True, phone_auto_verified=True)


@pytest.mark.parametrize(
    ("pool", "allowed"),
    [
        (PLAIN, {BY_CODE, ATTESTED, AT_SIGN_IN, BY_COLUMN}),
        (REQUIRED, {ATTESTED, AT_SIGN_IN}),
        (HOLDS_BACK, {ATTESTED}),
        (BOTH, {ATTESTED}),
    ],
    ids=["optional", "required", "holds numbers back", "both"],
)
@pytest.mark.parametrize("policy", list(VerificationPolicy))
def test_a_policy_that_would_do_harm_in_this_pool_is_refused(
    pool: Any, allowed: set[VerificationPolicy], policy: VerificationPolicy
) -> None:
    if policy in allowed:
        require_policy(pool, [policy])
    else:
        with pytest.raises(PoolNotReady) as refusal:
            require_policy(pool, [policy])
        assert policy in refusal.value.message
        assert refusal.value.hint


def test_one_harmful_policy_among_several_is_enough() -> None:
    with pytest.raises(PoolNotReady):
        require_policy(REQUIRED, [ATTESTED, BY_CODE])


def test_no_policy_at_all_harms_nobody() -> None:
    require_policy(BOTH, [])
