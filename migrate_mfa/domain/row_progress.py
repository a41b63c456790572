"""The state of a user whose row is not done: what was written so far, by the journal."""

from collections.abc import Sequence

from migrate_mfa.domain.model import ClearPhone, MarkUnverified, SetSmsMfa, StorePhone
from migrate_mfa.domain.rollback import Write
from migrate_mfa.domain.rows import PlannedBy

_AGAIN = "run the same command again."


def where_it_stands(verb: PlannedBy, writes: Sequence[Write]) -> str:
    """One sentence about a user whose row is still open: what was written, and what to do.

    Args:
        verb: the command that the row is planned for.
        writes: the row's writes so far, oldest first, without refused ones.
    """
    match verb:
        case PlannedBy.REPAIR:
            return f"SMS MFA is not known to be on again yet; {_AGAIN}"
        case PlannedBy.ROLLBACK:
            return f"{_given_back(writes)}; {_AGAIN}"
        case PlannedBy.RUN | PlannedBy.RECONCILE | PlannedBy.DISABLE:
            said = [*_number(verb, writes), *_mfa(verb, writes)] if writes else ["Not done yet"]
            return f"{', '.join(said)}; {_AGAIN}"


def stored_number(writes: Sequence[Write]) -> str | None:
    """The number that these writes left in the pool, as far as their answers tell."""
    stored = None
    for write in writes:
        if write.sure and isinstance(write.step, StorePhone):
            stored = write.step.phone.e164
        elif isinstance(write.step, ClearPhone | MarkUnverified):
            stored = None
    return stored


def _number(verb: PlannedBy, writes: Sequence[Write]) -> list[str]:
    stores = [(write.step, write.sure) for write in writes if isinstance(write.step, StorePhone)]
    if not stores:
        return []
    if not any(sure for _, sure in stores):
        return ["The number may be stored (Cognito's answer is missing)"]
    # The writes do not tell whether the user has verified it since.
    verified = verb is PlannedBy.RUN and any(step.verified and sure for step, sure in stores)
    return [f"The number is stored{' and verified' if verified else ''}"]


def _mfa(verb: PlannedBy, writes: Sequence[Write]) -> list[str]:
    wanted = "off" if verb is PlannedBy.DISABLE else "on"
    switches = [write for write in writes if isinstance(write.step, SetSmsMfa)]
    if not switches:
        return [f"SMS MFA is not switched {wanted} yet"]
    if switches[-1].sure:
        return [f"SMS MFA is switched {wanted} but was not checked yet"]
    return [f"SMS MFA may be {wanted} (Cognito's answer is missing)"]


def _given_back(writes: Sequence[Write]) -> str:
    switches = [(write.step, write.sure) for write in writes if isinstance(write.step, SetSmsMfa)]
    if not switches or switches[-1][0].enabled:
        return "Not restored yet"
    number = ", and the number that was stored is still there" if stored_number(writes) else ""
    return f"SMS MFA {'is' if switches[-1][1] else 'may be'} off again{number}"
