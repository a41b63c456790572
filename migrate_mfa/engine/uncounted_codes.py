"""Codes that were sent uncounted, because the pool began to send them between two reads of its settings."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.engine.live_pool import LivePool
from migrate_mfa.engine.sms_allowance import SmsAllowance
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.stop import Stopped

log = structlog.get_logger()


@dataclass(slots=True)
class UncountedCodes:
    """Finds them, counts them against `--max-sms`, and says so; `users` may have got one."""

    work: WorkStore
    sms: SmsAllowance
    say: Callable[[str], None]
    users: int = 0

    def came(self, since: float) -> None:
        """Called when the pool sends codes, but did not at `since` (seconds since 1970)."""
        self._note(self.work.unverified_rows(since))
        self.say(
            "The pool now verifies phone_number automatically. "
            f"{counted(self.users, 'number was', 'numbers were')} stored in the seconds before this was "
            "noticed. Each may have sent an SMS that --max-sms did not count."
        )

    def look_back(self, pool: LivePool) -> None:
        """Check at the end of a pass whether its last writes sent unexpected codes."""
        if pool.facts.code_sms_on_unverified_write or not (users := self.work.unverified_rows(pool.seen_at)):
            return
        try:
            pool.look_back()
        except (ApiError, MigrateMfaError, Stopped):
            self._note(users)

    def _note(self, users: int) -> None:
        self.users += users
        self.sms.spend(users)
        log.warning("uncounted_codes", users=users)
