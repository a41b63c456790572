"""Results on standard output: tables that fit 80 columns, or JSON."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.forecast import sentences
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.formatting import WIDTH, counted, duration, folded
from migrate_mfa.domain.privacy import masked
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.journal.run_dir import shown
from migrate_mfa.reports.headline import DECLINED, UNCHANGED
from migrate_mfa.reports.next_command import as_written
from migrate_mfa.reports.summary import verified_share

if TYPE_CHECKING:
    from migrate_mfa.domain.forecast import Forecast
    from migrate_mfa.domain.quotas import Category
    from migrate_mfa.journal.meta import RosterMeta
    from migrate_mfa.reports.from_journal import Document
    from migrate_mfa.reports.overview import Overview

_SESSIONS = (
    "Sessions that exist stay valid: users are asked for a code at their next sign-in with a password."
)
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
"""What a column of the roster holds, in the words of a plan."""


def as_json(value: Mapping[str, object]) -> None:
    """One JSON document."""
    _line(json.dumps(value, ensure_ascii=False, indent=2))


def nothing_left(overview: "Overview", run_dir: Path) -> None:
    """Which plan it is that has nothing left to write."""
    _title("Nothing is left to write")
    _paragraph(overview.sentence)
    _rolled_back(overview, run_dir)


def plan(overview: "Overview", ceilings: "Mapping[Category, float]", run_dir: Path) -> None:
    """What would happen, to whom, who stays unchanged, and how long it takes at `ceilings` (calls/s)."""
    facts = overview.meta
    _title(f"Plan for {facts.pool_name} ({facts.user_pool_id})")
    _roster_facts(facts.roster_read)
    numbers = "The roster's numbers are not read" if facts.kind == "disable" else ""
    _paragraph(f"{numbers or f'Verification: {facts.policy.verification}'}; {facts.reading}.")
    _changed(overview.planned)
    _unchanged(overview.counts, overview.details)
    if unseen := overview.forecast.rows_to_read:
        _paragraph(
            f"{counted(unseen, 'user is', 'users are')} checked again just before the write: a plan cannot "
            "see every MFA setting. Unless --despite allows it, no user with a stronger factor is changed."
        )
    if overview.shared.numbers:
        _paragraph(f"{overview.shared}. Their codes go to one phone: compare phone_number in the reports.")
    _guesses(overview.guesses)
    work(overview.forecast, ceilings)
    _rolled_back(overview, run_dir)


def _rolled_back(overview: "Overview", run_dir: Path) -> None:
    if overview.rolled_back:
        rows = counted(overview.rolled_back, "row was", "rows were")
        _paragraph(
            f"{rows} rolled back in {shown(run_dir)}. To enrol these users again, use a new --run-dir."
        )


def _roster_facts(read: "RosterMeta") -> None:
    encoding = read.encoding + (" (guessed)" if read.encoding_guessed else "")
    _line(
        f"Roster: {counted(read.records, 'record')} on {counted(read.lines, 'line')}, "
        f"{read.multi_line_records:,} of them longer than a line; {encoding}."
    )
    for kind, label in (read.labels or {}).items():
        _line(f"  {_COLUMNS[kind]:<24}{label}")
    for note in read.notes:
        _wrapped(note)


def _changed(planned: Mapping[str, int]) -> None:
    if planned:
        _title("Users who will be changed")
    for reason, number in sorted(planned.items(), key=lambda item: -item[1]):
        _row(f"to do → {reason}", number, "the outcome, if nothing changes before the write")


def _unchanged(
    counts: Iterable[tuple[str, str, int]], details: Mapping[str, Iterable[tuple[str, int]]]
) -> None:
    """By reason: how many, what it means, and what to do next."""
    if ended := [each for each in counts if each[1]]:
        _title("Users who will not be changed")
    for outcome, reason, number in ended:
        _row(f"{outcome} · {reason}", number, Reason(reason).sentence)
        for detail, times in details.get(reason, ()):
            _wrapped(f"- {detail} ({times:,})")


def _guesses(guesses: Mapping[str, int]) -> None:
    if guesses:
        _title("Numbers that were read with a guess (--strict-e164 refuses them)")
        for guess, number in sorted(guesses.items(), key=lambda item: -item[1]):
            _row(guess, number)


def work(ahead: "Forecast", ceilings: "Mapping[Category, float] | None" = None) -> None:
    """What is left to write, and what it comes to."""
    if not ahead.users:
        _title("Nothing is left to write")
        return
    _title(f"The work: {counted(ahead.users, 'user')}")
    for category, calls in ahead.calls.items():
        _row(category.value, calls, f"calls, at most {ceilings[category]:g}/s" if ceilings else "calls")
    for text in sentences(ahead):
        _paragraph(text)


def standing(summary: "Document", run_dir: Path, *, in_json: bool) -> None:
    """How the last pass over a run directory ended, or where it stands, whatever kind it is."""
    if in_json:
        as_json(summary)
    elif "coverage" in summary:
        audit(summary, run_dir / "report" / "unverified.csv")
    else:
        _end(summary)


_UNDOES = {"rollback": Reason.RESTORED.value, "disable": Reason.MFA_DISABLED.value}
"""What these commands are for: their reports have it among the skipped rows."""


def _end(summary: "Document") -> None:
    state = "declined, nothing was changed" if summary.get(UNCHANGED) == DECLINED else summary["state"]
    _title(f"{summary['command']}: {state}")
    if "progress" in summary:
        _now(summary["progress"])
    if summary.get("pool"):
        _which(summary)
    done = _UNDOES.get(summary["command"], "")
    if undone := summary["reasons"][Outcome.SKIPPED].get(done, 0):
        _row(done, undone, f"{Reason(done).sentence} See report/skipped.csv.")
    for outcome in Outcome:
        _row(outcome.value, summary["counts"][outcome] - (undone if outcome is Outcome.SKIPPED else 0))
        for reason, number in summary["reasons"][outcome].items():
            if reason != done:
                _row(f"  {reason}", number, Reason(reason).sentence)
    _half_done(summary)
    _found(summary)
    _calls(summary["calls"])
    if "slowed_by" in summary:
        _paragraph(f"Now {summary['slowed_by']}.")
    if summary["command"] == "run" and summary["counts"][Outcome.VERIFIED.value]:
        _paragraph(_SESSIONS)


def _which(summary: "Document") -> None:
    """Which run it is: where, with which roster and policy, and when."""
    roster, policy = summary.get("roster"), summary.get("policy")
    facts = [f"Pool {summary['pool']}"]
    if summary.get("account") and summary.get("region"):
        facts = [f"{facts[0]}, account {summary['account']}, Region {summary['region']}"]
    if roster and roster["name"]:
        facts.append(f"roster {'standard input' if roster['name'] == '-' else roster['name']}")
    if policy:
        facts.append(policy["verification"])
    ended = f", ended {_minute(summary['ended_at'])}" if summary.get("ended_at") else ""
    facts.append(f"began {_minute(summary['started_at'])}{ended}")
    _paragraph("; ".join(facts) + ".")


def options(summary: "Document") -> None:
    """The options that decided the plan, and those of the last pass; what is unset is left out."""
    policy = {name: value for name, value in (summary.get("policy") or {}).items() if name != "verification"}
    told = {**policy, **summary.get("options", {})}
    if shown := [f"{name} {_shown(name, value)}" for name, value in told.items() if value or value == 0]:
        _paragraph(f"Options: {'; '.join(shown)}.")


def _shown(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    words = as_written(name, value)
    return ", ".join(map(masked, words) if isinstance(value, str) else words)


def _minute(moment: str) -> str:
    """A moment of a summary, to the minute."""
    return f"{moment[:16].replace('T', ' ')} UTC"


def _half_done(summary: "Document") -> None:
    """Whom a pass that was cut short has left between two writes; while it works, some always are."""
    found = {} if summary["state"] == "running" else summary.get("half_done", {})
    if number := found.get("number_stored_mfa_off"):
        _paragraph(
            f"{counted(number, 'user has', 'users have')} the number stored, but SMS MFA is not known to be "
            "switched on yet; run the same command again. See report/unprocessed.csv."
        )
    if number := found.get("mfa_off_not_given_back"):
        _paragraph(
            f"{counted(number, 'user has', 'users have')} SMS MFA off again, but not everything is given "
            "back yet; run rollback again. See report/unprocessed.csv."
        )


def _found(summary: "Document") -> None:
    """What a reconcile has found, which the rows by outcome do not tell."""
    if failed := summary.get("failed_now"):
        _row("failed in this pass", failed, "report/failed.csv says who and why")
    if uncounted := summary.get("uncounted_codes"):
        _row("perhaps sent a code, uncounted", uncounted, _UNCOUNTED)
    if kept := summary.get("numbers_kept"):
        _row("restored, except the number", kept, "verified since, so it stays; SMS MFA is as before")
    if waiting := summary.get("waiting_for_max_sms"):
        _row("waiting for --max-sms", waiting, "storing their numbers would send too many codes")
    if drift := summary.get("drift"):
        from migrate_mfa.engine.reconcile import DRIFT_DETAILS, DriftKind

        _title("Enrolled, but no longer protected (report/drift.csv)")
        for kind, number in drift.items():
            new = summary.get("drift_new", {}).get(kind, 0)
            _row(kind, number, f"{f'{new:,} new. ' if new else ''}{DRIFT_DETAILS[DriftKind(kind)]}")


_UNCOUNTED = "their numbers were stored while the pool began to send codes; see its AutoVerifiedAttributes"


def _now(progress: "Document") -> None:
    from migrate_mfa.cli.live_view import NEWS_S
    from migrate_mfa.cli.progress import sentence
    from migrate_mfa.ports import ProgressUpdate

    now = ProgressUpdate(
        stage=progress["phase"],
        done=progress["done"],
        total=progress["total"],
        rates=tuple(progress["rates"].items()),
        seconds_left=progress["seconds_left"],
    )
    old = progress["age_s"] > NEWS_S
    _paragraph(sentence(now) + (f" (as of {duration(progress['age_s'])} ago)" if old else ""))


def _calls(calls: Mapping[str, Mapping[str, int]]) -> None:
    for category, count in calls.items():
        extra = f"{count['throttled']:,} throttled, {count['retried']:,} retried"
        _row(f"calls {category}", count["sent"], extra)


def audit(summary: "Document", unverified: Path) -> None:
    """Coverage by status, and where the list of users without a verified phone is."""
    _title(f"Audit of {summary['pool']}: {summary['state']}")
    _line(f"{'':<24}{'verified':>12}{'unverified':>12}{'no phone':>12}")
    for group, row in (*summary["coverage"].items(), ("counted", summary["total"])):
        _line(f"{group:<24}{row['verified']:>12,}{row['unverified']:>12,}{row['no_phone']:>12,}")
    if any(summary["total"].values()):
        _line(f"{verified_share(summary['total']):.1f} % of the enabled local users have a verified phone.")
    else:
        _line("No enabled local user was counted.")
    if mfa := summary.get("mfa"):
        _paragraph(
            f"Of these users: {mfa['sms_mfa']:,} with SMS MFA, {mfa['other_factor']:,} with another factor, "
            f"{mfa['none']:,} without MFA (verified_without_mfa.csv)"
            f"{f', {unread:,} could not be read' if (unread := mfa.get('unread', 0)) else ''}."
        )
    if summary["state"] != "finished":
        _line(
            "The list is complete. The MFA settings were not all read."
            if summary.get("list_complete", False)
            else "The audit did not finish. The list has the users seen so far."
        )
    if summary["state"] == "finished" and summary["users"] != summary["estimated_users"]:
        _paragraph(
            f"{counted(summary['users'], 'user was', 'users were')} read, but Cognito estimates "
            f"{summary['estimated_users']:,}. "
            "Its estimate lags behind sign-ups and deletions; if the gap is large, audit again later."
        )
    _line("Fill in the numbers, and this list is a roster for plan:")
    _line(f"  {shown(unverified)}")


def _title(text: str) -> None:
    _line("")
    _line(text)
    _line("-" * min(len(text), WIDTH))


def _row(name: str, number: int, note: str = "") -> None:
    """Name, number and a note on lines of their own where it does not fit."""
    line = f"{name:<34}{number:>10,}"
    if note and len(line) + 2 + len(note) <= WIDTH:
        _line(f"{line}  {note}")
        return
    _line(line)
    if note:
        _wrapped(note)


def _wrapped(text: str) -> None:
    _line(folded(text, indent=" " * 6))


def _paragraph(text: str) -> None:
    _line(folded(text))


def _line(text: str) -> None:
    write(text.rstrip())
