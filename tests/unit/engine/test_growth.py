"""A plan's work on disk grows with the roster and not with its square, whatever the rows have in common."""

from collections.abc import Callable
from pathlib import Path

import pytest

from migrate_mfa.domain.model import Candidate, PhoneSignIn
from tests.support.builders import a_candidate, a_pool, a_user
from tests.support.fakes import FakeUserPool
from tests.support.scene import scene

FEW, TIMES = 300, 4
_EVERY = 100  # steps of SQLite's virtual machine; how many is the same on every machine

SHAPES: dict[str, Callable[[int], list[Candidate]]] = {
    "a row for each user": lambda count: [row(at, at, at) for at in range(count)],
    "two rows for each": lambda count: [row(at, at // 2, at // 2) for at in range(count)],
    "two numbers for each": lambda count: [row(at, at // 2, at) for at in range(count)],
    "one number for all": lambda count: [row(at, at, 0) for at in range(count)],
    "nobody's rows": lambda count: [row(at, count + at, at) for at in range(count)],
    "one user in all rows": lambda count: [row(at, 0, 0) for at in range(count)],
}


def row(at: int, user: int, number: int) -> Candidate:
    return a_candidate(f"user{user}", row=at + 1, phone=f"+8190{10_000_000 + number}")


def steps(path: Path, rows: list[Candidate], sign_in: PhoneSignIn) -> int:
    pool = a_pool(phone_sign_in=sign_in, estimated_users=len(rows))
    users = [a_user(f"user{at}") for at in range(len(rows))]
    counted = 0

    def count() -> None:
        nonlocal counted
        counted += 1

    with scene(path, FakeUserPool(users, pool)) as made:
        with made.journal.database.transaction() as connection:
            connection.set_progress_handler(count, _EVERY)
        made.plan(rows, may_find_nobody=True)
        made.plans.shared_numbers()
        made.plans.planned_steps()
        made.plans.planned_countries()
    return counted


@pytest.mark.parametrize("sign_in", [PhoneSignIn.NO, PhoneSignIn.ALIAS])
@pytest.mark.parametrize("shape", SHAPES)
def test_four_times_the_rows_are_about_four_times_the_work(
    tmp_path: Path, shape: str, sign_in: PhoneSignIn
) -> None:
    few = steps(tmp_path / "few", SHAPES[shape](FEW), sign_in)
    many = steps(tmp_path / "many", SHAPES[shape](TIMES * FEW), sign_in)

    assert few > 0
    assert many < 1.5 * TIMES * few
