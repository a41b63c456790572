"""Whether the caller may do what the command does (`domain.permissions`)."""

from collections.abc import Mapping

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.permissions import PERMISSIONS
from migrate_mfa.checks.snapshot import NO_PRINCIPAL, Decision, PoolPicture

_CODE = Code.CALLER_PERMISSIONS
_Decisions = Mapping[str, Decision]


def caller_findings(picture: PoolPicture) -> list[Finding]:
    """Required actions that are denied are a failure, optional ones an info."""
    caller, verb = picture.caller, picture.wishes.verb
    if caller is None:
        return []
    why = f"Without them `{verb}` ends with exit code 5, or knows less."
    if isinstance(caller.decisions, Unknown):
        return [_unknown(caller.decisions, verb, why)]
    optional = _such(caller.decisions, Decision.DENIED, verb, required=False)
    found = [_required(caller.decisions, verb, why)]
    if optional:
        saw = f"This caller may not do, and {verb} does without: {', '.join(optional)}."
        found.append(Finding(Code.CALLER_OPTIONAL, Level.INFO, saw, why, "Allow them to know more."))
    return found


def _unknown(decisions: Unknown, verb: str, why: str) -> Finding:
    if decisions.code == NO_PRINCIPAL:
        saw = "Could not be checked: this caller is the root user, or a federated one."
        return Finding(_CODE, Level.UNCHECKED, saw, why, "Use a role or a user of IAM.")
    remedy = f"Allow iam:SimulatePrincipalPolicy, or compare with the policy for {verb} in the README."
    return decisions.finding(_CODE, why, remedy)


def _required(decisions: _Decisions, verb: str, why: str) -> Finding:
    if denied := _such(decisions, Decision.DENIED, verb, required=True):
        saw = f"This caller may not do: {', '.join(denied)}."
        return Finding(_CODE, Level.FAILURE, saw, why, f"Give it the policy for {verb} in the README.")
    if unsure := _such(decisions, Decision.UNSURE, verb, required=True):
        saw = f"Conditions of real requests decide about: {', '.join(unsure)}."
        return Finding(_CODE, Level.UNCHECKED, saw, why, "Look at the conditions of the policies.")
    return Finding(_CODE, Level.OK, f"This caller may do all that {verb} needs.")


def _such(decisions: _Decisions, decision: Decision, verb: str, *, required: bool) -> list[str]:
    """The actions of a command that were decided so; one that nobody decided is unsure."""
    wanted = [each.action for each in PERMISSIONS[verb] if each.required is required]
    return [action for action in wanted if decisions.get(action, Decision.UNSURE) is decision]
