"""How rows and users stand in the journal, for all of its stores: columns, and what they are read as."""

import sqlite3

from migrate_mfa.adapters.codec import steps_to_json
from migrate_mfa.domain.model import Candidate, Decision, Phone, Plan, Position, Rivalry, UserState, Verdict

CANDIDATE = "r.row, r.first_line, r.last_line, r.sub, r.username, r.email, r.phone, r.vouched, r.guesses"
USER = (
    "u.sub AS u_sub, u.username AS u_username, u.email AS u_email, u.email_verified, u.phone AS u_phone, "
    "u.phone_verified, u.status, u.enabled, u.modified"
)
OPEN_ROWS = "FROM rows r INDEXED BY open_rows"
"""Left to itself, SQLite prefers the index by outcome, and sorts all open rows for each batch."""


def write_decision(db: sqlite3.Connection, row: int, decision: Decision, now: float) -> None:
    """One row's decision: a plan leaves it unprocessed, a verdict ends it."""
    match decision:
        case Plan(steps, ends):
            db.execute(
                "UPDATE rows SET steps = ?, ends = ?, updated_at = ? WHERE row = ?",
                (steps_to_json(steps), ends, now, row),
            )
        case Verdict(reason, detail):
            db.execute(
                "UPDATE rows SET outcome = ?, reason = ?, detail = ?, updated_at = ? WHERE row = ?",
                (reason.outcome, reason, detail, now, row),
            )


def candidate_of(row: sqlite3.Row) -> Candidate:
    """The candidate that a row of the journal was made from."""
    return Candidate(
        at=Position(row=row["row"], first_line=row["first_line"], last_line=row["last_line"]),
        sub=row["sub"],
        username=row["username"],
        email=row["email"],
        phone=Phone(row["phone"]) if row["phone"] else None,
        vouched=None if row["vouched"] is None else bool(row["vouched"]),
        guesses=tuple(row["guesses"].split()),
    )


def rivalry_of(row: sqlite3.Row) -> Rivalry:
    """Other claims on this row's number, as the plan saw them."""
    return Rivalry(wished_by_others=bool(row["wished_by_others"]), held_by_other=bool(row["held_by_other"]))


def user_of(row: sqlite3.Row) -> UserState:
    """The user that a row of the journal shows, in the columns of `USER`."""
    return UserState(
        username=row["u_username"],
        sub=row["u_sub"],
        status=row["status"],
        enabled=bool(row["enabled"]),
        email=row["u_email"],
        email_verified=bool(row["email_verified"]),
        phone=row["u_phone"],
        phone_verified=bool(row["phone_verified"]),
        modified=row["modified"],
    )
