"""Calls by category and time, for a chart of the rate, in a table of limited size.

A pass begins with spans of ten seconds. If the table would exceed its limit, the spans of its longest pass
are doubled; with very many short passes, those of the oldest pass are deleted.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrate_mfa.domain.quotas import Category

if TYPE_CHECKING:
    from migrate_mfa.journal.database import Database

SPAN_S = 10
"""The first length of a span, in seconds."""
MOST_ROWS = 4000
"""Some 200 kB, for any number of users: a row is one category in one span."""
_FEW_ROWS = 24
"""Fewer rows of one pass are not merged: they would not make a line in a chart."""

Moments = Mapping[tuple[Category, int], tuple[int, int]]
"""Calls sent and throttled, by category and second (since 1970)."""


@dataclass(frozen=True, slots=True)
class Span:
    """The calls of one category between `at` (seconds since 1970) and `at + width`."""

    category: str
    at: int
    width: int
    sent: int
    throttled: int


def add_calls(db: sqlite3.Connection, pass_id: int, moments: Moments) -> None:
    """Add calls to the spans of a pass, in a transaction that is already open."""
    if not moments:
        return
    (found,) = db.execute("SELECT MAX(width) FROM call_rates WHERE pass = ?", (pass_id,)).fetchone()
    width = found or SPAN_S
    db.executemany(
        "INSERT INTO call_rates VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET sent = sent + excluded.sent, throttled = throttled + excluded.throttled",
        [
            (pass_id, category.value, second // width * width, width, sent, throttled)
            for (category, second), (sent, throttled) in moments.items()
        ],
    )
    while db.execute("SELECT COUNT(*) FROM call_rates").fetchone()[0] > MOST_ROWS:
        _shorten(db)


def _shorten(db: sqlite3.Connection) -> None:
    longest, rows = db.execute(
        "SELECT pass, COUNT(*) AS rows FROM call_rates GROUP BY pass ORDER BY rows DESC LIMIT 1"
    ).fetchone()
    if rows <= _FEW_ROWS:
        db.execute("DELETE FROM call_rates WHERE pass = (SELECT MIN(pass) FROM call_rates)")
        return
    merged = db.execute(
        "SELECT pass, category, at / (2 * width) * (2 * width) AS start, 2 * width, SUM(sent), SUM(throttled)"
        " FROM call_rates WHERE pass = ? GROUP BY category, start",
        (longest,),
    ).fetchall()
    db.execute("DELETE FROM call_rates WHERE pass = ?", (longest,))
    db.executemany("INSERT INTO call_rates VALUES (?, ?, ?, ?, ?, ?)", [tuple(row) for row in merged])


def spans_of(database: "Database", pass_id: int) -> list[Span]:
    """The spans of one pass, by category and time; none in a journal of an older version."""
    if not database.query("SELECT 1 FROM sqlite_master WHERE name = 'call_rates'"):
        return []
    found = database.query("SELECT * FROM call_rates WHERE pass = ? ORDER BY category, at", pass_id)
    return [Span(row["category"], row["at"], row["width"], row["sent"], row["throttled"]) for row in found]
