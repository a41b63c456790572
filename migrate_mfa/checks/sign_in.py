"""How users sign in: what SMS MFA changes for them, and which ways to sign in bypass it.

Sources: Cognito Developer Guide, "Adding MFA to a user pool", "Working with user devices", "Refresh tokens",
"Customizing user pool workflows with Lambda triggers", "User pool feature plans".
"""

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.snapshot import AppClient, AppClients, PoolSnapshot
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import MfaMode

_PASSWORD_FLOWS = frozenset(
    {
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
        "ALLOW_ADMIN_USER_PASSWORD_AUTH",
        "ALLOW_USER_AUTH",
        "USER_PASSWORD_AUTH",
        "ADMIN_NO_SRP_AUTH",
    }
)
"""Flows in which a password is followed by MFA."""
_CUSTOM_FLOWS = frozenset({"ALLOW_CUSTOM_AUTH", "CUSTOM_AUTH_FLOW_ONLY"})
_SHORTEST_SESSION_MIN = 3
_LONG_REFRESH_DAYS = 30
_NAMES_SHOWN = 5


def first_factors(snapshot: PoolSnapshot) -> Finding:
    """Passkeys and one-time passwords as first factors."""
    code, pool = Code.FIRST_FACTORS, snapshot.facts
    others = sorted(snapshot.details.first_factors - {"PASSWORD"})
    if not others:
        return Finding(code, Level.OK, "Users sign in with passwords only.")
    observed = f"Users may sign in without a password: {', '.join(others)}."
    if others == ["WEB_AUTHN"] and not pool.passkeys_at_risk:
        impact = "A passkey counts as MFA here (MULTI_FACTOR_WITH_USER_VERIFICATION) for users with MFA."
        return Finding(code, Level.INFO, observed, impact, "Look at has_passkey in the plan.")
    impact = (
        "One-time passwords do not work with required MFA: users sign in with a password."
        if pool.mfa is MfaMode.ON
        else "After enrolment in SMS MFA a user can sign in only with a password."
    )
    impact += " Users with a passkey are left alone (has_passkey)."
    return Finding(
        code, Level.WARNING, observed, impact, "Tell these users, or leave them out of the roster."
    )


def other_factors(snapshot: PoolSnapshot) -> Finding | None:
    """An authenticator app in addition to SMS."""
    if snapshot.details.totp or snapshot.details.sms is None:
        return None
    impact = "SMS is the weaker factor, and users cannot choose another one."
    remedy = "Consider offering authenticator apps as well."
    return Finding(Code.OTHER_FACTORS, Level.INFO, "Authenticator apps are not offered.", impact, remedy)


def devices(snapshot: PoolSnapshot) -> Finding:
    """Remembered devices skip MFA."""
    challenge, code = snapshot.details.device_challenge, Code.DEVICES
    if challenge is None:
        return Finding(code, Level.OK, "Devices are not remembered.")
    if not challenge:
        observed = "Remembered devices are asked for a code too."
        return Finding(code, Level.OK, observed)
    impact = "Users are not asked for a code on a remembered device."
    return Finding(
        code,
        Level.INFO,
        "Remembered devices skip MFA.",
        impact,
        "Forget the devices if a code must always be asked for.",
    )


def phone_required(snapshot: PoolSnapshot) -> Finding | None:
    """A schema that requires phone_number: it cannot be removed again."""
    if not snapshot.details.phone_required:
        return None
    impact = "rollback cannot remove a stored number from a user who had none before."
    return Finding(Code.PHONE_REQUIRED, Level.INFO, "The schema requires phone_number.", impact)


def triggers(snapshot: PoolSnapshot) -> Finding:
    """Lambda functions that run at sign-in or for messages."""
    named = snapshot.details.triggers
    if not named:
        return Finding(Code.TRIGGERS, Level.OK, "There are no Lambda triggers.")
    impact = (
        "They run at sign-in or for messages, and can make either fail. Storing an attested number and "
        "setting the MFA preference run none of them."
    )
    observed = f"Lambda triggers: {', '.join(named)}."
    return Finding(
        Code.TRIGGERS, Level.INFO, observed, impact, "Sign in one enrolled user before a large run."
    )


def message_trigger(snapshot: PoolSnapshot) -> Finding | None:
    """A CustomMessage function must answer within five seconds, or the call fails."""
    if "CustomMessage" not in snapshot.details.triggers:
        return None
    impact = (
        "It writes the text of code messages. If it fails or takes more than 5 s, the sign-in or write fails."
    )
    remedy = (
        "Test it with CustomMessage_Authentication. A long text is billed as several SMS, as in sms_text."
    )
    return Finding(
        Code.CUSTOM_MESSAGE, Level.WARNING, "A Lambda function writes the messages.", impact, remedy
    )


def managed_login(snapshot: PoolSnapshot) -> Finding | None:
    """Managed login: Cognito's own sign-in pages."""
    if snapshot.details.domain is None:
        return None
    impact = "Its pages ask for the code themselves. A code is valid for 3 minutes, a session for an hour."
    return Finding(
        Code.MANAGED_LOGIN, Level.INFO, f"Managed login is on ({snapshot.details.domain}).", impact
    )


def tier(snapshot: PoolSnapshot) -> Finding:
    """The feature plan."""
    plan, code = snapshot.details.tier, Code.TIER
    if plan == "LITE":
        impact = "SMS MFA works in every plan; e-mail MFA and passkeys need Essentials."
        return Finding(code, Level.INFO, "The feature plan is Lite.", impact)
    return Finding(code, Level.OK, f"The feature plan is {plan.capitalize()}.")


def threat_protection(snapshot: PoolSnapshot) -> Finding | None:
    """With adaptive authentication, the risk of a sign-in also decides whether a code is asked for."""
    mode = snapshot.details.threat_protection
    if mode == "OFF":
        return None
    impact = "With automatic responses, a risky sign-in can require a code or be blocked."
    return Finding(Code.THREAT_PROTECTION, Level.INFO, f"Threat protection is {mode}.", impact)


def challenge_name(snapshot: PoolSnapshot) -> Finding | None:
    """The user name with which an app must answer a challenge."""
    if not snapshot.facts.email_sign_in:
        return None
    impact = "While a number is unverified, apps that answer SMS_MFA with the e-mail address have failed."
    remedy = "Let your app answer with USER_ID_FOR_SRP of the challenge."
    return Finding(Code.CHALLENGE_NAME, Level.INFO, "Users sign in with e-mail addresses.", impact, remedy)


def client_findings(snapshot: PoolSnapshot) -> list[Finding]:
    """The flows, sessions and refresh tokens of all app clients."""
    clients = snapshot.clients
    if clients is None:
        return []
    if isinstance(clients, Unknown):
        impact = "The flows of the app clients decide whether users are asked for a code."
        remedy = "Allow cognito-idp:ListUserPoolClients and cognito-idp:DescribeUserPoolClient."
        return [clients.finding(Code.CLIENT_FLOWS, impact, remedy)]
    bounded = [_bounded(clients)] if clients.more or clients.listed > len(clients.seen) else []
    return [_flows(clients), *_sessions(clients.seen), *bounded]


def _flows(clients: AppClients) -> Finding:
    code, seen = Code.CLIENT_FLOWS, clients.seen
    if not seen:
        impact = "Nobody can sign in without an app client."
        return Finding(code, Level.WARNING, "There is no app client.", impact, "Create one for your app.")
    past = [each for each in seen if not each.flows & _PASSWORD_FLOWS and each.flows & _CUSTOM_FLOWS]
    asking = [each for each in seen if each.flows & _PASSWORD_FLOWS]
    if past:
        observed = f"Only custom flows, defined by Lambda functions: {_names(past)}."
        impact = "Users of these apps are asked for a code only if the functions ask for one."
        return Finding(
            code, Level.WARNING, observed, impact, "Look at DefineAuthChallenge, or let them use SRP."
        )
    if not asking:
        impact = "MFA follows a password, so without such a flow no user is asked for a code."
        observed = f"No app client lets users sign in with a password: {_names(seen)}."
        return Finding(
            code, Level.WARNING, observed, impact, "Allow ALLOW_USER_SRP_AUTH, or use managed login."
        )
    return Finding(
        code,
        Level.OK,
        f"{counted(len(asking), 'app client signs', 'app clients sign')} users in with a password, then MFA.",
    )


def _sessions(seen: tuple[AppClient, ...]) -> list[Finding]:
    short = [each for each in seen if each.session_min <= _SHORTEST_SESSION_MIN]
    long = [each for each in seen if each.refresh_days > _LONG_REFRESH_DAYS]
    found = []
    if short:
        impact = "A code that arrives later is rejected (AuthSessionValidity, 3 to 15 minutes)."
        observed = f"A code is valid for {_SHORTEST_SESSION_MIN} minutes: {_names(short)}."
        found.append(
            Finding(Code.CLIENT_SESSION, Level.INFO, observed, impact, "Raise it if SMS arrive slowly.")
        )
    if long:
        days = max(each.refresh_days for each in long)
        impact = "Existing sessions stay valid: a code is asked for only at the next sign-in with a password."
        observed = f"Refresh tokens last up to {days:,.0f} days: {_names(long)}."
        found.append(
            Finding(
                Code.CLIENT_REFRESH,
                Level.WARNING,
                observed,
                impact,
                "Sign out the users who need MFA sooner.",
            )
        )
    return found


def _bounded(clients: AppClients) -> Finding:
    listed = f"more than {clients.listed:,}" if clients.more else f"{clients.listed:,}"
    observed = f"Only {len(clients.seen):,} of {listed} app clients were read."
    impact = "The quota for reading them is small, and your applications use it too."
    return Finding(Code.CLIENTS_SEEN, Level.INFO, observed, impact, "Check the others yourself.")


def _names(clients: list[AppClient] | tuple[AppClient, ...]) -> str:
    shown = [each.name for each in clients[:_NAMES_SHOWN]]
    more = len(clients) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


RULES = (
    first_factors,
    other_factors,
    devices,
    phone_required,
    triggers,
    message_trigger,
    managed_login,
    tier,
    threat_protection,
    challenge_name,
)
