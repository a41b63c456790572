"""Recognize a roster of another pool early: each of its rows would cost a look-up that finds nobody."""

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.resolve import Naming

ENOUGH = 100
"""After this many look-ups without any user, the roster is taken for another pool's."""


class Recognition:
    """Whether any user of the roster was found in the pool so far."""

    def __init__(self, pool: PoolFacts, naming: Naming, *, sure: bool) -> None:
        """`sure`: the operator has confirmed that it is the right pool."""
        self._pool = pool
        self._naming = naming
        self._somebody = sure
        self._missed = 0

    def note(self, *, found: bool) -> None:
        """Record whether a user was found in another way than by a look-up."""
        self._somebody = self._somebody or found

    def doubts(self, *, found: bool) -> bool:
        """Record a look-up. Returns whether the look-ups so far give reason for doubt."""
        self.note(found=found)
        self._missed += not found
        return not self._somebody and self._missed >= ENOUGH

    def require_somebody(self, scanned: int | None) -> None:
        """Refuse the roster if no user was found.

        Args:
            scanned: how many users a scan of the pool has found; None without a scan.

        Raises:
            InputUnusable: it seems to belong to another pool.
        """
        if self._somebody:
            return
        users = (
            "" if scanned is None else f", nor any other row among the {counted(scanned, 'user')} of a scan"
        )
        columns = ", ".join(f'"{scrub(name)}"' for name in self._naming.identity_columns)
        read = f"Users were looked up by column {columns}. " if columns else ""
        raise InputUnusable(
            f"The roster seems to belong to another pool: {self._missed:,} of its rows were looked up in"
            f" pool {self._pool.name} ({self._pool.id}), and none matches a user there{users}. Nothing was"
            " written.",
            f"{read}Check --user-pool-id and the account, or name the column of the users with --id-column."
            " --max-failures 100% continues in spite of this.",
        )
