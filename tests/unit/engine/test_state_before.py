"""The state before a run's first write to a user is kept once, whatever happens afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrate_mfa.journal.values import state_from_json
from tests.support.builders import OTHER_PHONE, PHONE, a_candidate, a_user
from tests.support.fakes import MFA, UPDATE, Call, FakeUserPool, Killed
from tests.support.scene import scene

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.promise(2)


def test_a_resumed_run_does_not_take_its_own_first_write_for_the_state_before(tmp_path: Path) -> None:
    before = a_user(phone=OTHER_PHONE)

    def dies_before_the_second_write(call: Call) -> None:
        if call.operation == MFA:
            raise Killed

    with scene(tmp_path, FakeUserPool([before])) as run:
        run.plan([a_candidate()])
        run.user_pool.hook = dies_before_the_second_write
        with pytest.raises(Killed):
            run.settle_open()
        assert run.user_pool.true_state("ann").phone == PHONE
        run.user_pool.hook = lambda _: None
        run.reopen()

        run.settle_open()

        kept = state_from_json(run.journal.database.value("SELECT state FROM before_images"))
        assert (kept.phone, kept.phone_verified) == (OTHER_PHONE, False)
        assert run.user_pool.made(UPDATE, MFA).count(MFA) == 2
