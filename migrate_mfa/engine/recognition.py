"""Noticing a roster of another pool early: each of its rows would cost a look-up that finds nobody."""

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.formatting import counted
from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.domain.resolve import Naming

ENOUGH = 100
"""So many look-ups that find nobody, where nobody was found at all, mean another pool's roster."""


class Recognition:
    """Whether the pool has anybody of the roster, as far as was looked."""

    def __init__(self, pool: PoolFacts, naming: Naming, *, sure: bool) -> None:
        """`sure`: the operator confirms that it is the right pool."""
        self._pool = pool
        self._naming = naming
        self._somebody = sure
        self._missed = 0

    def note(self, *, found: bool) -> None:
        """Somebody was found otherwise than by a look-up, or nobody was."""
        self._somebody = self._somebody or found

    def doubts(self, *, found: bool) -> bool:
        """Take note of a look-up. Returns whether all look-ups so far give reason for doubt."""
        self.note(found=found)
        self._missed += not found
        return not self._somebody and self._missed >= ENOUGH

    def require_somebody(self, scanned: int | None) -> None:
        """Refuse the roster where nobody was found.

        Args:
            scanned: how many users a scan of the pool has shown; None where there was none.

        Raises:
            InputUnusable: it seems to be of another pool.
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
