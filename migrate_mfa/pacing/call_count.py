"""How many calls were made in a category, and what became of them."""

from dataclasses import dataclass


@dataclass(slots=True)
class CallCount:
    """Attempts sent in one category; of these, how many were throttled, and how many were repeats.

    A write that its caller makes again, because nobody knows what became of the last one, is a repeat too.
    """

    sent: int = 0
    throttled: int = 0
    retried: int = 0
