"""The counts of a plan, from the journal: writes, countries, shared numbers."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from migrate_mfa.domain.phone.normalise import NO_COUNTRY
from migrate_mfa.domain.rows import PlannedBy, SharedNumbers
from migrate_mfa.journal.rows import OPEN_ROWS, SETS_SMS_MFA, STORES_UNVERIFIED, USING, any_step, first_step

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_KINDS = {
    "store_verified": "V*",
    "store_unverified": STORES_UNVERIFIED,
    "set_sms_mfa": SETS_SMS_MFA,
    "mark_unverified": "U*",
    "clear_phone": "C*",
    "prefer_factor": "F*",
}


class PlanCounts:
    """How much work there is. Counts are of rows, and so of users."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    def claims_made(self) -> set[bool | None]:
        """The different values of `phone_number_verified` in the readable rows."""
        found = self._database.query("SELECT DISTINCT vouched FROM rows WHERE readable")
        return {None if row["vouched"] is None else bool(row["vouched"]) for row in found}

    def planned_steps(self, verbs: Collection[PlannedBy] = tuple(PlannedBy)) -> dict[str, int]:
        """How many open rows plan each kind of write: `store_verified`, `store_unverified`, `set_sms_mfa`."""
        kinds = ", ".join(
            f"SUM({any_step('r.steps', pattern)}) AS {kind}" for kind, pattern in _KINDS.items()
        )
        (found,) = self._database.query(
            f"SELECT {kinds} {OPEN_ROWS} WHERE r.outcome = 'unprocessed' AND r.steps NOTNULL"
            f" AND r.verb IN ({', '.join('?' * len(verbs))})",
            *verbs,
        )
        return {kind: found[kind] for kind in _KINDS if found[kind]}

    def planned_countries(
        self, verbs: Collection[PlannedBy] = tuple(PlannedBy)
    ) -> dict[str, tuple[int, int]]:
        """By country of the number, most users first: open rows that store it unverified, and that enrol.

        `awaiting_code` counts as enrolled: SMS MFA is switched on once the user has verified the number.
        """
        found = self._database.query(
            "SELECT COALESCE(r.country, ?) AS place,"
            f" COUNT(*) FILTER (WHERE {first_step('r.steps', STORES_UNVERIFIED)}) AS codes,"
            f" COUNT(*) FILTER (WHERE r.ends IN ({USING})) AS users {OPEN_ROWS}"
            " WHERE r.outcome = 'unprocessed' AND r.steps NOTNULL"
            f" AND r.verb IN ({', '.join('?' * len(verbs))}) GROUP BY place ORDER BY users DESC, place",
            NO_COUNTRY,
            *verbs,
        )
        return {row["place"]: (row["codes"], row["users"]) for row in found}

    def shared_numbers(self) -> SharedNumbers:
        """Open rows of different users that store or enrol the same number."""
        (found,) = self._database.query(
            "SELECT COUNT(*) AS numbers, COALESCE(SUM(users), 0) AS users, COALESCE(MAX(users), 0) AS most"
            f" FROM (SELECT COUNT(*) AS users {OPEN_ROWS}"
            "  WHERE r.outcome = 'unprocessed' AND r.steps NOTNULL AND r.verb = 'run' AND r.wish NOTNULL"
            "  GROUP BY r.wish HAVING COUNT(*) > 1)"
        )
        return SharedNumbers(found["numbers"], found["users"], found["most"])
