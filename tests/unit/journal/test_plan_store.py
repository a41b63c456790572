from dataclasses import replace
from pathlib import Path

import pytest

from migrate_mfa.domain.resolve import IdentityKind
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.plan_store import PlanStore
from tests.support.builders import a_user


@pytest.mark.parametrize("indexed", [False, True], ids=["before the index", "after it"])
def test_a_later_look_at_a_user_replaces_an_earlier_one(tmp_path: Path, indexed: bool) -> None:
    early, late, other = a_user(), replace(a_user(), email="new@example.com"), a_user("ben")
    with Journal.create_or_open(tmp_path) as journal:
        store = PlanStore(journal.database)
        store.add_users([early, other])
        if indexed:
            store.index_users()
        store.add_users([late])
        store.index_users()

        assert store.count_users() == 2
        assert [user.email for user in store.find(IdentityKind.SUB, early.sub)] == [late.email]
        assert store.find(IdentityKind.EMAIL, early.email or "") == []


def test_a_plan_made_anew_starts_from_nothing_and_takes_users_twice_again(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        store = PlanStore(journal.database)
        for _ in range(2):
            store.reset()
            store.add_users([a_user()])
            store.add_users([a_user()])
            assert store.count_users() == 2
            store.index_users()
            assert store.count_users() == 1
