"""Whether the caller has the permissions of the command (`checks.permissions`)."""

from collections.abc import Mapping

from migrate_mfa.checks.findings import Code, Finding, Level, Unknown
from migrate_mfa.checks.permissions import PERMISSIONS
from migrate_mfa.checks.snapshot import NO_PRINCIPAL, Decision, PoolSnapshot
from migrate_mfa.domain.failure import POLICY

_CODE = Code.CALLER_PERMISSIONS
_Decisions = Mapping[str, Decision]


def caller_findings(snapshot: PoolSnapshot) -> list[Finding]:
    """A denied action is a failure if it is required, an info if it is optional."""
    caller, verb = snapshot.caller, snapshot.scope.verb
    if caller is None:
        return []
    printing = f"{POLICY} {verb} --user-pool-id {snapshot.facts.id}"
    impact = f"Without them, `{verb}` ends with exit code 5 or reports less."
    if isinstance(caller.decisions, Unknown):
        return [_unknown(caller.decisions, printing, impact)]
    optional = _such(caller.decisions, Decision.DENIED, verb, required=False)
    found = [_required(caller.decisions, verb, impact, printing)]
    if optional:
        observed = f"Your credentials do not allow these optional actions of {verb}: {', '.join(optional)}."
        found.append(
            Finding(Code.CALLER_OPTIONAL, Level.INFO, observed, impact, "Allow them for a fuller report.")
        )
    return found


def _unknown(decisions: Unknown, printing: str, impact: str) -> Finding:
    if decisions.code == NO_PRINCIPAL:
        observed = "Could not be checked: your credentials are those of the root user or of a federated user."
        return Finding(_CODE, Level.UNCHECKED, observed, impact, "Use an IAM role or IAM user.")
    remedy = f"Allow iam:SimulatePrincipalPolicy, or compare with what this prints:\n  {printing}"
    return decisions.finding(_CODE, impact, remedy)


def _required(decisions: _Decisions, verb: str, impact: str, printing: str) -> Finding:
    if denied := _such(decisions, Decision.DENIED, verb, required=True):
        observed = f"Your credentials do not allow: {', '.join(denied)}."
        return Finding(
            _CODE,
            Level.FAILURE,
            observed,
            impact,
            f"Attach the policy that this prints:\n  {printing}",
        )
    if unsure := _such(decisions, Decision.UNSURE, verb, required=True):
        observed = f"Allowed only under conditions that cannot be checked here: {', '.join(unsure)}."
        return Finding(_CODE, Level.UNCHECKED, observed, impact, "Check the conditions in the policies.")
    return Finding(_CODE, Level.OK, f"Your credentials allow all actions that {verb} needs.")


def _such(decisions: _Decisions, decision: Decision, verb: str, *, required: bool) -> list[str]:
    """The actions of a command with this decision; an action without a decision is unsure."""
    wanted = [each.action for each in PERMISSIONS[verb] if each.required is required]
    return [action for action in wanted if decisions.get(action, Decision.UNSURE) is decision]
