"""The number that a user has in the pool, checked by the rules for numbers in a roster.

A pool can hold invalid numbers: Cognito accepts a plus sign and any digits.
"""

from functools import lru_cache

from migrate_mfa.domain.model import Verdict
from migrate_mfa.domain.phone.normalise import PhoneProblem, normalise
from migrate_mfa.domain.reasons import Reason

_UNDER_WAY = 1024  # a user is decided two or three times in a row


@lru_cache(maxsize=_UNDER_WAY)
def pool_number_problem(e164: str) -> Verdict | None:
    """Why SMS cannot be sent to a number in the pool, or None.

    Cognito sends to the digits as they are, so a number that can only be read with a guess is refused.
    """
    read = normalise(e164, country=None, strict=False)
    if isinstance(read, PhoneProblem):
        return Verdict(read.reason, f"This is the number in the pool, not in the roster: {read.detail}.")
    if read.phone.e164 == e164:
        return None
    cause = f"not in E.164 form ({', '.join(read.guesses)})"
    return Verdict(Reason.INVALID_PHONE, f"This is the number in the pool, not in the roster: {cause}.")
