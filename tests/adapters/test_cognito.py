from typing import Any

import pytest

from migrate_mfa.adapters.cognito import pool_facts

LONG = "認証コードは {####} です。" * 5  # 85 characters, codes put in
SHORT = "Code {####}"


@pytest.mark.parametrize(
    ("pool", "mfa", "parts"),
    [
        ({}, {}, (1, 1)),
        ({"SmsVerificationMessage": LONG}, {}, (2, 1)),
        ({"SmsVerificationMessage": LONG, "VerificationMessageTemplate": {"SmsMessage": SHORT}}, {}, (1, 1)),
        ({"VerificationMessageTemplate": {"SmsMessage": LONG}}, {}, (2, 1)),
        ({"SmsAuthenticationMessage": LONG}, {}, (1, 2)),
        ({"SmsAuthenticationMessage": LONG}, {"SmsAuthenticationMessage": SHORT}, (1, 1)),
        ({}, {"SmsAuthenticationMessage": LONG}, (1, 2)),
    ],
)
def test_the_parts_of_a_message_are_those_of_the_pools_own_text(
    pool: dict[str, Any], mfa: dict[str, Any], parts: tuple[int, int]
) -> None:
    facts = pool_facts({"Id": "p_1", **pool}, {"SmsMfaConfiguration": mfa})

    assert (facts.code_sms_parts, facts.sign_in_sms_parts) == parts
