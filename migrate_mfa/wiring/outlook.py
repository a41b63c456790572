"""What a saved plan expects of the SMS path, for a look from outside."""

from pathlib import Path

from migrate_mfa.adapters.journal import Journal
from migrate_mfa.adapters.journal_schema import VERSION
from migrate_mfa.adapters.plan_store import PlanStore
from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import PoolFacts
from migrate_mfa.domain.prices import Prices
from migrate_mfa.engine.forecast import SmsOutlook, messages
from migrate_mfa.wiring.passes import planned_directory


def sms_outlook(directory: Path, pool: PoolFacts, prices: Prices) -> SmsOutlook:
    """The messages that the plan in a run directory still expects, and what they cost.

    Args:
        directory: a run directory with a plan.
        pool: the pool as it is now; it decides whether codes are sent, and how long they are.
        prices: those that were given.

    Raises:
        InputUnusable: there is no finished plan, or an older version of the tool made it.
        RunDirectoryError: it is no run directory.
    """
    planned_directory(directory)
    with Journal.look_at(directory) as journal:
        if journal.database.value("PRAGMA user_version") != VERSION:
            raise InputUnusable(
                f"{directory} was made by an older version, which did not count messages by country.",
                "Plan it again, or go on with run: both bring it up to date.",
            )
        return SmsOutlook(messages(PlanStore(journal.database).planned_countries(), pool), prices)
