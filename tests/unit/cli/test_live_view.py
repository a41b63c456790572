import time
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.cli.live_view import ROWS, live_rows
from migrate_mfa.domain.quotas import Category
from migrate_mfa.ports import CategoryPace, ProgressUpdate, RowFailure

NOON = 1_700_049_600.0  # 2023-11-15 12:00:00 UTC


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


FULL = ProgressUpdate(
    stage="writing",
    done=11_904,
    total=19_162,
    outcomes=(("verified", 11_846), ("pending", 0), ("failed", 12), ("skipped", 46)),
    failed_by=(("rejected", 8), ("gave_up", 4)),
    failures=(
        RowFailure(1_203, "rejected", "InvalidParameterException"),
        RowFailure(1_377, "gave_up", ""),
        RowFailure(2_018, "rejected", "InvalidParameterException"),
    ),
    most_failures=0.01,
    sms=(120, 500),
    paces=(
        CategoryPace("UserRead", 122.4, 500, 1000, 0),
        CategoryPace("UserUpdate", 58.0, 125, 250, 3),
        CategoryPace("UserResourceUpdate", 61.2, 125, 250, 0),
        CategoryPace("UserList", 0.0, 15, 30, 0),
    ),
    seconds_left=282.0,
    seconds_running=182.0,
    credentials_end=NOON + 2280,
    slowed_by="throttled by UserUpdate: 58/s",
)


def rows(update: ProgressUpdate, width: int = 80, height: int = 24) -> list[str]:
    return [row.plain for row in live_rows(update, width=width, height=height, now=NOON)]


def test_a_frame_says_where_the_run_stands_how_fast_it_is_and_what_went_wrong() -> None:
    assert rows(FULL) == [
        "writing  ██████████████████░░░░░░░░░░░░  62 %  11,904 of 19,162",
        "4 min 42 s left, until about 12:04; running for 3 min 02 s",
        "verified 11,846, failed 12, skipped 46",
        "Throttled by UserUpdate: 58/s",
        "         calls/s     share     quota    throttled",
        "read       122.4       500      1000            0",
        "update      58.0       125       250            3",
        "mfa         61.2       125       250            0",
        "12 failures (--max-failures 1%): rejected 8, gave_up 4",
        "  row 1,203 rejected: InvalidParameterException",
        "  row 1,377 gave_up",
        "  row 2,018 rejected: InvalidParameterException",
        "SMS with codes: 120 of --max-sms 500",
        "Credentials end at 12:38, in 38 min 00 s",
    ]


@pytest.mark.parametrize(
    ("height", "gone"),
    [
        (14, ["row 1,203"]),
        (13, ["row 1,203", "row 1,377"]),
        (11, ["row 1,203", "row 1,377", "row 2,018", "Credentials"]),
        (7, ["row ", "Credentials", "calls/s", "read", "mfa"]),
        (4, ["SMS", "failures", "Throttled", "calls/s"]),
    ],
)
def test_where_there_is_little_room_what_matters_least_gives_way(height: int, gone: list[str]) -> None:
    shown = rows(FULL, height=height)

    assert len(shown) == height - 1
    assert shown[0].startswith("writing")
    assert shown[1].startswith("4 min 42 s left")
    assert not [text for text in gone if any(text in row for row in shown)]


def test_calls_that_look_at_the_pool_stand_in_the_same_columns() -> None:
    paces = tuple(CategoryPace(category.value, 1.0, 10, 20, 0) for category in Category)

    table = [row for row in rows(replace(FULL, paces=paces)) if row.endswith("10        20            0")]

    assert len(table) == len(Category)
    assert len({len(row) for row in table}) == 1


def test_a_time_on_another_day_says_which() -> None:
    assert "until about 16 Nov 02:00" in rows(replace(FULL, seconds_left=14 * 3600.0))[1]


def test_credentials_that_end_before_the_work_stand_out() -> None:
    ends_early = replace(FULL, credentials_end=NOON + 60, seconds_left=282.0)
    [shown] = [row for row in live_rows(ends_early, width=80, height=24, now=NOON) if "Cred" in row.plain]

    assert shown.style == "yellow"


@settings(deadline=None)  # a busy machine draws slowly
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 60),
    done=st.none() | st.integers(0, 10**8),
    total=st.none() | st.integers(0, 10**8),
    text=st.text(max_size=200),
)
def test_no_frame_is_wider_or_higher_than_the_terminal(
    width: int, height: int, done: int | None, total: int | None, text: str
) -> None:
    update = replace(
        FULL, done=done, total=total, slowed_by=text, failures=(RowFailure(1, "rejected", text),) * 3
    )
    shown = live_rows(update, width=width, height=height, now=NOON)

    assert 2 <= len(shown) <= max(2, min(ROWS, height - 1))
    assert all(row.cell_len <= min(80, width) for row in shown)
    assert not any("\n" in row.plain or "\x1b" in row.plain for row in shown)
