"""Remove the personal data from a journal."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

_SAMPLE, _TELLING = 25, 8


def purge_journal(database: "Database") -> None:
    """Remove everything that names a person or a number; outcomes, reasons and counts stay.

    Raises:
        RunDirectoryError: copies of the data are left, because another program has the journal open.
    """
    gone = _some_personal_data(database)
    with database.transaction() as db:
        db.execute(
            "UPDATE rows SET cells = '[]', sub = NULL, username = NULL, email = NULL, phone = NULL,"
            " user_sub = NULL, wish = NULL, country = NULL, used = NULL, steps = NULL, detail = ''"
        )
        for table in ("users", "seen", "before_images", "drift", "audited"):
            db.execute(f"DELETE FROM {table}")  # noqa: S608 - only constants are put together
        db.execute("UPDATE writes SET user_sub = '', step = ''")
        db.execute(
            "INSERT OR REPLACE INTO meta VALUES"
            """ ('phase', '"purged"'), ('columns', '[]'), ('roster', 'null'), ('roster_columns', '{}'),"""
            """ ('roster_column_labels', '{}'), ('roster_column_notes', '[]'), ('audit_lists', '[]')"""
        )
    database.compact(gone)


def _some_personal_data(database: "Database") -> set[str]:
    """A sample of the journal's numbers and subs, with which a remaining copy can be found."""
    found = database.query(
        "SELECT sub, phone FROM users WHERE rowid % (SELECT MAX(1, MAX(rowid) / ?) FROM users) = 0"
        " UNION SELECT user_sub, phone FROM rows WHERE row % (SELECT MAX(1, MAX(row) / ?) FROM rows) = 0"
        " UNION SELECT sub, phone FROM audited WHERE row % (SELECT MAX(1, MAX(row) / ?) FROM audited) = 0",
        *[_SAMPLE] * 3,
    )
    return {text for row in found for text in row if text and len(text) >= _TELLING}
