"""The path of a code from Cognito to a phone: the role, the account's limits, the text.

Sources: "SMS message settings for Amazon Cognito user pools", Cognito Developer Guide; "Using the Amazon SNS
SMS sandbox", Amazon SNS Developer Guide.
"""

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.snapshot import CheckScope, Decision, PoolSnapshot, Role, SmsPath
from migrate_mfa.checks.trust import EXTERNAL_ID, SOURCE_ACCOUNT, SOURCE_ARN, SOURCES, Trust, trust_of
from migrate_mfa.domain.sms import parts

_SANDBOX_NUMBERS = 10
"""The most destination numbers of a sandbox ("Using the Amazon SNS SMS sandbox")."""
_FIRST_LIMIT_USD = 1.0
"""A new account's monthly limit ("SMS message settings for Amazon Cognito user pools")."""
_CAUTIOUS_USD = 0.10
"""A monthly limit below this amount per user gives a warning. It is a cautious figure, not a price."""
_CANNOT_SIGN_IN = "Enrolled users would receive no code and could not sign in."


def sms_path(snapshot: PoolSnapshot) -> Finding | None:
    """Which service sends, and where."""
    if snapshot.details.own_sender:
        observed = "A Lambda function sends the messages (CustomSMSSender)."
        impact = "The role, sandbox and limit apply only if the function uses them. Only you can check it."
        return Finding(
            Code.SMS_PATH, Level.INFO, observed, impact, "Sign in one enrolled user before a large run."
        )
    path = snapshot.details.sms
    if path is None:
        return None
    return Finding(
        Code.SMS_PATH, Level.OK, f"{path.service} sends, in {path.region}, as role {path.role_name}."
    )


def _weight(snapshot: PoolSnapshot) -> Level:
    """A failure becomes a warning if a Lambda function replaces this path."""
    return Level.WARNING if snapshot.details.own_sender else Level.FAILURE


def role_findings(snapshot: PoolSnapshot) -> list[Finding]:
    """All findings about the role that sends."""
    path, role = snapshot.details.sms, snapshot.role
    if path is None or role is None:
        return []
    if isinstance(role, Unknown):
        return [_unread_role(snapshot, role)]
    context = {SOURCE_ACCOUNT: snapshot.account, SOURCE_ARN: snapshot.details.arn}
    if path.external_id is not None:
        context[EXTERNAL_ID] = path.external_id
    trust = trust_of(role.trust, context)
    found = [_trusted(snapshot, trust)]
    if trust is not None:
        found += [_external_id(snapshot, path, trust), _source(snapshot, trust)]
    return [*found, _publishes(snapshot, path, role)]


def _unread_role(snapshot: PoolSnapshot, role: Unknown) -> Finding:
    impact = "Cognito sends codes with this role, and cannot without it."
    if role.code != "NoSuchEntity":
        remedy = "Allow iam:GetRole, or check the role's trust policy yourself."
        return role.finding(Code.SMS_ROLE_TRUST, impact, remedy)
    return Finding(
        Code.SMS_ROLE_TRUST,
        _weight(snapshot),
        "The role in SmsConfiguration does not exist in this account.",
        _CANNOT_SIGN_IN,
        "Create it again, or give the pool another role.",
    )


def _trusted(snapshot: PoolSnapshot, trust: Trust | None) -> Finding:
    code = Code.SMS_ROLE_TRUST
    if trust is None:
        remedy = "Allow sts:AssumeRole for cognito-idp.amazonaws.com in its trust policy."
        observed = "The SMS role does not let Cognito assume it."
        return Finding(code, _weight(snapshot), observed, _CANNOT_SIGN_IN, remedy)
    if trust.others:
        observed = (
            f"The trust policy has conditions that cannot be checked from here: {', '.join(trust.others)}."
        )
        return Finding(
            code, Level.UNCHECKED, observed, _CANNOT_SIGN_IN, "Sign in one enrolled user with a code."
        )
    return Finding(code, Level.OK, "The SMS role lets Cognito assume it.")


def _external_id(snapshot: PoolSnapshot, path: SmsPath, trust: Trust) -> Finding:
    code = Code.SMS_ROLE_EXTERNAL_ID
    if trust.excludes(EXTERNAL_ID):
        observed = "The role's trust policy requires a different external id than the pool has."
        remedy = "Set sts:ExternalId in the trust policy to the ExternalId of SmsConfiguration."
        return Finding(code, _weight(snapshot), observed, _CANNOT_SIGN_IN, remedy)
    if trust.unclear(EXTERNAL_ID):
        return _unclear(code, "external id")
    if path.external_id is None or not trust.named(EXTERNAL_ID):
        whose = (
            "The pool has no ExternalId" if path.external_id is None else "The role requires no external id"
        )
        impact = "AWS documents an external id for SMS MFA. Without it, others could use the role."
        remedy = "Set the same ExternalId in SmsConfiguration and in the role's trust policy."
        return Finding(code, Level.WARNING, f"{whose}.", impact, remedy)
    return Finding(code, Level.OK, "The external ids of role and pool are equal.")


def _source(snapshot: PoolSnapshot, trust: Trust) -> Finding:
    code = Code.SMS_ROLE_SOURCE
    if trust.excludes(*SOURCES):
        observed = "The source account or source ARN in the role's trust policy excludes this pool."
        remedy = "Set aws:SourceAccount and aws:SourceArn in the trust policy to this pool."
        return Finding(code, _weight(snapshot), observed, _CANNOT_SIGN_IN, remedy)
    if trust.unclear(*SOURCES):
        return _unclear(code, "source account or ARN")
    if not trust.named(*SOURCES):
        observed = "The role's trust policy names no source account or ARN."
        impact = "AWS recommends both, so that no other pool can use the role."
        return Finding(code, Level.INFO, observed, impact, "Add aws:SourceAccount and aws:SourceArn.")
    return Finding(code, Level.OK, "The source account and ARN in the role's trust policy match this pool.")


def _unclear(code: Code, what: str) -> Finding:
    observed = f"The trust policy's condition on the {what} cannot be checked from here."
    return Finding(code, Level.UNCHECKED, observed, _CANNOT_SIGN_IN, "Sign in one enrolled user with a code.")


def _publishes(snapshot: PoolSnapshot, path: SmsPath, role: Role) -> Finding:
    code, publishes = Code.SMS_ROLE_PUBLISH, role.publishes
    impact = f"Cognito needs {path.action} of this role to send SMS."
    look = f"Check the role's policies yourself: they must allow {path.action}."
    if isinstance(publishes, Unknown):
        return publishes.finding(code, impact, f"Allow iam:SimulatePrincipalPolicy. {look}")
    if publishes is Decision.UNSURE:
        return Finding(
            code, Level.UNCHECKED, "Only a real message shows whether the role may send.", impact, look
        )
    if publishes is Decision.DENIED:
        observed = f"The SMS role does not allow {path.action}."
        return Finding(code, _weight(snapshot), observed, _CANNOT_SIGN_IN, f"Allow {path.action} in it.")
    return Finding(code, Level.OK, f"The SMS role allows {path.action}.")


def sandbox(snapshot: PoolSnapshot) -> Finding | None:
    """The SMS sandbox, in which only a few verified numbers get SMS."""
    code, path, sending = Code.SMS_SANDBOX, snapshot.details.sms, snapshot.sending
    if path is None or sending is None:
        return None
    impact = f"In the sandbox, SMS go only to verified numbers, at most {_SANDBOX_NUMBERS}. {_CANNOT_SIGN_IN}"
    leave = f"Request production access to {path.service} in {path.region}."
    boxed = sending.sandbox
    if isinstance(boxed, Unknown) and snapshot.facts.sms_failure == "SNSSandbox":
        boxed = True  # Cognito reports the sandbox itself (API reference, UserPoolType)
    if isinstance(boxed, Unknown):
        look = (
            "Allow sms-voice:DescribeAccountAttributes"
            if path.eums
            else "Allow sns:GetSMSSandboxAccountStatus"
        )
        return boxed.finding(code, impact, f"{look}, or look in the console.")
    if not boxed:
        return Finding(code, Level.OK, f"{path.service} is out of the sandbox in {path.region}.")
    observed = f"{path.service} is in the SMS sandbox in {path.region}."
    users = snapshot.scope.users
    if users is not None and users <= _SANDBOX_NUMBERS:
        return Finding(
            code, Level.WARNING, observed, impact, f"Verify the numbers of all {users:,} users, or: {leave}"
        )
    return Finding(code, _weight(snapshot), observed, impact, leave)


def spend_limit(snapshot: PoolSnapshot) -> Finding | None:
    """The monthly spending limit, compared with what is planned."""
    code, path, sending = Code.SMS_SPEND_LIMIT, snapshot.details.sms, snapshot.sending
    if path is None or sending is None:
        return None
    impact = f"Beyond the limit, no SMS is sent until the month ends. {_expected(snapshot)}"
    raise_it = f"Compare it with your SMS price; if needed, raise it for {path.service} in {path.region}."
    limit = sending.limit_usd
    if isinstance(limit, Unknown):
        look = "Allow sms-voice:DescribeSpendLimits" if path.eums else "Allow sns:GetSMSAttributes"
        return limit.finding(code, impact, f"{look}, or look in the console.")
    if limit is None:
        observed = f"No monthly spending limit is set in {path.region}: accounts start with USD 1.00."
        return Finding(code, Level.WARNING, observed, impact, raise_it)
    observed = f"The monthly spending limit in {path.region} is USD {limit:,.2f}."
    if limit == 0:
        return Finding(code, _weight(snapshot), observed, _CANNOT_SIGN_IN, raise_it)
    return Finding(
        code, Level.WARNING if _tight(snapshot.scope, limit) else Level.INFO, observed, impact, raise_it
    )


def _tight(scope: CheckScope, limit_usd: float) -> bool:
    """Whether the limit is too low: by the given prices, in dollars, else by a cautious figure per user."""
    needed = _CAUTIOUS_USD * (scope.users or 0) if scope.sms_cost is None else scope.sms_cost
    return limit_usd <= _FIRST_LIMIT_USD or limit_usd < needed


def _expected(snapshot: PoolSnapshot) -> str:
    scope = snapshot.scope
    if scope.users is None:
        return "Each sign-in of an enrolled user with a password costs one SMS."
    codes = f"{scope.codes:,} codes, then " if scope.codes else ""
    cost = f" The codes and one sign-in each cost {scope.sms_cost:,.2f}." if scope.sms_cost else ""
    return f"Planned: {codes}one SMS for each sign-in with a password of {scope.users:,} users.{cost}"


def message_text(snapshot: PoolSnapshot) -> Finding | None:
    """How many SMS parts a sign-in message is billed as."""
    text, code = snapshot.details.sms_text, Code.SMS_TEXT
    if snapshot.details.sms is None or text is None:
        return None
    number = parts(text)
    if number == 1:
        return Finding(code, Level.OK, "The text of a sign-in code fits one SMS.")
    impact = (
        "Each part is billed. A part has 160 characters of GSM 7-bit, or 70 if any character is outside it."
    )
    observed = f"The text of a sign-in code takes {number} SMS."
    return Finding(code, Level.WARNING, observed, impact, "Shorten SmsAuthenticationMessage.")


def origin(snapshot: PoolSnapshot) -> Finding | None:
    """The number or name that sends the messages."""
    code, path = Code.SMS_ORIGIN, snapshot.details.sms
    if path is None or snapshot.details.own_sender:
        return None
    if path.origin is not None:
        return Finding(code, Level.OK, "The pool names an origination identity.")
    observed = "The pool names no origination identity."
    impact = "SMS to the United States and some other countries need a registered identity."
    return Finding(
        code, Level.INFO, observed, impact, f"Register one with {path.service} if you send SMS there."
    )


def delivery_logs(snapshot: PoolSnapshot) -> Finding | None:
    """Whether failed deliveries of messages are logged."""
    code, logged = Code.DELIVERY_LOGS, snapshot.logs_delivery
    if logged is None:
        return None
    impact = "If a message is not delivered, Cognito still reports success; only its log shows the failure."
    if isinstance(logged, Unknown):
        return logged.finding(code, impact, "Allow cognito-idp:GetLogDeliveryConfiguration.")
    if logged:
        return Finding(code, Level.OK, "Failures to deliver messages are logged.")
    remedy = "Export message delivery errors (user notification logs) before a large run."
    return Finding(code, Level.INFO, "Failures to deliver messages are not logged.", impact, remedy)


RULES = (sms_path, sandbox, spend_limit, message_text, origin, delivery_logs)
