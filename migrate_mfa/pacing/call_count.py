"""How many calls were made in a category, and with what result."""

from dataclasses import dataclass


@dataclass(slots=True)
class CallCount:
    """Attempts sent in one category; of these, how many were throttled, and how many were retries.

    A write that is repeated because the effect of the last one is unknown is a retry too.
    """

    sent: int = 0
    throttled: int = 0
    retried: int = 0
