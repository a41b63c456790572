"""The pool's own settings: whether writes to its users have the intended effect. Some also refuse a `run`.

Sources: Cognito Developer Guide, "Adding MFA to a user pool", "SMS and email message MFA", "Configuring email
or phone verification", "Updating user pool and app client configuration"; API reference,
"SetUserPoolMfaConfig" and "UserPoolType".
"""

from collections.abc import Collection
from dataclasses import replace

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.snapshot import PoolSnapshot
from migrate_mfa.domain.failure import UNKNOWN_TO_SDK
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import MfaMode, PhoneSignIn, PoolFacts, VerificationPolicy
from migrate_mfa.domain.point_in_time_recovery import LIST, REACH_DAYS, pausing
from migrate_mfa.domain.reasons import Reason

_NOT_IN_PLAN = "FeatureUnavailableInTierException"
_UNPROVED = frozenset({VerificationPolicy.BY_CODE, VerificationPolicy.BY_COLUMN})
_SETUP = (
    "migrate-mfa setup-pool switches the pool to MFA OPTIONAL with SMS, after asking. SMS cannot be removed "
    "from a pool again later."
)


def mfa_mode(pool: PoolFacts, policy: VerificationPolicy | None) -> Finding:
    """MfaConfiguration: with OFF, writes have no effect; with ON, numbers are used at once."""
    code = Code.MFA_MODE
    if pool.mfa is MfaMode.OFF:
        impact = (
            "Enrolling users would have no effect: Cognito accepts the calls but asks no user for a code."
        )
        return Finding(code, Level.FAILURE, "MFA is switched off.", impact, _SETUP)
    if pool.mfa is MfaMode.OPTIONAL:
        return Finding(code, Level.OK, "MFA is optional: enrolled users are asked for a code.")
    if policy in _UNPROVED:
        return Finding(
            code,
            Level.FAILURE,
            "MFA is required (ON).",
            f"An unverified number would be used for MFA at once, which {policy} must not allow.",
            "Use --verification attested, or at-sign-in if a wrong number may lock its user out.",
        )
    return Finding(
        code,
        Level.WARNING,
        "MFA is required (ON).",
        "Every stored number is used for MFA at once, and users without a factor are locked out already. "
        "A user's MFA preference has no effect, and rollback cannot change it back.",
        "Make sure that the numbers are right; by-code and by-column are refused here.",
    )


def sms_factor(pool: PoolFacts, _: VerificationPolicy | None) -> Finding:
    """Whether SMS is among the pool's factors."""
    if pool.sms_configured:
        return Finding(Code.SMS_FACTOR, Level.OK, "SMS is configured as a factor.")
    impact = "The pool cannot send codes. Enrolled users would not be asked for one, or could not sign in."
    return Finding(Code.SMS_FACTOR, Level.FAILURE, "There is no SMS configuration.", impact, _SETUP)


def sms_failure(pool: PoolFacts, _: VerificationPolicy | None) -> Finding:
    """SmsConfigurationFailure: what Cognito says about its last attempt to use the role."""
    code, failure = Code.SMS_FAILURE, pool.sms_failure
    if not failure:
        return Finding(code, Level.OK, "Cognito reports no failure of the SMS configuration.")
    if failure.startswith("InvalidSmsRole"):
        return Finding(
            code,
            Level.FAILURE,
            f"Cognito cannot send SMS: {failure}.",
            "Enrolled users could not sign in.",
            "Correct the role in SmsConfiguration first: trust policy, external id or permission to send.",
        )
    level = Level.INFO if failure == "SNSSandbox" else Level.WARNING
    return Finding(code, level, f"Cognito reports: {failure}.", "See sms_sandbox.", "See sms_sandbox.")


def phone_schema(pool: PoolFacts, _: VerificationPolicy | None) -> Finding:
    """Whether phone_number can be changed at all."""
    if pool.phone_mutable:
        return Finding(Code.PHONE_SCHEMA, Level.OK, "phone_number can be changed.")
    return Finding(
        Code.PHONE_SCHEMA,
        Level.FAILURE,
        "phone_number cannot be changed (its schema says Mutable=false).",
        "No number can be stored for an existing user.",
        "This pool cannot be used: its schema is fixed when the pool is created.",
    )


def held_numbers(pool: PoolFacts, policy: VerificationPolicy | None) -> Finding:
    """AttributesRequireVerificationBeforeUpdate: whether a new number is stored at once."""
    code, observed = Code.HELD_NUMBERS, "The pool does not store a new number until it is verified."
    if not pool.phone_needs_proof:
        return Finding(code, Level.OK, "The pool stores a new number at once.")
    if policy is VerificationPolicy.ATTESTED:
        return Finding(
            code,
            Level.INFO,
            observed,
            "Numbers that are written as verified are stored at once.",
        )
    name = "any policy but attested" if policy is None else policy.value
    return Finding(
        code,
        Level.WARNING if policy is None else Level.FAILURE,
        observed,
        f"AttributesRequireVerificationBeforeUpdate has phone_number. With {name}, nothing would be stored.",
        "Use --verification attested: only numbers that you vouch for can be stored here.",
    )


def code_sms(pool: PoolFacts, policy: VerificationPolicy | None) -> Finding:
    """AutoVerifiedAttributes: whether writing a number makes Cognito send a code."""
    code, observed = Code.CODE_SMS, "The pool verifies phone_number automatically."
    if not pool.code_sms_on_unverified_write:
        return Finding(code, Level.OK, "Writing a number sends no code.")
    if policy is VerificationPolicy.ATTESTED:
        impact = (
            "By the API reference, storing a number as verified sends no code. The developer guide is less "
            "clear."
        )
        return Finding(code, Level.INFO, observed, impact, "Watch the SMS count of the first wave.")
    return Finding(
        code,
        Level.INFO if policy is None else Level.WARNING,
        observed,
        "For each number stored as unverified, Cognito sends a paid SMS. Only a signed-in user can enter its "
        "code, within 24 hours.",
        "Allow this many with --max-sms, or use --verification attested for numbers that you vouch for.",
    )


def phone_sign_in(pool: PoolFacts, _: VerificationPolicy | None) -> Finding:
    """Phone numbers as alias or username."""
    code = Code.PHONE_SIGN_IN
    if pool.phone_sign_in is PhoneSignIn.NO:
        return Finding(
            code, Level.OK, "Users do not sign in with phone numbers, so several users may share one."
        )
    if pool.phone_sign_in is PhoneSignIn.ALIAS:
        impact = (
            "If a number becomes verified for one user, Cognito takes it from any other user without an "
            "error. The user can then sign in with it. Such rows are phone_taken here."
        )
        return Finding(
            code, Level.WARNING, "phone_number is an alias.", impact, "Look at phone_taken in the plan."
        )
    impact = "Cognito refuses a number that another user has. Such rows are phone_taken here."
    return Finding(
        code, Level.WARNING, "phone_number is a username.", impact, "Look at phone_taken in the plan."
    )


REFUSALS = (mfa_mode, sms_factor, sms_failure, phone_schema)
"""Failures of these rules refuse every verification policy."""
POLICY_REFUSALS = (held_numbers, mfa_mode)
"""Failures of these rules refuse some verification policies."""
FACT_RULES = (*REFUSALS, held_numbers, code_sms, phone_sign_in)


def pool_writable(snapshot: PoolSnapshot) -> Finding | None:
    """Replication: users can be changed only in the primary Region ("OperationNotEnabledException")."""
    code, replica = Code.POOL_WRITABLE, snapshot.replica
    impact = "Users of a replica cannot be changed in this Region (OperationNotEnabledException)."
    if replica is None:
        return None
    if isinstance(replica, Unknown):
        remedy = "Allow cognito-idp:ListUserPoolReplicas; it matters only to pools in several Regions."
        return replica.finding(code, impact, remedy)
    if replica == "SECONDARY":
        return Finding(
            code,
            Level.FAILURE,
            "This is a replica of a pool in another Region.",
            impact,
            "Use the primary Region.",
        )
    observed = "It is the primary of its replicas." if replica else "It has no replicas."
    return Finding(code, Level.OK, observed)


def recovery(snapshot: PoolSnapshot) -> Finding:
    """See `password_recovery`."""
    return password_recovery(snapshot.facts, snapshot.scope.despite)


def password_recovery(pool: PoolFacts, despite: Collection[Reason]) -> Finding:
    """AccountRecoverySetting: a user with SMS MFA can no longer reset a password by SMS."""
    code = Code.RECOVERY
    if pool.recovers_by_admin_only:
        return Finding(
            code, Level.INFO, "Only administrators reset passwords.", "SMS MFA does not change that."
        )
    if not pool.recovers_by_email:
        return Finding(
            code,
            Level.WARNING if Reason.NO_RECOVERY_LEFT in despite else Level.FAILURE,
            "Passwords are recovered by SMS only.",
            "Users with SMS MFA cannot reset a password by SMS, so enrolled users have no way to recover.",
            "Add verified_email to AccountRecoverySetting, or admin_only if you reset passwords yourself.",
        )
    if pool.recovery is None:
        impact = (
            "Without this setting Cognito tries SMS first, then e-mail. Users with SMS MFA cannot reset "
            "their password by SMS."
        )
        remedy = "Set AccountRecoverySetting to verified_email, and look at no_recovery_left in the plan."
        return Finding(code, Level.WARNING, "There is no AccountRecoverySetting.", impact, remedy)
    impact = "Users without a verified e-mail address are left alone (no_recovery_left)."
    return Finding(code, Level.OK, "Passwords can be recovered by e-mail.", impact)


def recovery_in_progress(snapshot: PoolSnapshot) -> Finding | None:
    """Point-in-time recovery: the pool refuses writes until it has ended."""
    code, found = Code.RECOVERY_IN_PROGRESS, snapshot.recoveries
    if found is None:
        return None
    if isinstance(found, Unknown):
        return _recoveries_unknown(code, found)
    if recovery := pausing(found):
        observed = f"A point-in-time recovery is in progress: {recovery.status}, back to {recovery.moment}."
        impact = (
            "Until it ends, Cognito refuses every change of a user. Changes made since that moment are lost."
        )
        return Finding(code, Level.FAILURE, observed, impact, recovery.remedy)
    return Finding(code, Level.OK, "No point-in-time recovery is in progress.")


def _recoveries_unknown(code: Code, found: Unknown) -> Finding:
    impact = "While a point-in-time recovery is in progress Cognito refuses every change of a user."
    if found.code == _NOT_IN_PLAN:
        return Finding(code, Level.OK, "The feature plan has no point-in-time recovery.")
    finding = found.finding(code, impact, f"Allow cognito-idp:{LIST}.")
    if found.code == UNKNOWN_TO_SDK:
        remedy = "Update boto3 to 1.44.8 or newer, or check in the console that none is in progress."
        return replace(finding, level=Level.INFO, remedy=remedy)
    return finding


def recovery_reach(snapshot: PoolSnapshot) -> Finding | None:
    """How far back the whole pool can be restored, as a last resort."""
    code, days = Code.RECOVERY_REACH, REACH_DAYS.get(snapshot.details.tier)
    if days is None:
        return None
    plan = snapshot.details.tier.capitalize()
    if not days:
        observed = f"The pool has no point-in-time recovery: the feature plan is {plan}."
        return Finding(
            code, Level.INFO, observed, "`rollback` does not need it; it undoes a run user by user."
        )
    observed = f"Point-in-time recovery can restore the whole pool for {counted(days, 'day')} ({plan})."
    impact = "It undoes all changes of the pool; `rollback` undoes only those of a run, and keeps later ones."
    return Finding(code, Level.INFO, observed, impact, "Examine each wave within this time.")


RECOVERIES = (recovery_in_progress, recovery_reach)


def not_there(refusal: str) -> Finding:
    """The finding for a pool if DescribeUserPool fails with this error code."""
    if refusal == "OperationNotEnabledException":
        observed, impact = (
            "The pool cannot be changed in this Region.",
            "It may be a replica in another Region.",
        )
    else:
        observed, impact = (
            "The user pool does not exist.",
            "The pool id, the Region and the account do not match.",
        )
    remedy = "Check --user-pool-id, --region and the account of the credentials."
    return Finding(Code.POOL_WRITABLE, Level.FAILURE, observed, impact, remedy)


def owner(snapshot: PoolSnapshot) -> Finding | None:
    """A pool made by infrastructure code: its next deployment undoes manual changes."""
    stack = snapshot.details.stack
    if stack is None:
        return None
    impact = "The next deployment undoes changes made by hand or by setup-pool, or fails because of them."
    observed = f"The CloudFormation stack {stack} made this pool."
    return Finding(
        Code.POOL_OWNER, Level.INFO, observed, impact, "Change the pool's settings in its template."
    )
