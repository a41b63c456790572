"""Run directories for the report page, made straight in the journal: with all that a page can show."""

from __future__ import annotations

import json
from dataclasses import replace
from math import sin
from typing import TYPE_CHECKING, Any

from migrate_mfa.domain.model import MfaMode, PoolFacts
from migrate_mfa.domain.quotas import Category
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.pass_store import PassContext
from migrate_mfa.journal.values import pool_to_json
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.pacing.call_count import CallCount
from migrate_mfa.reports.from_journal import write_reports

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

BEGUN = 1_795_000_000.0
PHONE, EMAIL = "+819012345678", "hanako.yamada@example.com"
ARN = "arn:aws:sts::123456789012:assumed-role/MfaMigration/ops.lead@example.com"
QUOTAS = {"UserRead": 120.0, "UserUpdate": 25.0, "UserResourceUpdate": 25.0}
CONTEXT = PassContext(
    account="123456789012",
    region="ap-northeast-1",
    endpoint="aws",
    caller_arn=ARN,
    host="ops-1",
    versions={"migrate_mfa": "0.1.0", "python": "3.12.8", "botocore": "1.44.8"},
    rates={name: {"quota": quota, "ceiling": quota // 2} for name, quota in QUOTAS.items()},
    options={
        "quota_share": 0.5,
        "max_failures": 0.01,
        "max_sms": 2000,
        "sms_price": {"JP": "0.07", "US": "0.01", "DE": "0.08"},
    }
    | {"mau_price": "0.0055", "max_users": None},
)
META: dict[str, Any] = {
    "kind": "run",
    "phase": "planned",
    "usable": True,
    "run_id": "ca3f9b40b9f74f1baa2c523d890db630",
    "user_pool_id": "ap-northeast-1_AbCdEfGhI",
    "pool_name": "members",
    "account": "123456789012",
    "region": "ap-northeast-1",
    "endpoint": "aws",
    "verification": "by-column",
    "phone_conflict": "fail",
    "despite": [],
    "phone_country": "JP",
    "strict_e164": False,
    "roster": "members.csv",
    "roster_sha256": "86e230d7c1f4c8a0a3f2b5f6f2b1d7f08d3c5f7e9a1b2c3d4e5f60718293a4b5",
    "columns": ["email", "phone_number"],
    "frequent_details": {"invalid_phone": [["too short (+81)", 7], ["no country code", 3]]},
    "pool_facts": pool_to_json(
        PoolFacts(
            id="ap-northeast-1_AbCdEfGhI",
            name="members",
            mfa=MfaMode.OPTIONAL,
            sms_configured=True,
            phone_auto_verified=True,
            estimated_users=31_200,
        )
    ),
    "forecast": {
        "users": 11_460,
        "calls": {"UserRead": 22_920, "UserUpdate": 11_460, "UserResourceUpdate": 9_900},
        "seconds": {"low": 955.0, "high": 3667.0, "at_full_quota": 458.4},
        "sms": {"now": 1560, "by_country": {"JP": 1560}, "parts": 1, "sign_in_parts": 1},
        "mau": {"low": 0, "high": 11_460, "crosses_month": False},
        "cost": {"low": "109.20", "high": "172.23", "without_price": []},
    },
}
A_LARGE_RUN: dict[str, int] = {
    "enrolled": 9_830,
    "already_enrolled": 412,
    "awaiting_code": 1_534,
    "has_totp": 61,
    "no_recovery_left": 24,
    "federated_user": 38,
    "phone_differs": 47,
    "user_not_found": 19,
    "invalid_phone": 10,
    "rejected": 21,
    "gave_up": 4,
}
A_RUN = {name: 1 + number // 20 for name, number in A_LARGE_RUN.items()}
_DETAILS = {
    "rejected": f"AdminUpdateUserAttributes: InvalidParameterException. Said of {EMAIL} and {PHONE}.",
    "gave_up": "AdminSetUserMFAPreference kept failing with InternalErrorException.",
}
_WRITTEN = frozenset({Reason.ENROLLED, Reason.AWAITING_CODE, Reason.REJECTED, Reason.GAVE_UP})
_COUNTRIES = ("JP", "JP", "JP", "US", "DE")


def make_run(
    directory: Path,
    rows: Mapping[str, int] | None = None,
    *,
    meta: Mapping[str, Any] | None = None,
    command: str = "run",
    state: str | None = "finished",
    extra: Mapping[str, Any] | None = None,
    open_rows: int = 0,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make a run directory and its reports. Returns the summary.

    Args:
        directory: where.
        rows: how many rows ended with each reason.
        meta: facts in place of `META`'s.
        command: the command of the last pass.
        state: how that ended; None where it never did.
        extra: what it adds to its summary.
        open_rows: planned rows that are not done, and would be enrolled.
        options: options of the last pass, beside `CONTEXT`'s.
    """
    with Journal.create_or_open(directory) as journal:
        journal.set_meta(META | dict(meta or {}))
        plan = WorkStore.begin(journal.database, "plan", BEGUN - 4000, CONTEXT)
        plan.end("planned", BEGUN - 3900, reads_only=0, extra={})
        context = replace(CONTEXT, options={**CONTEXT.options, **(options or {})})
        work = WorkStore.begin(journal.database, command, BEGUN, context)
        _add_rows(journal, A_RUN if rows is None else rows, open_rows)
        seconds = add_rates(work)
        if state is not None:
            work.end(state, BEGUN + seconds, reads_only=73, extra={"users_done": 11_460, **(extra or {})})
        return write_reports(journal).summary.as_dict()


def _add_rows(journal: Journal, rows: Mapping[str, int], open_rows: int) -> None:
    reasons = [Reason(name) for name, number in rows.items() for _ in range(number)]
    with journal.database.transaction() as db:
        db.executemany(
            "INSERT INTO rows (row, first_line, last_line, cells, readable, email, phone, wish, user_sub,"
            " country, outcome, reason, detail) VALUES (?1, ?1, ?1, ?2, 1, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)",
            [
                (
                    row,
                    json.dumps([EMAIL, PHONE]),
                    *(EMAIL, PHONE, f"sub-{row}", _COUNTRIES[row % len(_COUNTRIES)]),
                    *(reason.outcome, reason, _DETAILS.get(reason, "")),
                )
                for row, reason in enumerate(reasons, 1)
            ],
        )
        db.executemany(
            "INSERT INTO before_images VALUES (?, ?, '{}', ?)",
            [(f"sub-{row}", row, BEGUN) for row, reason in enumerate(reasons, 1) if reason in _WRITTEN],
        )
        db.executemany(
            "INSERT INTO writes (row, user_sub, pass, step, result, at) VALUES (?, ?, 2, ?, 'done', ?)",
            [
                (row, f"sub-{row}", f"P{PHONE}", BEGUN)
                for row, reason in enumerate(reasons, 1)
                if reason is Reason.AWAITING_CODE
            ],
        )
        db.executemany(
            "INSERT INTO rows (row, first_line, last_line, cells, readable, user_sub, steps, ends)"
            " VALUES (?1, ?1, ?1, '[]', 1, 'sub', 'S11', 'enrolled')",
            [(len(reasons) + number,) for number in range(1, open_rows + 1)],
        )


def add_rates(work: WorkStore, seconds: int = 1260) -> int:
    """Calls of a pass that is throttled twice, by the second; returns how long it took, in seconds."""
    calls = {Category(name): CallCount() for name in QUOTAS}
    moments: dict[tuple[Category, int], tuple[int, int]] = {}
    for second in range(seconds):
        slow = 0.45 if 400 <= second < 470 or 800 <= second < 850 else 1.0
        for category, count in calls.items():
            most = 24 if category is Category.USER_READ else 12
            sent = int(most * slow * (0.94 + 0.06 * sin(second / 37)))
            throttled = int(slow < 1 and second % 9 == 0 and category is Category.USER_UPDATE)
            count.sent, count.throttled = count.sent + sent, count.throttled + throttled
            moments[category, int(BEGUN) + second] = (sent, throttled)
    work.count_calls(calls, moments)
    return seconds


def make_audits(
    directory: Path, shares: tuple[int, ...] = (4_900, 5_200, 14_100, 24_300), *, began: float = BEGUN
) -> None:
    """Make an audit's directory, with audits a week apart and so many verified of 31,000 users each."""
    with Journal.create_or_open(directory) as journal:
        kept = ("user_pool_id", "pool_name", "account", "region", "endpoint", "run_id")
        journal.set_meta({name: META[name] for name in kept} | {"kind": "audit"})
        for week, verified in enumerate(shares):
            begun = began + week * 7 * 86_400
            work = WorkStore.begin(journal.database, "audit", begun, CONTEXT)
            counted = {"verified": verified, "unverified": 1_200, "no_phone": 29_800 - verified}
            extra = {
                "coverage": {
                    "CONFIRMED": counted,
                    "FORCE_CHANGE_PASSWORD": {"verified": 0, "unverified": 0, "no_phone": 0},
                    "DISABLED": {"verified": 11, "unverified": 2, "no_phone": 180},
                    "EXTERNAL_PROVIDER": {"verified": 0, "unverified": 0, "no_phone": 410},
                },
                "total": counted,
                "users": 31_603,
                "estimated_users": 31_620,
                "list_complete": True,
            }
            work.end("finished", begun + 74, reads_only=0, extra=extra)
        write_reports(journal)
