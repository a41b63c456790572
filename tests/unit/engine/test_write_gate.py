"""What holds at the moment of each write: the pool's settings as they are then, and --max-sms."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.model import MfaMode, Plan, PoolFacts, UserState
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.live_pool import OLDEST_S
from migrate_mfa.engine.sms_allowance import OverMaxSmsError
from tests.support.builders import (
    AT_SIGN_IN,
    ATTESTED,
    BY_CODE,
    OTHER_PHONE,
    PHONE,
    THIRD_PHONE,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
)
from tests.support.fakes import DESCRIBE, GET, MFA, UPDATE, Call, FakeClock, FakeUserPool
from tests.support.scene import Scene, scene

SENDS_CODES = a_pool(phone_auto_verified=True)
PAUSED = OLDEST_S + 1


@contextmanager
def planned(
    path: Path, verification: Any = ATTESTED, *, pool: PoolFacts | None = None, user: UserState | None = None
) -> Iterator[Scene]:
    user_pool = FakeUserPool([user or a_user()], pool, FakeClock())
    with scene(path, user_pool, policy=a_policy(verification)) as run:
        run.plan([a_candidate()])
        user_pool.calls.clear()
        yield run


def pause_before(run: Scene, operation: str, pool: PoolFacts) -> None:
    """Once this operation was asked for, the process stands still, and the pool changes."""
    assert isinstance(run.clock, FakeClock)
    clock, seen = run.clock, set[str]()

    def hook(call: Call) -> None:
        if call.operation == operation and not seen:
            seen.add(operation)
            clock.advance(PAUSED)
            run.user_pool.pool = pool

    run.user_pool.hook = hook


def apply_row(run: Scene) -> str:
    (result,) = run.settle_open(run.paced())
    return result.verdict.reason.value


# The pool's settings


def test_a_pause_between_the_decision_and_the_write_is_noticed_before_the_write(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        pause_before(run, GET, a_pool(mfa=MfaMode.OFF))

        with pytest.raises(PoolNotReady):
            apply_row(run)

        assert run.user_pool.made() == [GET, DESCRIBE]
        assert run.writes() == ["refused"], "what was not sent can be sent, and needs no undoing"
        assert run.row() == ("unprocessed", None)


def test_a_pause_between_two_writes_is_noticed_before_the_second(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        pause_before(run, UPDATE, a_pool(sms_configured=False))

        with pytest.raises(PoolNotReady):
            apply_row(run)

        assert run.user_pool.made() == [GET, UPDATE, DESCRIBE]
        assert run.writes() == ["done", "refused"]

        run.user_pool.pool = a_pool()
        run.user_pool.hook = lambda _: None
        run.reopen()
        assert apply_row(run) == "enrolled"


def test_a_user_is_decided_again_by_the_new_settings(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        pause_before(run, GET, a_pool(mfa=MfaMode.ON))

        assert apply_row(run) == "enrolled"
        assert run.user_pool.writes == [UPDATE], "where MFA is required nobody is switched on"
        assert run.user_pool.made(DESCRIBE) == [DESCRIBE]
        assert sum("(mfa)" in each for each in run.progress.said) == 1


def test_after_a_write_the_new_settings_lead_to_no_second_store(tmp_path: Path) -> None:
    with planned(tmp_path, AT_SIGN_IN, pool=SENDS_CODES) as run:
        run.user_pool.lag_s = 3.0
        pause_before(run, UPDATE, replace(SENDS_CODES, recovery=("admin_only",)))

        assert apply_row(run) == "awaiting_first_sign_in"
        assert run.user_pool.writes == [UPDATE, MFA]
        assert run.user_pool.sms == {"ann": 1}


def test_passkeys_that_come_to_be_offered_meanwhile_are_looked_for(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.passkeys = {"ann"}
        pause_before(run, GET, a_pool(passkeys_at_risk=True))

        assert apply_row(run) == "has_passkey"
        assert run.user_pool.writes == []


# --max-sms


def test_a_code_that_was_not_counted_is_not_sent(tmp_path: Path) -> None:
    with planned(tmp_path, BY_CODE) as run:
        run.max_sms = 0
        pause_before(run, GET, SENDS_CODES)

        with pytest.raises(OverMaxSmsError):
            apply_row(run)

        assert (run.user_pool.writes, run.user_pool.sms) == ([], {})
        assert run.row() == ("unprocessed", None)

        run.max_sms = 1
        assert apply_row(run) == "awaiting_code"
        assert run.user_pool.sms == {"ann": 1}


def test_a_number_that_is_vouched_for_needs_no_allowance(tmp_path: Path) -> None:
    with planned(tmp_path, ATTESTED, pool=SENDS_CODES) as run:
        run.max_sms = 0

        assert apply_row(run) == "enrolled"


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        ({"code": "AliasExistsException", "status": 400}, 1),
        ({"code": "InvalidParameterException", "status": 400}, 0),
        ({"code": "ConnectionLost", "executed": True}, 0),
    ],
)
def test_a_message_counts_unless_cognito_refused_the_write_before_it_could_be_sent(
    tmp_path: Path, fault: dict[str, Any], left: int
) -> None:
    with planned(tmp_path, BY_CODE, pool=SENDS_CODES) as run:
        run.max_sms = 1
        run.user_pool.fail(UPDATE, **fault)

        run.settle_open(run.paced())

        assert run.max_sms - run.store.unverified_rows() == left


def test_a_user_who_was_counted_before_a_crash_is_not_counted_twice(tmp_path: Path) -> None:
    with planned(tmp_path, BY_CODE, pool=SENDS_CODES) as run:
        run.max_sms = 1
        (work,) = run.store.claim((PlannedBy.RUN,), 0, 1)
        state = run.user_pool.user("ann")
        plan = run.decide(work, state)
        assert isinstance(plan, Plan)
        run.store.record_intent(work, state, plan, run.clock.now())
        run.reopen()  # killed before it was sent

        assert apply_row(run) == "awaiting_code"
        assert run.user_pool.sms == {"ann": 1}


# A number that the user entered since


@pytest.mark.parametrize("killed", [True, False], ids=["killed", "refused"])
@pytest.mark.parametrize("later", [OTHER_PHONE, THIRD_PHONE])
def test_a_row_that_stored_its_number_once_leaves_the_user_the_one_entered_since(
    tmp_path: Path, later: str, killed: bool
) -> None:
    user = a_user(phone=OTHER_PHONE)
    with planned(tmp_path, AT_SIGN_IN, pool=SENDS_CODES, user=user) as run:
        code = "AccessDeniedException" if killed else "InvalidParameterException"
        run.user_pool.fail(MFA, code, status=400)
        try:
            apply_row(run)
        except Exception:  # noqa: BLE001 - how it ends is not what this is about
            assert killed
        run.journal.database.query("UPDATE rows SET outcome = 'unprocessed', reason = NULL")
        run.user_pool.put(replace(run.user_pool.true_state("ann"), phone=later))
        run.reopen()

        assert apply_row(run) == "phone_differs"
        assert run.user_pool.true_state("ann").phone == later
        assert run.user_pool.sms == {"ann": 1}


def test_a_read_that_is_late_is_nobodys_change(tmp_path: Path) -> None:
    with planned(tmp_path, AT_SIGN_IN, pool=SENDS_CODES, user=a_user(phone=OTHER_PHONE)) as run:
        run.user_pool.fail(MFA, "InvalidParameterException", status=400)
        apply_row(run)
        run.journal.database.query("UPDATE rows SET outcome = 'unprocessed', reason = NULL")
        run.reopen()
        run.user_pool.stale_reads, run.user_pool._stale["ann"] = 1, (2, a_user(phone=OTHER_PHONE))

        assert apply_row(run) == "awaiting_first_sign_in"
        assert run.user_pool.true_state("ann").phone == PHONE
        assert run.user_pool.sms == {"ann": 1}
