"""The changes of setup-pool as text."""

import json

from migrate_mfa.domain.formatting import folded
from migrate_mfa.pool_setup.plan import SetupPlan
from migrate_mfa.pool_setup.role import PUBLISH

_ONE_WAY = (
    "This cannot be undone: once a pool sends SMS, neither the SMS configuration nor SMS as a factor can be "
    "removed from it again."
)
_INFRASTRUCTURE = (
    "If Terraform or CloudFormation owns this pool, its next run would turn this back. Change the code "
    "instead: --print-only gives what belongs there."
)


def difference(plan: SetupPlan) -> str:
    """The changes of setup-pool: each member, the role's documents, and what cannot be undone."""
    facts = plan.pool.facts
    lines = [f"Setup of pool {facts.name} ({facts.id})", ""]
    for change in plan.changes:
        lines += [change.where, f"    {change.before or '(none)'}", f"  → {change.after or '(none)'}"]
    lines += ["", folded(f"Kept as they are: {', '.join(plan.kept) or 'no other block is there'}.")]
    if plan.role is not None:
        lines += ["", f"The role {plan.role.name}, with this trust policy:"]
        lines += json.dumps(plan.role.trust, indent=2).splitlines()
        lines += ["and this inline policy:", *json.dumps(PUBLISH, indent=2).splitlines()]
    for text in (_ONE_WAY, _INFRASTRUCTURE):
        lines += ["", folded(text)]
    return "\n".join(lines)
