"""--max-sms: how many SMS with codes a run directory has caused, and may still cause."""

from collections.abc import Collection

from migrate_mfa.domain.errors import SmsLimitExceeded
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.invocation import Invocation


def require_sms_allowance(invocation: Invocation, verbs: Collection[PlannedBy]) -> None:
    """Refuse to send more SMS than `--max-sms`, counting those that were sent and those still planned.

    Work without any SMS is never refused: promotions, or the rest of a run.

    Raises:
        SmsLimitExceeded: says how many there would be.
    """
    allowed, expected = invocation.session.settings.cost.max_sms, sms_expected(invocation, verbs)
    if expected > allowed and invocation.forecast(verbs).sms:
        sent = invocation.work.unverified_writes()
        before = f"in all, {sent:,} of them before this pass" if sent else "with codes"
        raise SmsLimitExceeded(
            f"Cognito would send {expected:,} SMS {before}; --max-sms allows {allowed:,}.",
            "The pool verifies phone_number automatically, so storing an unverified number sends a code. "
            "Allow it with --max-sms, which counts all SMS of a run directory, including later waves, or "
            "use --verification attested for numbers that you vouch for.",
        )


def sms_left(invocation: Invocation, verbs: Collection[PlannedBy]) -> int:
    """How many SMS `--max-sms` still allows after those sent and planned."""
    return invocation.session.settings.cost.max_sms - sms_expected(invocation, verbs)


def sms_expected(invocation: Invocation, verbs: Collection[PlannedBy]) -> int:
    """How many SMS with codes there are in all: sent and planned."""
    if not invocation.session.pool.code_sms_on_unverified_write:
        return 0
    return invocation.work.unverified_writes() + invocation.forecast(verbs).sms
