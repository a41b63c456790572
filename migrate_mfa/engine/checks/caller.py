"""Whether the caller may do what the command does (`domain.permissions`)."""

from collections.abc import Mapping

from migrate_mfa.domain.findings import Finding, Level, Unknown
from migrate_mfa.domain.permissions import PERMISSIONS
from migrate_mfa.domain.picture import NO_PRINCIPAL, Decision, PoolPicture

CODE = "caller_permissions"


def caller_findings(picture: PoolPicture) -> list[Finding]:
    """Required actions that are denied are a failure, optional ones an info."""
    caller, verb = picture.caller, picture.wishes.verb
    if caller is None:
        return []
    why = f"Without them `{verb}` ends with exit code 5, or knows less."
    if isinstance(caller.decisions, Unknown):
        if caller.decisions.code == NO_PRINCIPAL:
            saw = "Could not be checked: this caller is the root user, or a federated one."
            return [Finding(CODE, Level.UNCHECKED, saw, why, "Use a role or a user of IAM.")]
        remedy = f"Allow iam:SimulatePrincipalPolicy, or compare with the policy for {verb} in the README."
        return [caller.decisions.finding(CODE, why, remedy)]
    required = _lacking(caller.decisions, verb, required=True)
    unsure = _unsure(caller.decisions, verb)
    found = []
    if required:
        saw = f"This caller may not do: {', '.join(required)}."
        found.append(Finding(CODE, Level.FAILURE, saw, why, f"Give it the policy for {verb} in the README."))
    elif unsure:
        saw = f"Conditions of real requests decide about: {', '.join(unsure)}."
        found.append(Finding(CODE, Level.UNCHECKED, saw, why, "Look at the conditions of the policies."))
    else:
        found.append(Finding(CODE, Level.OK, f"This caller may do all that {verb} needs."))
    if optional := _lacking(caller.decisions, verb, required=False):
        saw = f"This caller may not do, and {verb} does without: {', '.join(optional)}."
        found.append(Finding("caller_optional", Level.INFO, saw, why, "Allow them to know more."))
    return found


def _lacking(decisions: Mapping[str, Decision], verb: str, *, required: bool) -> list[str]:
    wanted = [each.action for each in PERMISSIONS[verb] if each.required is required]
    return [action for action in wanted if decisions.get(action) is Decision.DENIED]


def _unsure(decisions: Mapping[str, Decision], verb: str) -> list[str]:
    wanted = [each.action for each in PERMISSIONS[verb] if each.required]
    return [action for action in wanted if decisions.get(action, Decision.UNSURE) is Decision.UNSURE]
