"""What others change between the look at a user and our write is given back where it shows, and told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from migrate_mfa.domain.model import (
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    MfaMode,
    PhoneConflict,
    PhoneSignIn,
    Policy,
    PoolFacts,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import Write
from migrate_mfa.engine.apply_row import RowResult
from migrate_mfa.engine.write_gate import MOST_LOOKS, OLDEST_LOOK_S
from migrate_mfa.journal.write_store import WorkStore
from tests.support.builders import BY_CODE, OTHER_PHONE, PHONE, a_candidate, a_policy, a_pool, a_user, mfa
from tests.support.fakes import GET, LIST, MFA, UPDATE, Call, FakeClock, FakeUserPool, Killed
from tests.support.scene import Scene, scene

ALIAS = a_pool(phone_sign_in=PhoneSignIn.ALIAS)
TOTP = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)


@contextmanager
def planned(path: Path, *, pool: PoolFacts | None = None, policy: Policy | None = None) -> Iterator[Scene]:
    user_pool = FakeUserPool([a_user()], pool, FakeClock())
    with scene(path, user_pool, policy=policy) as run:
        run.plan([a_candidate()])
        user_pool.calls.clear()
        yield run


def settled(run: Scene) -> RowResult:
    found = run.settle_open(run.paced())
    assert len(found) == 1
    return found[0]


def before(run: Scene, operation: str, act: Callable[[], None]) -> None:
    """Somebody acts right before the first call of an operation is executed."""
    left = [act]

    def hook(call: Call) -> None:
        if call.operation == operation and left:
            left.pop()()

    run.user_pool.hook = hook


def becomes(run: Scene, **changes: object) -> Callable[[], None]:
    def act() -> None:
        user = run.user_pool.true_state("ann")
        run.user_pool._change(user, replace(user, **changes))  # type: ignore[arg-type]

    return act


def test_an_authenticator_app_that_was_set_up_meanwhile_stays_preferred(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        before(run, MFA, becomes(run, mfa=TOTP))

        result = settled(run)

        assert result.verdict.reason is Reason.HALF_DONE
        assert "authenticator app" in result.verdict.detail
        assert run.user_pool.true_state("ann").mfa == mfa(
            SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA
        )


def test_with_the_operators_leave_the_app_stays_preferred_and_the_user_is_enrolled(tmp_path: Path) -> None:
    with planned(tmp_path, policy=a_policy(despite=[Reason.HAS_TOTP])) as run:
        before(run, MFA, becomes(run, mfa=TOTP))

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.true_state("ann").mfa == mfa(
            SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA
        )


@pytest.mark.parametrize("conflict", list(PhoneConflict))
def test_a_number_that_was_proved_meanwhile_comes_back_once_a_late_look_has_shown_it(
    tmp_path: Path, conflict: PhoneConflict
) -> None:
    with planned(tmp_path, policy=a_policy(conflict=conflict)) as run:
        proved = a_user(phone=OTHER_PHONE, phone_verified=True)
        late = [(1, proved)]

        def show_late(call: Call) -> None:
            if call.operation == UPDATE and late:
                run.user_pool._stale["ann"] = late.pop()

        before(run, UPDATE, becomes(run, phone=OTHER_PHONE, phone_verified=True))
        run.user_pool.after = show_late

        result = settled(run)

        kept = {Reason.ENROLLED} if conflict is PhoneConflict.KEEP else set()
        assert result.verdict.reason in {Reason.PHONE_DIFFERS} | kept
        assert run.user_pool.true_state("ann").proven_phone == OTHER_PHONE
        image = run.store.before_image("sub-ann")
        assert image is not None
        assert image.proven_phone == OTHER_PHONE


def test_in_a_pool_that_requires_mfa_by_now_no_factor_counts_as_taken(tmp_path: Path) -> None:
    user = a_user(mfa=TOTP)
    with planned(tmp_path, policy=a_policy(despite=[Reason.HAS_TOTP])) as run:
        run.user_pool.put(user)
        run.user_pool.fail(MFA, "InternalErrorException", times=8)
        settled(run)
        run.user_pool.pool = replace(run.user_pool.pool, mfa=MfaMode.ON)
        run.journal.database.query("UPDATE rows SET outcome = 'unprocessed', reason = NULL")
        run.reopen()
        run.user_pool.calls.clear()

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert MFA not in run.user_pool.made()


def test_a_look_that_is_too_old_when_the_turn_comes_is_made_again(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        first, asked = [True], run.store.record_intent

        def slowly(*arguments: object) -> int:
            if first:
                first.clear()
                run.clock.sleep(OLDEST_LOOK_S + 0.1)
            return asked(*arguments)  # type: ignore[arg-type]

        run.store.record_intent = slowly  # type: ignore[method-assign,assignment]

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made() == [GET, GET, UPDATE, MFA, GET]
        assert run.writes() == ["refused", "done", "done"]


def test_a_write_is_made_though_every_look_is_too_old_when_its_turn_comes(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        asked = run.store.record_intent

        def slowly(*arguments: object) -> int:
            run.clock.sleep(OLDEST_LOOK_S + 0.1)
            return asked(*arguments)  # type: ignore[arg-type]

        run.store.record_intent = slowly  # type: ignore[method-assign,assignment]

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(GET, UPDATE, MFA) == [GET] * (1 + MOST_LOOKS) + [UPDATE, MFA, GET]


def test_a_holder_whom_the_list_shows_late_is_read(tmp_path: Path) -> None:
    """ListUsers shows the number as unproved still; AdminGetUser knows better."""
    with planned(tmp_path, pool=ALIAS) as run:
        bob = a_user("bob", phone=PHONE, phone_verified=True)
        run.user_pool.put(bob)
        listed = run.user_pool._page

        def late(*arguments: object) -> object:
            run.user_pool._users["bob"] = replace(bob, phone_verified=False)
            try:
                return listed(*arguments)  # type: ignore[arg-type]
            finally:
                run.user_pool._users["bob"] = bob

        run.user_pool._page = late  # type: ignore[method-assign,assignment]

        assert settled(run).verdict.reason is Reason.PHONE_TAKEN
        assert run.user_pool.writes == []
        assert run.user_pool.true_state("bob").phone_verified


def test_a_holder_whom_only_the_journal_names_is_read(tmp_path: Path) -> None:
    with planned(tmp_path, pool=ALIAS) as run:
        run.plans.add_users([a_user("bob", phone=PHONE)])
        run.user_pool.put(a_user("bob", phone=PHONE, phone_verified=True))
        listed = run.user_pool._page

        def without_bob(*arguments: object) -> object:
            page = listed(*arguments)  # type: ignore[arg-type]
            return replace(page, users=tuple(user for user in page.users if user.username != "bob"))

        run.user_pool._page = without_bob  # type: ignore[method-assign,assignment]

        assert settled(run).verdict.reason is Reason.PHONE_TAKEN
        assert run.user_pool.made(GET, LIST) == [GET, LIST, GET]


def test_a_slow_look_at_the_holders_of_a_number_does_not_put_the_write_off_for_ever(tmp_path: Path) -> None:
    with planned(tmp_path, pool=ALIAS) as run:

        def slowly(call: Call) -> None:
            if call.operation == LIST:
                run.clock.sleep(OLDEST_LOOK_S + 0.1)

        run.user_pool.hook = slowly

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(GET, LIST) == [GET, LIST, GET, GET]


def test_a_number_that_nobody_has_proved_costs_a_read_and_is_taken(tmp_path: Path) -> None:
    with planned(tmp_path, pool=ALIAS) as run:
        run.user_pool.put(a_user("bob", phone=PHONE))

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(GET, LIST) == [GET, LIST, GET, GET]


def test_a_code_that_a_dead_process_may_have_sent_is_not_sent_again_to_who_took_the_number_out(
    tmp_path: Path,
) -> None:
    """The user looks as before, but was touched: by us, or by somebody else."""
    pool = a_pool(phone_auto_verified=True)
    with planned(tmp_path, pool=pool, policy=a_policy(BY_CODE)) as run:

        def die(call: Call) -> None:
            if call.operation == UPDATE:
                raise Killed

        run.user_pool.after = die
        with pytest.raises(Killed):
            settled(run)
        run.user_pool.after = lambda _: None
        becomes(run, phone=None, phone_verified=False)()
        run.reopen()

        assert settled(run).verdict.reason is Reason.GAVE_UP
        assert run.user_pool.sms == {"ann": 1}


def test_a_code_that_a_dead_process_has_not_sent_is_sent_to_who_was_not_touched(tmp_path: Path) -> None:
    pool = a_pool(phone_auto_verified=True)
    with planned(tmp_path, pool=pool, policy=a_policy(BY_CODE)) as run:

        def die(call: Call) -> None:
            if call.operation == UPDATE:
                raise Killed

        run.user_pool.hook = die
        with pytest.raises(Killed):
            settled(run)
        run.user_pool.hook = lambda _: None
        run.reopen()

        assert settled(run).verdict.reason is Reason.AWAITING_CODE
        assert run.user_pool.sms == {"ann": 1}


def test_the_journal_is_not_asked_what_it_was_just_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with planned(tmp_path) as run:
        asked: list[int] = []
        writes_of = type(run.store).writes_of

        def counting(store: WorkStore, row: int) -> list[Write]:
            asked.append(row)
            return writes_of(store, row)

        monkeypatch.setattr(WorkStore, "writes_of", counting)

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert asked == []


def test_what_an_earlier_process_stored_is_not_taken_for_the_users_own_number(tmp_path: Path) -> None:
    """A resumed row whose number was stored before: it is ours though this process has not stored it."""
    with planned(tmp_path) as run:
        before(run, MFA, _die)
        with pytest.raises(Killed):
            settled(run)
        run.reopen()
        run.clock.sleep(3600.0)
        run.user_pool.calls.clear()

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(GET, UPDATE, MFA) == [GET, MFA, GET], "no further look at a number of ours"


def _die() -> None:
    raise Killed
