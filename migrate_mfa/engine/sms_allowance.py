"""--max-sms, checked at each write: users and settings may have changed since the plan counted."""

import threading


class OverMaxSmsError(Exception):
    """Storing a user's number would send an SMS that `--max-sms` does not allow; nothing was written."""


class SmsAllowance:
    """How many users may still be sent a code; shared by every thread.

    A message is counted before it is sent, and stays counted unless Cognito refused the write.
    """

    def __init__(self, limit: int, used: int = 0) -> None:
        """`limit` is `--max-sms`; `used` counts the users who were, or may have been, sent a code before."""
        self.limit = limit
        self._left = limit - used
        self._lock = threading.Lock()

    @property
    def used(self) -> int:
        """How many users were, or may have been, sent a code from this run directory."""
        return self.limit - self._left

    def take(self) -> None:
        """Count a message that is about to be sent.

        Raises:
            OverMaxSmsError: it would exceed the limit.
        """
        with self._lock:
            if self._left <= 0:
                raise OverMaxSmsError
            self._left -= 1

    def spend(self, messages: int) -> None:
        """Count messages that were sent uncounted; there may be more of them than are allowed."""
        with self._lock:
            self._left -= messages

    def give_back(self) -> None:
        """Uncount a message that was not sent."""
        with self._lock:
            self._left += 1
