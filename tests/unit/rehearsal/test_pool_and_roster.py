"""A pool like a plan's: its facts, read back from a simulator that was given them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.aws.user_pool import pool_facts
from migrate_mfa.domain.model import MfaMode, PhoneSignIn, PoolFacts
from migrate_mfa.rehearsal.pool_and_roster import pool_config
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.service import Service
from tests.support.builders import a_pool


def facts_of(config: Mapping[str, Any], like: PoolFacts) -> PoolFacts:
    """What the tool reads of a simulated pool with this configuration."""
    world = load_world({"pools": [{"id": like.id, "name": like.name, "config": dict(config)}]}, Path())
    service = Service(world, {}, keep_ledger=False)

    def ask(operation: str) -> dict[str, Any]:
        body = json.dumps({"UserPoolId": like.id}).encode()
        answer: dict[str, Any] = json.loads(
            service.answer_json(f"AWSCognitoIdentityProviderService.{operation}", body).body
        )
        return answer

    return pool_facts(ask("DescribeUserPool")["UserPool"], ask("GetUserPoolMfaConfig"))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"mfa": MfaMode.ON, "recovery": ("admin_only",), "estimated_users": 12_345},
        {"recovery": ("verified_phone_number", "verified_email"), "phone_auto_verified": True},
        {"phone_auto_verified": True, "phone_needs_proof": True, "case_sensitive": False},
        {"email_sign_in": True, "phone_sign_in": PhoneSignIn.ALIAS, "passkeys_at_risk": True},
        {"email_sign_in": True, "email_is_username": True, "phone_sign_in": PhoneSignIn.USERNAME},
        {"phone_sign_in": PhoneSignIn.USERNAME, "sms_failure": "SNSSandbox"},
        {"email_sign_in": True, "email_is_username": True},
    ],
)
def test_the_pool_that_is_made_of_facts_has_these_facts(changes: dict[str, Any]) -> None:
    facts = a_pool(id="ap-northeast-1_Rehearsal", **changes)

    assert facts_of(pool_config(facts), facts) == facts
