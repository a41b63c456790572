"""Results on standard output: tables that fit 80 columns, or JSON."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.forecast import sentences
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.formatting import WIDTH, counted, folded
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.headline import state_in_words
from migrate_mfa.reports.summary import verified_share

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast
    from migrate_mfa.domain.quotas import Category
    from migrate_mfa.journal.meta import RosterMeta
    from migrate_mfa.reports.from_journal import Document
    from migrate_mfa.reports.overview import Overview

_COLUMNS = {
    "sub": "user (sub)",
    "user_sub": "user (sub)",
    "username": "user (username)",
    "email": "user (e-mail)",
    "either": "user (--id-column)",
    "phone": "number",
    "phone_number_verified": "vouches for the number",
    "country": "country of the number",
    "dial_code": "dial code of the number",
    "surplus_cells": "cells too many, before",
}
"""The content of a roster column, in the words of a plan."""


def as_json(value: Mapping[str, object]) -> None:
    """One JSON document."""
    line(json.dumps(value, ensure_ascii=False, indent=2))


def nothing_left(overview: "Overview", run_dir: Path) -> None:
    """A plan with nothing left to write."""
    title("Nothing is left to write")
    paragraph(overview.sentence)
    _rolled_back(overview, run_dir)


def plan(overview: "Overview", ceilings: "Mapping[Category, float]", run_dir: Path) -> None:
    """A plan: which users would be changed and how, which not, and the time at `ceilings` (calls/s)."""
    facts = overview.meta
    title(f"Plan for {facts.pool_name} ({facts.user_pool_id})")
    _roster_facts(facts.roster_read)
    numbers = "The roster's numbers are not read" if facts.kind == "disable" else ""
    paragraph(f"{numbers or f'Verification: {facts.policy.verification}'}. {facts.reading}.")
    _changed(overview.planned)
    _unchanged(overview.counts, overview.details)
    if unseen := overview.forecast.rows_to_read:
        paragraph(
            f"{counted(unseen, 'user is', 'users are')} checked again just before the write: a plan cannot "
            "see every MFA setting. Unless --despite allows it, no user with a stronger factor is changed."
        )
    if overview.shared.numbers:
        paragraph(f"{overview.shared}. Their codes go to one phone: compare phone_number in the reports.")
    _guesses(overview.guesses)
    work(overview.forecast, ceilings)
    _rolled_back(overview, run_dir)


def _rolled_back(overview: "Overview", run_dir: Path) -> None:
    if overview.rolled_back:
        rows = counted(overview.rolled_back, "row was", "rows were")
        paragraph(f"{rows} rolled back in {shown(run_dir)}. To enrol these users again, use a new --run-dir.")


def _roster_facts(read: "RosterMeta") -> None:
    long = f", {read.multi_line_records:,} longer than a line" if read.multi_line_records else ""
    encoding = read.encoding + (" (guessed)" if read.encoding_guessed else "")
    line(f"Roster: {counted(read.records, 'record')} on {counted(read.lines, 'line')}{long}; {encoding}.")
    for kind, label in (read.labels or {}).items():
        line(f"  {_COLUMNS[kind]:<24}{label}")
    for note in read.notes:
        wrapped(note)


def _changed(planned: Mapping[str, int]) -> None:
    if planned:
        title("Users who will be changed, if nothing changes before the write")
    for reason, number in sorted(planned.items(), key=lambda item: -item[1]):
        row(f"to do → {reason}", number)


def _unchanged(
    counts: Iterable[tuple[str, str, int]], details: Mapping[str, Iterable[tuple[str, int]]]
) -> None:
    """Users who will not be changed, by reason: how many, what it means, and what to do next."""
    if ended := [each for each in counts if each[1]]:
        title("Users who will not be changed")
    for outcome, reason, number in ended:
        row(f"{outcome} · {reason}", number, Reason(reason).sentence)
        for detail, times in details.get(reason, ()):
            wrapped(f"- {detail} ({times:,})")


def _guesses(guesses: Mapping[str, int]) -> None:
    if guesses:
        title("Numbers that were read with a guess (--strict-e164 refuses them)")
        for guess, number in sorted(guesses.items(), key=lambda item: -item[1]):
            row(guess, number)


def work(ahead: "Forecast", ceilings: "Mapping[Category, float] | None" = None) -> None:
    """What is left to write, and its calls, time, SMS and cost."""
    if not ahead.users:
        title("Nothing is left to write")
        return
    title(f"The work: {counted(ahead.users, 'user')}")
    for category, calls in ahead.calls.items():
        row(category.value, calls, f"calls, at most {ceilings[category]:g}/s" if ceilings else "calls")
    for text in sentences(ahead):
        paragraph(text)


def audit(summary: "Document", unverified: Path) -> None:
    """Coverage by status, what is missing from it, and the list of users without a verified phone."""
    coverage(summary, unverified.parent)
    if summary["state"] != "finished":
        line(
            "The list is complete. The MFA settings were not all read."
            if summary.get("list_complete", False)
            else "The audit did not finish. The list has the users seen so far."
        )
    if summary["state"] == "finished" and summary["users"] != summary["estimated_users"]:
        paragraph(
            f"{counted(summary['users'], 'user was', 'users were')} read, but Cognito estimates "
            f"{summary['estimated_users']:,}. "
            "Its estimate lags behind sign-ups and deletions; if the gap is large, audit again later."
        )
    if unverified.exists():  # not after a purge
        line("Fill in the numbers, and this list is a roster for plan:")
        line(f"  {shown(unverified)}")


def coverage(summary: "Document", report: Path) -> None:
    """How many users have a verified phone, by status, and how many of those have MFA.

    `report` is the folder with the lists.
    """
    title(f"Audit of {summary['pool']}: {state_in_words(summary['state'], summary)}")
    line(f"{'':<24}{'verified':>12}{'unverified':>12}{'no phone':>12}")
    for group, row in (*summary["coverage"].items(), ("counted", summary["total"])):
        line(f"{group:<24}{row['verified']:>12,}{row['unverified']:>12,}{row['no_phone']:>12,}")
    if any(summary["total"].values()):
        line(f"{verified_share(summary['total']):.1f} % of the enabled local users have a verified phone.")
    else:
        line("No enabled local user was counted.")
    if mfa := summary.get("mfa"):
        without = "verified_without_mfa.csv"
        list_of_none = f" ({without})" if (report / without).exists() else ""  # not after a purge
        paragraph(
            f"Of these users: {mfa['sms_mfa']:,} with SMS MFA, {mfa['other_factor']:,} with another factor, "
            f"{mfa['none']:,} without MFA{list_of_none}"
            f"{f', {unread:,} could not be read' if (unread := mfa.get('unread', 0)) else ''}."
        )


def title(text: str) -> None:
    """A heading."""
    line("")
    line(text)
    line("-" * min(len(text), WIDTH))


def row(name: str, number: int, note: str = "") -> None:
    """A name and a number, with a note; the note is on its own lines if it does not fit."""
    text = f"{name:<34}{number:>10,}"
    if note and len(text) + 2 + len(note) <= WIDTH:
        line(f"{text}  {note}")
        return
    line(text)
    if note:
        wrapped(note)


def wrapped(text: str) -> None:
    """A text of several lines below a row."""
    line(folded(text, indent=" " * 6))


def paragraph(text: str) -> None:
    """A text of several lines."""
    line(folded(text))


def line(text: str) -> None:
    """A line, unchanged."""
    write(text.rstrip())
