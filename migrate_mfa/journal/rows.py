"""The columns of rows and users in the journal, and how they are read; shared by all stores."""

import sqlite3
from collections.abc import Iterable

from migrate_mfa.domain.model import (
    Candidate,
    Decision,
    NumberClaims,
    Phone,
    Plan,
    Position,
    UserState,
    Verdict,
)
from migrate_mfa.domain.reasons import WORTH_ANOTHER_TRY, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.journal.values import steps_to_text

CANDIDATE = "r.row, r.first_line, r.last_line, r.sub, r.username, r.email, r.phone, r.vouched, r.guesses"
USER = (
    "u.sub AS u_sub, u.username AS u_username, u.email AS u_email, u.email_verified, u.phone AS u_phone, "
    "u.phone_verified, u.status, u.enabled, u.modified"
)
OPEN_ROWS = "FROM rows r INDEXED BY open_rows"
"""Without INDEXED BY, SQLite chooses the index by outcome and sorts all open rows for each batch."""


STORES_NUMBER, STORES_UNVERIFIED, SETS_SMS_MFA, SWITCHES_OFF = "[PV]*", "P*", "S*", "S0*"
CHANGES_MFA = "[SF]*"
"""Patterns of a step in the form of `values.steps_to_text`, for `first_step` and `any_step`."""


def step_codes(column: str) -> str:
    """SQL for the steps in a column; before version 4 they are JSON."""
    return f"CASE WHEN {column} GLOB '[[]*' THEN step_codes({column}) ELSE {column} END"


def first_step(column: str, pattern: str) -> str:
    """SQL for whether the first step in a column is of this kind; a write has no other."""
    return f"{step_codes(column)} GLOB '{pattern}'"


def any_step(column: str, pattern: str) -> str:
    """SQL for whether one of the steps in a column is of this kind."""
    return f"' ' || {step_codes(column)} GLOB '* {pattern}'"


def _in_sql(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"'{reason}'" for reason in sorted(reasons))


USING = _in_sql(reason for reason in Reason if reason.facts.uses_number)
OF_NUMBER = _in_sql(reason for reason in Reason if reason.facts.of_number)


def used_number(reason: str) -> str:
    """SQL for the number that was stored or used for the user of a row of `rows`, or null.

    If the reason uses a number, it is the user's number as last read. Otherwise it is a number that this row
    has stored, if the last read shows it, or if it was stored in this pass and so perhaps after that read.

    Args:
        reason: SQL for the row's reason.
    """
    seen = "(SELECT u.phone FROM users u WHERE u.sub = rows.user_sub)"
    number = f"substr({step_codes('w.step')}, 2)"
    stored = (
        f"(SELECT {number} FROM writes w WHERE w.row = rows.row"
        f"  AND {first_step('w.step', STORES_NUMBER)} AND w.result <> 'refused'"
        "  AND (w.result = 'done' AND w.pass = (SELECT MAX(id) FROM passes)"
        f"   OR {number} = {seen}) ORDER BY w.id DESC LIMIT 1)"
    )
    restored = f"{reason} IS '{Reason.RESTORED}'"
    return f"CASE WHEN {reason} IN ({USING}) THEN {seen} WHEN NOT {restored} THEN {stored} END"


END = (
    "UPDATE rows SET outcome = :outcome, reason = :reason, detail = :detail, updated_at = :now,"
    f" used = {used_number(':reason')} WHERE row = :row"
)
"""The statement that records a verdict; see `verdict_values`."""


def verdict_values(row: int, verdict: Verdict, now: float) -> dict[str, object]:
    """The parameters of `END`."""
    reason, detail = verdict.reason, verdict.detail
    return {"row": row, "outcome": reason.outcome, "reason": reason, "detail": detail, "now": now}


def write_decision(db: sqlite3.Connection, row: int, decision: Decision, now: float) -> None:
    """Record one row's decision: a plan leaves it unprocessed, a verdict ends it."""
    match decision:
        case Plan(steps, ends):
            db.execute(
                "UPDATE rows SET steps = ?, ends = ?, updated_at = ? WHERE row = ?",
                (steps_to_text(steps), ends, now, row),
            )
        case Verdict():
            db.execute(END, verdict_values(row, decision, now))


AGAIN = _in_sql(WORTH_ANOTHER_TRY)
TURNED_AWAY = f"(outcome = 'skipped' OR reason IN ({AGAIN}))"
"""Rows that reconcile reads again; their earlier pending reason, if any, is kept."""
_WAS = {
    True: f"CASE WHEN {TURNED_AWAY} THEN COALESCE(was, reason) ELSE COALESCE(reason, was) END",
    False: "CASE verb WHEN 'rollback' THEN COALESCE(was, reason) ELSE COALESCE(reason, was) END",
}
"""The earlier reason of a row that is decided again.

For reconcile, its pending reason before it was skipped or failed; for a second rollback, the reason before
the first.
"""


def reopen(db: sqlite3.Connection, rows: Iterable[int], plan: Plan, verb: PlannedBy) -> None:
    """Plan rows that had ended, and keep their earlier reasons."""
    steps = steps_to_text(plan.steps)
    db.executemany(
        f"UPDATE rows SET was = {_WAS[verb is PlannedBy.RECONCILE]}, outcome = 'unprocessed',"
        " reason = NULL, detail = '', steps = ?, ends = ?, verb = ? WHERE row = ?",
        [(steps, plan.ends, verb, row) for row in rows],
    )


def remember(db: sqlite3.Connection, state: UserState) -> None:
    """Replace the last known state of a user."""
    db.execute(
        "UPDATE users SET email = ?, phone = ?, phone_verified = ?, email_verified = ?, status = ?,"
        " enabled = ?, modified = ? WHERE sub = ?",
        (
            state.email, state.phone, state.phone_verified, state.email_verified, state.status, state.enabled,
            state.modified, state.sub,
        ),
    )  # fmt: skip


def candidate_of(row: sqlite3.Row) -> Candidate:
    """The candidate of a row in the journal."""
    return Candidate(
        at=Position(row=row["row"], first_line=row["first_line"], last_line=row["last_line"]),
        sub=row["sub"],
        username=row["username"],
        email=row["email"],
        phone=Phone(row["phone"]) if row["phone"] else None,
        claims_verified=None if row["vouched"] is None else bool(row["vouched"]),
        guesses=tuple(row["guesses"].split()),
    )


def rivalry_of(row: sqlite3.Row) -> NumberClaims:
    """Other claims on this row's number, as the plan saw them."""
    return NumberClaims(
        requested_by_others=bool(row["wished_by_others"]), held_by_other=bool(row["held_by_other"])
    )


def user_of(row: sqlite3.Row) -> UserState:
    """The user of a row in the journal, from the columns of `USER`."""
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
