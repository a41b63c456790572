"""The account around the pools: STS GetCallerIdentity, and the SMS settings of SNS.

Sources: AWS STS API Reference, "GetCallerIdentity"; Amazon SNS API Reference,
"GetSMSSandboxAccountStatus", "ListSMSSandboxPhoneNumbers", "GetSMSAttributes" and
"CheckIfPhoneNumberIsOptedOut".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.operations.registry import SNS, STS, operation
from migrate_mfa.simulator.server.query import Entries, listed

if TYPE_CHECKING:
    from migrate_mfa.simulator.account.world import Params, World


@operation("GetCallerIdentity", "STS", STS)
def get_caller_identity(world: World, _: Params) -> dict[str, Any]:
    """Show the caller: always the same user, unless the pool file names another."""
    return {"Arn": world.caller_arn, "UserId": "AIDASIMULATOR", "Account": world.account}


@operation("GetSMSSandboxAccountStatus", "SNS", SNS)
def get_sms_sandbox_account_status(world: World, _: Params) -> dict[str, Any]:
    """Say whether only verified numbers get messages."""
    return {"IsInSandbox": world.outbox.sns.sandbox}


@operation("ListSMSSandboxPhoneNumbers", "SNS", SNS)
def list_sms_sandbox_phone_numbers(world: World, _: Params) -> dict[str, Any]:
    """List the verified numbers; an account has few, so that there is one page."""
    numbers = world.outbox.sns.verified_numbers
    return {"PhoneNumbers": [{"PhoneNumber": number, "Status": "Verified"} for number in numbers]}


@operation("GetSMSAttributes", "SNS", SNS)
def get_sms_attributes(world: World, params: Params) -> dict[str, Any]:
    """Show the settings that have been made; a limit that nobody set is not among them."""
    limit = world.outbox.sns.monthly_spend_limit_usd
    made = {} if limit is None else {"MonthlySpendLimit": f"{limit:g}"}
    wanted = listed(params, "attributes")
    return {"attributes": Entries({k: v for k, v in made.items() if not wanted or k in wanted})}


@operation("CheckIfPhoneNumberIsOptedOut", "SNS", SNS)
def check_if_phone_number_is_opted_out(world: World, params: Params) -> dict[str, Any]:
    """Say whether a number has asked to receive nothing."""
    number = params.get("phoneNumber", "")
    if not re.fullmatch(r"\+[0-9]{1,15}", number):
        raise CognitoError("InvalidParameter", "Invalid parameter: PhoneNumber")
    return {"isOptedOut": number in world.outbox.sns.opted_out}
