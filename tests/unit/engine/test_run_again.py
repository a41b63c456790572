"""Once a run has succeeded, running it again writes nothing: not in its directory, and not in a fresh one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.domain.model import VerificationPolicy
from tests.support.builders import BY_CODE, OTHER_PHONE, PHONE, a_candidate, a_policy, a_pool, a_user
from tests.support.fakes import FakeUserPool
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.domain.model import UserState

pytestmark = pytest.mark.promise(5)

STATES = {
    "no number": a_user(),
    "an equal unproven number": a_user(phone=PHONE),
    "another unproven number": a_user(phone=OTHER_PHONE),
    "an equal proven number": a_user(phone=PHONE, phone_verified=True),
}


@pytest.mark.parametrize("fresh", [False, True], ids=["same directory", "fresh directory"])
@pytest.mark.parametrize("verification", VerificationPolicy)
@pytest.mark.parametrize("user", STATES.values(), ids=STATES)
def test_running_again_after_success_writes_nothing_under_every_policy(
    tmp_path: Path, user: UserState, verification: VerificationPolicy, fresh: bool
) -> None:
    policy = a_policy(verification)
    directory = FakeUserPool([user], a_pool(phone_auto_verified=True))
    with scene(tmp_path / "first", directory, policy=policy) as run:
        run.plan([a_candidate()])
        run.settle_open()
        first = run.row()
        made, sent = list(directory.writes), directory.sms.total()
        run.reopen()
        run.settle_open()
    assert first[0] in {"verified", "pending"}

    if fresh:
        with scene(tmp_path / "fresh", directory, policy=policy) as again:
            again.plan([a_candidate()])
            again.settle_open()
            assert again.row()[0] == first[0]

    assert directory.writes == made
    assert directory.sms.total() == sent <= 1


def test_a_number_that_is_stored_already_and_unproven_is_never_sent_again(tmp_path: Path) -> None:
    directory = FakeUserPool([a_user(phone=PHONE)], a_pool(phone_auto_verified=True))
    with scene(tmp_path, directory, policy=a_policy(BY_CODE)) as run:
        run.plan([a_candidate()])
        run.settle_open()

        assert run.row() == ("pending", "awaiting_code")
        assert directory.writes == []
        assert directory.sms.total() == 0
