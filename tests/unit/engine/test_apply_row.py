from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.decide import decide_disable
from migrate_mfa.domain.errors import NotAllowed, OutOfReach
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    MfaMode,
    MfaState,
    PhoneConflict,
    PhoneSignIn,
    Policy,
    PoolFacts,
    UserState,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.domain.rows import PlannedBy
from migrate_mfa.engine.apply_row import AGAIN_AFTER_S, READ_BACK_WAITS_S, ROUNDS, RowResult, apply_row
from migrate_mfa.journal.database import Database
from migrate_mfa.journal.values import state_from_json
from migrate_mfa.stop import StopCause, Stopped
from tests.support.builders import (
    AT_SIGN_IN,
    ATTESTED,
    BY_CODE,
    OTHER_PHONE,
    PHONE,
    SMS_PREFERRED,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
    mfa,
)
from tests.support.fakes import FACTORS, GET, LIST, MFA, UPDATE, Call, FakeClock, FakeUserPool, Killed
from tests.support.scene import Scene, scene

SENDS_CODES = a_pool(phone_auto_verified=True)
AFTER_ANY_STORE = (
    "UserLambdaValidationException",
    "UnexpectedLambdaException",
    "InvalidLambdaResponseException",
    "LimitExceededException",
)
AFTER_THE_STORE = {*product((UPDATE, MFA), AFTER_ANY_STORE), (UPDATE, "InvalidParameterException")}
"""Refusals that can come after the attributes were stored."""
LOST = ["ConnectionLost", "InternalErrorException", "GarbledAnswer"]


@contextmanager
def planned(
    path: Path,
    *,
    user: UserState | None = None,
    pool: PoolFacts | None = None,
    policy: Policy | None = None,
    phone: str | None = PHONE,
) -> Iterator[Scene]:
    """One user, planned; the calls of the plan are forgotten."""
    user_pool = FakeUserPool([user or a_user()], pool, FakeClock())
    with scene(path, user_pool, policy=policy) as run:
        run.plan([a_candidate(phone=phone)])
        user_pool.calls.clear()
        yield run


def settled(run: Scene) -> RowResult:
    found = run.settle_open(run.paced())
    assert len(found) == 1
    return found[0]


# The happy path


@pytest.mark.parametrize(
    ("verification", "calls", "reason"),
    [
        (ATTESTED, [GET, UPDATE, MFA, GET], Reason.ENROLLED),
        (BY_CODE, [GET, UPDATE, GET], Reason.AWAITING_CODE),
        (AT_SIGN_IN, [GET, UPDATE, MFA, GET], Reason.AWAITING_FIRST_SIGN_IN),
    ],
)
def test_a_user_is_read_written_and_read_back(
    tmp_path: Path, verification: VerificationPolicy, calls: list[str], reason: Reason
) -> None:
    with planned(tmp_path, policy=a_policy(verification)) as run:
        result = settled(run)

        assert run.user_pool.made() == calls
        assert result.verdict.reason is reason
        assert run.row() == (reason.outcome.value, reason.value)
        assert run.writes() == ["done"] * (len(calls) - 2)
        assert (result.read, result.wrote) == (True, True)


def test_a_user_costs_three_commits_and_each_write_has_its_intent_before_it(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        events: list[str] = []
        run.journal.database._connection.set_trace_callback(
            lambda sql: events.append("commit") if sql == "COMMIT" else None
        )
        run.user_pool.hook = lambda call: events.append(call.operation)

        settled(run)

        assert events == [GET, "commit", UPDATE, "commit", MFA, GET, "commit"]


@pytest.mark.parametrize("code", ["ExpiredTokenException", "AccessDeniedException"])
def test_a_write_is_journaled_as_done_when_the_run_ends_right_after_it(tmp_path: Path, code: str) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(GET, code, skip=1)

        with pytest.raises(NotAllowed):
            settled(run)

        assert run.writes() == ["done", "done"]
        assert run.row() == (Outcome.UNPROCESSED.value, None)


def test_the_end_of_a_happy_path_is_what_was_asked_for(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        settled(run)

        user = run.user_pool.true_state("ann")
        assert (user.phone, user.phone_verified, user.mfa) == (PHONE, True, SMS_PREFERRED)
        assert run.user_pool.sms == {}


def test_nothing_is_written_when_everything_is_in_effect(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.put(a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED))

        result = settled(run)

        assert run.user_pool.made() == [GET]
        assert result.verdict.reason is Reason.ALREADY_ENROLLED
        assert (result.read, result.wrote) == (True, False)
        assert run.writes() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mfa": mfa(SOFTWARE_TOKEN_MFA)}, Reason.HAS_TOTP),
        ({"mfa": mfa(EMAIL_OTP)}, Reason.HAS_EMAIL_MFA),
        ({"status": "RESET_REQUIRED"}, Reason.AWAITING_PASSWORD_RESET),
        ({"enabled": False}, Reason.DISABLED_USER),
        ({"phone": OTHER_PHONE, "phone_verified": True}, Reason.PHONE_DIFFERS),
        ({"phone": OTHER_PHONE, "mfa": SMS_PREFERRED}, Reason.PHONE_DIFFERS),
        ({"email_verified": False}, Reason.NO_RECOVERY_LEFT),
    ],
)
def test_the_read_before_the_write_decides_and_not_the_plan(
    tmp_path: Path, changes: dict[str, Any], reason: Reason
) -> None:
    with planned(tmp_path) as run:
        run.user_pool.put(a_user(**changes))

        result = settled(run)

        assert result.verdict.reason is reason
        assert run.user_pool.writes == []
        assert run.row() == (reason.outcome.value, reason.value)


def test_a_passkey_is_asked_for_only_where_one_would_be_blocked(tmp_path: Path) -> None:
    with planned(tmp_path / "a", pool=a_pool(passkeys_at_risk=True)) as run:
        run.user_pool.passkeys.add("ann")
        result = settled(run)

        assert result.verdict.reason is Reason.HAS_PASSKEY
        assert run.user_pool.made() == [GET, FACTORS]
        run.user_pool.passkeys.clear()
        run.journal.database.query("UPDATE rows SET outcome = 'unprocessed'")
        run.user_pool.calls.clear()
        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made() == [GET, FACTORS, UPDATE, MFA, GET]

    with planned(tmp_path / "b") as run:
        run.user_pool.passkeys.add("ann")
        assert settled(run).verdict.reason is Reason.ENROLLED
        assert FACTORS not in run.user_pool.made()


def test_where_mfa_is_required_the_verified_number_is_enough(tmp_path: Path) -> None:
    with planned(tmp_path, pool=a_pool(mfa=MfaMode.ON)) as run:
        result = settled(run)

        assert run.user_pool.made() == [GET, UPDATE, GET]
        assert result.verdict.reason is Reason.ENROLLED


def test_a_stronger_factor_stays_preferred(tmp_path: Path) -> None:
    policy = a_policy(despite=[Reason.HAS_TOTP])
    strong = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    with planned(tmp_path, user=a_user(mfa=strong), policy=policy) as run:
        assert settled(run).verdict.reason is Reason.ENROLLED

        after = run.user_pool.true_state("ann").mfa
        assert after == mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)


# The journal comes first


def test_before_every_write_its_intent_the_decision_and_the_state_before_are_on_disk(
    tmp_path: Path,
) -> None:
    seen: list[tuple[str, str, str]] = []
    with planned(tmp_path) as run:

        def look(call: Call) -> None:
            if call.operation not in {UPDATE, MFA}:
                return
            other = Database(tmp_path / "journal.sqlite", read_only=True)
            try:
                write = other.query("SELECT step, result FROM writes ORDER BY id DESC LIMIT 1")[0]
                before = state_from_json(other.value("SELECT state FROM before_images"))
                steps = other.value("SELECT steps FROM rows")
            finally:
                other.close()
            assert before == a_user()
            assert write["step"][1:-1] in steps
            seen.append((call.operation, write["step"], write["result"]))

        run.user_pool.hook = look
        settled(run)

    assert [(operation, result) for operation, _, result in seen] == [(UPDATE, "intent"), (MFA, "intent")]
    assert seen[0][1].startswith("V+")
    assert seen[1][1] == "S11"


def test_the_state_before_is_that_of_the_read_and_not_that_of_the_plan(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        fresh = a_user(phone=OTHER_PHONE, modified=7.0)
        run.user_pool.put(fresh)

        settled(run)

        image = run.one("SELECT state FROM before_images")
        assert state_from_json(image["state"]) == fresh


# A write whose answer was lost


@pytest.mark.parametrize("code", LOST)
@pytest.mark.parametrize("operation", [UPDATE, MFA])
def test_a_write_that_was_executed_without_an_answer_is_not_repeated(
    tmp_path: Path, code: str, operation: str
) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(operation, code, executed=True)

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(operation) == [operation]


@pytest.mark.parametrize("code", LOST)
@pytest.mark.parametrize("operation", [UPDATE, MFA])
def test_a_write_that_was_lost_on_the_way_is_made_again(tmp_path: Path, code: str, operation: str) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(operation, code, executed=False)

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(operation) == [operation] * 2
        assert sorted(run.writes()) == ["done", "done", "unknown"]


@pytest.mark.promise(4)
@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("stale_reads", [0, 1, len(READ_BACK_WAITS_S)])
def test_no_user_gets_a_second_sms_even_when_reads_are_late(
    tmp_path: Path, executed: bool, stale_reads: int
) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.stale_reads = stale_reads
        run.user_pool.fail(UPDATE, "ConnectionLost", executed=executed)

        result = settled(run)

        assert result.verdict.reason is (Reason.AWAITING_CODE if executed else Reason.GAVE_UP)
        assert run.user_pool.sms == ({"ann": 1} if executed else {})
        assert run.user_pool.made(UPDATE) == [UPDATE]


@pytest.mark.parametrize("lag_s", [sum(READ_BACK_WAITS_S) + 0.5, AGAIN_AFTER_S - 0.1])
def test_what_was_answered_is_not_made_again_where_the_next_answer_is_lost_and_all_shows_late(
    tmp_path: Path, lag_s: float
) -> None:
    with planned(tmp_path) as run:
        run.user_pool.lag_s = lag_s
        run.user_pool.fail(MFA, "ConnectionLost", executed=True)

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(UPDATE) == [UPDATE]


def test_no_user_gets_a_second_sms_when_a_write_takes_its_time_to_show(tmp_path: Path) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.lag_s = sum(READ_BACK_WAITS_S) - 0.1
        run.user_pool.fail(UPDATE, "ConnectionLost", executed=True)

        settled(run)

        assert run.user_pool.sms == {"ann": 1}


@pytest.mark.parametrize("policy", [BY_CODE, ATTESTED])
@pytest.mark.parametrize("stopped", [False, True], ids=["not effective", "stopped while it waits"])
def test_what_was_stored_and_shows_very_late_is_not_stored_again_by_the_next_process(
    tmp_path: Path, policy: VerificationPolicy, stopped: bool
) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(policy)) as run:
        run.user_pool.lag_s = AGAIN_AFTER_S - 0.1
        if stopped:
            run.user_pool.after = lambda call: (
                run.stop.request(StopCause.SIGTERM) if len(run.user_pool.made(GET)) > 1 else None
            )
            with pytest.raises(Stopped):
                settled(run)
            run.user_pool.after = lambda _: None
        else:
            assert settled(run).verdict.reason is Reason.NOT_EFFECTIVE
            run.plans.reopen_failed()
        run.reopen()

        ending = settled(run).verdict.reason

        assert ending is (Reason.AWAITING_CODE if policy is BY_CODE else Reason.ENROLLED)
        assert run.user_pool.made(UPDATE, MFA) == [UPDATE, MFA][: 1 if policy is BY_CODE else 2]
        assert run.user_pool.sms == ({"ann": 1} if policy is BY_CODE else {})


@pytest.mark.promise(4)
def test_a_write_that_was_in_flight_at_a_death_is_given_time_to_show(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.lag_s = 3.0

        def waits_in_the_queue(call: Call) -> None:
            if call.operation == UPDATE:
                run.clock.sleep(60.0)

        def dies(call: Call) -> None:
            if call.operation == UPDATE:
                raise Killed

        run.user_pool.hook, run.user_pool.after = waits_in_the_queue, dies
        with pytest.raises(Killed):
            run.settle_open()
        run.user_pool.hook = run.user_pool.after = lambda _: None
        run.reopen()

        assert settled(run).verdict.reason is Reason.ENROLLED
        assert run.user_pool.made(UPDATE) == [UPDATE]


def test_what_was_stored_is_not_stored_again_after_a_death_at_the_next_write(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.lag_s = AGAIN_AFTER_S - 0.1

        def dies(call: Call) -> None:
            if call.operation == MFA:
                raise Killed

        run.user_pool.hook = dies
        with pytest.raises(Killed):
            run.settle_open()
        run.user_pool.hook = lambda _: None
        run.reopen()

        settled(run)

        assert run.user_pool.made(UPDATE) == [UPDATE]


@pytest.mark.parametrize("lag_s", [4.5, 8.0])
@pytest.mark.parametrize("stopped", [False, True], ids=["to its end", "stopped while it waits"])
def test_after_an_answer_was_lost_no_message_is_risked_again_without_the_operators_word(
    tmp_path: Path, lag_s: float, stopped: bool
) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.lag_s = lag_s
        run.user_pool.fail(UPDATE, "ConnectionLost", executed=True)
        if stopped:
            run.user_pool.after = lambda call: (
                run.stop.request(StopCause.SIGTERM) if len(run.user_pool.made(GET)) > 1 else None
            )
            with pytest.raises(Stopped):
                settled(run)
            run.user_pool.after = lambda _: None
            run.reopen()
            run.user_pool.put(a_user())  # the pool shows it later than we look

        result = settled(run)

        assert result.verdict.reason is Reason.GAVE_UP
        assert "could send a second SMS" in result.verdict.detail
        assert run.user_pool.sms == {"ann": 1}
        run.user_pool.put(a_user())
        run.user_pool.lag_s = 0.0
        run.plans.reopen_failed()
        run.reopen()
        assert run.store.unverified_writes() == 1, "what is tried again counts beside what may have been sent"
        assert settled(run).verdict.reason is Reason.AWAITING_CODE, "the operator has said so"
        assert run.user_pool.sms == {"ann": 2}


@pytest.mark.parametrize("code", sorted(code for operation, code in AFTER_THE_STORE if operation == UPDATE))
def test_a_refusal_that_came_after_the_store_is_found_by_the_read_back(tmp_path: Path, code: str) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(UPDATE, code, executed=True, status=400)

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert run.writes() == ["unknown", "done"]


@pytest.mark.parametrize("lag_s", [3.0, sum(READ_BACK_WAITS_S) + 1.0, AGAIN_AFTER_S - 0.1])
def test_an_intent_without_a_result_may_have_been_sent_until_its_process_died(
    tmp_path: Path, lag_s: float
) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.lag_s = lag_s

        def waits_in_the_queue(call: Call) -> None:
            if call.operation == UPDATE:
                run.clock.sleep(60.0)

        def dies(call: Call) -> None:
            if call.operation == UPDATE:
                raise Killed

        run.user_pool.hook, run.user_pool.after = waits_in_the_queue, dies
        with pytest.raises(Killed):
            run.settle_open()
        run.user_pool.hook = run.user_pool.after = lambda _: None
        run.reopen()

        assert settled(run).verdict.reason is Reason.AWAITING_CODE
        assert run.user_pool.sms == {"ann": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"enabled": False},
        {"status": "EXTERNAL_PROVIDER"},
        {"email_verified": False, "mfa": mfa(EMAIL_OTP)},
    ],
    ids=["disabled", "federated", "another factor"],
)
def test_who_was_written_to_is_never_reported_as_skipped(tmp_path: Path, changes: dict[str, Any]) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(MFA, "InternalErrorException")
        run.user_pool.after = lambda call: (
            run.user_pool.put(a_user(phone=PHONE, phone_verified=True, **changes))
            if call.operation == UPDATE
            else None
        )

        result = settled(run)

        assert result.verdict.reason is Reason.HALF_DONE
        assert result.verdict.detail
        assert run.row() == ("failed", "half_done")
        run.plans.reopen_failed()
        assert settled(run).verdict.reason is Reason.HALF_DONE, "nor by the next run"


def test_an_effect_that_stays_unknown_is_given_up_after_the_documented_rounds(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(UPDATE, "ConnectionLost", times=1000)

        result = settled(run)

        assert result.verdict.reason is Reason.GAVE_UP
        assert run.user_pool.made(UPDATE) == [UPDATE] * ROUNDS
        assert result.wrote


def test_what_the_last_round_achieved_counts(tmp_path: Path) -> None:
    with planned(tmp_path, policy=a_policy(BY_CODE)) as run:
        run.user_pool.fail(UPDATE, "ConnectionLost", times=ROUNDS - 1)
        run.user_pool.fail(UPDATE, "ConnectionLost", executed=True)

        assert settled(run).verdict.reason is Reason.AWAITING_CODE


# Reads that are late


@pytest.mark.parametrize("stale_reads", range(len(READ_BACK_WAITS_S) + 1))
def test_a_write_that_shows_late_is_waited_for(tmp_path: Path, stale_reads: int) -> None:
    with planned(tmp_path) as run:
        run.user_pool.stale_reads = stale_reads

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert len(run.user_pool.made(GET)) == 2 + stale_reads


def test_a_write_that_never_shows_is_not_effective_after_the_documented_looks(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.stale_reads = 1000
        started = run.clock.monotonic()

        result = settled(run)

        assert result.verdict.reason is Reason.NOT_EFFECTIVE
        assert run.user_pool.made() == [GET, UPDATE, MFA, GET, GET, GET, GET]
        assert run.clock.monotonic() - started >= sum(READ_BACK_WAITS_S)
        assert run.row() == ("failed", "not_effective")


def test_a_number_that_the_pool_holds_back_is_not_effective_and_not_written_twice(tmp_path: Path) -> None:
    pool = a_pool(phone_needs_proof=True, phone_auto_verified=True)
    with planned(tmp_path, pool=pool, policy=a_policy(BY_CODE)) as run:
        result = settled(run)

        assert result.verdict.reason is Reason.NOT_EFFECTIVE
        assert run.user_pool.made(UPDATE) == [UPDATE]


# A factor that a write took away


class Greedy(FakeUserPool):
    """Takes every other factor away when SMS MFA is switched on."""

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        super().set_sms_mfa(username, enabled=enabled, preferred=preferred)
        user = self.true_state(username)
        self._users[username] = replace(user, mfa=SMS_PREFERRED)

    def prefer_factor(self, username: str, factor: str) -> None:
        user = self.true_state(username)
        assert user.mfa is not None
        self._users[username] = replace(user, mfa=replace(user.mfa, enabled=user.mfa.enabled | {factor}))
        super().prefer_factor(username, factor)


def test_a_stronger_factor_that_a_write_took_away_is_given_back(tmp_path: Path) -> None:
    strong = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    user_pool = Greedy([a_user(mfa=strong)])
    with scene(tmp_path, user_pool, policy=a_policy(despite=[Reason.HAS_TOTP])) as run:
        run.plan([a_candidate()])

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert user_pool.true_state("ann").mfa == mfa(
            SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA
        )


# Refusals


@pytest.mark.parametrize("operation", [UPDATE, MFA])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("UserNotFoundException", Reason.USER_NOT_FOUND),
        ("InvalidParameterException", Reason.REJECTED),
        ("AliasExistsException", Reason.PHONE_TAKEN),
        ("UserNotConfirmedException", Reason.AWAITING_CONFIRMATION),
        ("PasswordResetRequiredException", Reason.AWAITING_PASSWORD_RESET),
        ("NotAuthorizedException", Reason.REJECTED),
        ("UserLambdaValidationException", Reason.REJECTED),
        ("UnexpectedLambdaException", Reason.REJECTED),
        ("InvalidLambdaResponseException", Reason.REJECTED),
        ("LimitExceededException", Reason.GAVE_UP),
    ],
)
def test_a_refusal_ends_the_row_with_its_reason(
    tmp_path: Path, operation: str, code: str, reason: Reason
) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(operation, code, message=f"{PHONE} of ann@example.com is odd", status=400)

        result = settled(run)

        assert result.verdict.reason is reason
        assert code in result.verdict.detail
        assert PHONE not in result.verdict.detail
        assert "ann@" not in result.verdict.detail
        assert run.writes()[-1] == ("unknown" if (operation, code) in AFTER_THE_STORE else "refused")
        assert run.user_pool.made(operation) == [operation]


@pytest.mark.parametrize("operation", [GET, UPDATE, MFA])
def test_nobody_is_blamed_for_a_throttle_without_end(tmp_path: Path, operation: str) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(operation, "TooManyRequestsException", times=10_000)

        with pytest.raises(OutOfReach):
            settled(run)

        assert run.row() == ("unprocessed", None)


def test_a_code_that_nobody_knows_is_settled_by_a_read(tmp_path: Path) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.fail(UPDATE, "NeverHeardOfException", executed=True, status=400)

        result = settled(run)

        assert result.verdict.reason is Reason.AWAITING_CODE
        assert run.user_pool.sms == {"ann": 1}


def test_a_user_who_keeps_failing_is_given_up(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(GET, "InternalErrorException", times=1000)

        result = settled(run)

        assert result.verdict.reason is Reason.GAVE_UP
        assert "InternalErrorException" in result.verdict.detail


def test_a_user_who_was_deleted_is_not_found(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.remove("ann")

        assert settled(run).verdict.reason is Reason.USER_NOT_FOUND


def test_another_user_made_under_the_same_name_is_not_touched(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.put(a_user(sub="another"))

        result = settled(run)

        assert result.verdict.reason is Reason.USER_NOT_FOUND
        assert run.user_pool.writes == []


@pytest.mark.parametrize("state", [mfa(), mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)])
def test_a_user_replaced_between_two_writes_gets_no_further_write(tmp_path: Path, state: MfaState) -> None:
    policy = a_policy(despite=[Reason.HAS_TOTP])
    with planned(tmp_path, user=a_user(mfa=state), policy=policy) as run:
        run.user_pool.fail(MFA, "ConnectionLost")
        run.user_pool.hook = lambda call: (
            run.user_pool.put(a_user(sub="another")) if call.operation == MFA else None
        )

        result = settled(run)

        assert result.verdict.reason is Reason.USER_NOT_FOUND
        assert run.user_pool.made(MFA) == [MFA]


def test_what_concerns_every_user_leaves_the_row_open(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.fail(UPDATE, "AccessDeniedException")

        with pytest.raises(NotAllowed):
            settled(run)

        assert run.row() == ("unprocessed", None)


def test_a_stop_while_a_write_is_waited_for_leaves_the_row_open_and_the_next_run_ends_it(
    tmp_path: Path,
) -> None:
    with planned(tmp_path, pool=SENDS_CODES, policy=a_policy(BY_CODE)) as run:
        run.user_pool.stale_reads = 1
        run.user_pool.after = lambda call: (
            run.stop.request(StopCause.SIGTERM) if call.operation == UPDATE else None
        )
        with pytest.raises(Stopped):
            settled(run)
        assert run.row() == ("unprocessed", None)
        run.reopen()

        result = settled(run)

        assert result.verdict.reason is Reason.AWAITING_CODE
        assert run.user_pool.sms == {"ann": 1}


# A second user in the way: phone numbers that sign people in


def test_a_number_that_became_taken_since_the_plan_is_refused_by_cognito(tmp_path: Path) -> None:
    pool = a_pool(phone_sign_in=PhoneSignIn.USERNAME)
    with planned(tmp_path, pool=pool) as run:
        run.user_pool.put(a_user("bob", phone=PHONE))

        assert settled(run).verdict.reason is Reason.PHONE_TAKEN


ALIAS = a_pool(phone_sign_in=PhoneSignIn.ALIAS)


@pytest.mark.parametrize(
    ("pool", "holder", "reason"),
    [
        pytest.param(ALIAS, {"phone_verified": True}, Reason.PHONE_TAKEN, id="proved by another"),
        pytest.param(ALIAS, {}, Reason.ENROLLED, id="not proved: nothing is taken from anybody"),
        pytest.param(
            ALIAS, {"phone_verified": True, "status": "EXTERNAL_PROVIDER"}, Reason.ENROLLED, id="federated"
        ),
        pytest.param(
            a_pool(phone_sign_in=PhoneSignIn.USERNAME), {}, Reason.PHONE_TAKEN, id="the name of another"
        ),
        pytest.param(a_pool(), {"phone_verified": True}, Reason.ENROLLED, id="numbers sign nobody in"),
    ],
)
def test_a_number_that_became_another_users_since_the_plan_is_not_taken_from_them(
    tmp_path: Path, pool: PoolFacts, holder: dict[str, Any], reason: Reason
) -> None:
    with planned(tmp_path, pool=pool) as run:
        run.user_pool.put(a_user("bob", phone=PHONE, **holder))

        assert settled(run).verdict.reason is reason
        assert run.user_pool.made(UPDATE) == [UPDATE] * (reason is Reason.ENROLLED)


def test_who_has_a_number_is_looked_up_on_every_page_and_only_before_it_is_stored(tmp_path: Path) -> None:
    with planned(tmp_path, pool=ALIAS) as run:
        run.user_pool.page_size = 1
        for name, verified in (("bob", False), ("cat", False), ("dan", True)):
            run.user_pool.put(a_user(name, phone=PHONE, phone_verified=verified))

        assert settled(run).verdict.reason is Reason.PHONE_TAKEN
        assert run.user_pool.made() == [GET, LIST, LIST, LIST]
        assert run.writes() == ["refused"]

    with planned(tmp_path / "proved", user=a_user(phone=PHONE, phone_verified=True), pool=ALIAS) as run:
        assert settled(run).verdict.reason is Reason.ENROLLED
        assert LIST not in run.user_pool.made()


# Dying at every point, and going on


class Deaths:
    """Counts the moments at which a process can die, and dies at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at = at
        self.moments = 0

    def moment(self, _: object = None) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Killed


class MortalDatabase(Database):
    """Dies just before or just after a commit, when told to."""

    deaths = Deaths(None)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with super().transaction() as db:
            yield db
            self.deaths.moment()
        self.deaths.moment()


def mortal(run: Scene, deaths: Deaths) -> None:
    run.journal.database.__class__ = MortalDatabase
    MortalDatabase.deaths = deaths
    run.user_pool.hook = deaths.moment
    run.user_pool.after = deaths.moment


def immortal(run: Scene) -> None:
    mortal(run, Deaths(None))


CASES: dict[str, dict[str, Any]] = {
    "attested": {},
    "by code, with an SMS": {"pool": SENDS_CODES, "policy": a_policy(BY_CODE)},
    "at sign-in, with an SMS": {"pool": SENDS_CODES, "policy": a_policy(AT_SIGN_IN)},
    "replacing a number": {
        "user": a_user(phone=OTHER_PHONE, phone_verified=True, mfa=SMS_PREFERRED),
        "policy": a_policy(conflict=PhoneConflict.REPLACE),
    },
    "beside a stronger factor": {
        "user": a_user(mfa=mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)),
        "policy": a_policy(despite=[Reason.HAS_TOTP]),
    },
}


def plan_for(case: dict[str, Any]) -> dict[str, Any]:
    # A user whose number differs is planned as such only while the plan allows it; all of these are planned.
    return {"user": a_user(), **case}


def undisturbed(path: Path, case: dict[str, Any]) -> tuple[UserState, tuple[str, str | None], int]:
    """The end without any death, and how many moments there are to die at."""
    with planned(path, **plan_for(case)) as run:
        deaths = Deaths(None)
        mortal(run, deaths)
        run.settle_open()
        return run.user_pool.true_state("ann"), run.row(), deaths.moments


@pytest.mark.parametrize("lag_s", [0.0, sum(READ_BACK_WAITS_S) - 0.1], ids=["at once", "late"])
@pytest.mark.parametrize("case", CASES)
def test_a_run_that_dies_at_any_moment_ends_the_same_when_it_is_run_again(
    tmp_path: Path, case: str, lag_s: float
) -> None:
    user, row, moments = undisturbed(tmp_path / "whole", CASES[case])
    assert moments >= 8

    for at in range(1, moments + 1):
        with planned(tmp_path / str(at), **plan_for(CASES[case])) as run:
            run.user_pool.lag_s = lag_s
            before = run.user_pool.true_state("ann")
            mortal(run, Deaths(at))
            with pytest.raises(Killed):
                run.settle_open()
            immortal(run)
            run.reopen()
            immortal(run)

            run.settle_open()

            told = f"died at moment {at} of {moments}"
            assert run.row() == row, told
            assert replace(run.user_pool.true_state("ann"), modified=user.modified) == user, told
            assert max(run.user_pool.sms.values(), default=0) <= 1, told
            image = run.journal.database.value("SELECT state FROM before_images")
            assert state_from_json(image) == before, told


@pytest.mark.parametrize("lag_s", [0.0, sum(READ_BACK_WAITS_S) - 0.1], ids=["at once", "late"])
def test_a_run_that_dies_twice_sends_no_second_sms(tmp_path: Path, lag_s: float) -> None:
    case = CASES["by code, with an SMS"]
    _, row, moments = undisturbed(tmp_path / "whole", case)

    for first in range(1, moments + 1, 2):
        for second in range(1, moments + 1, 2):
            with planned(tmp_path / f"{first}-{second}", **plan_for(case)) as run:
                run.user_pool.lag_s = lag_s
                for at in (first, second, None):
                    mortal(run, Deaths(at))
                    try:
                        run.settle_open()
                    except Killed:
                        immortal(run)
                        run.reopen()
                immortal(run)

                assert run.row() == row
                assert run.user_pool.sms == {"ann": 1}


def test_a_user_whom_an_earlier_run_had_written_to_is_enrolled_by_this_one(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.after = Deaths(3).moment  # read, store, MFA: dies with both writes made
        with pytest.raises(Killed):
            run.settle_open()
        run.user_pool.after = lambda _: None
        run.reopen()

        result = settled(run)

        assert result.verdict.reason is Reason.ENROLLED
        assert len(run.user_pool.writes) == 2


def test_running_again_after_success_writes_nothing_in_the_same_directory_or_a_fresh_one(
    tmp_path: Path,
) -> None:
    with planned(tmp_path / "first") as run:
        settled(run)
        user_pool = run.user_pool
        user_pool.calls.clear()
        run.reopen()
        assert run.settle_open() == []

    with scene(tmp_path / "second", user_pool) as again:
        again.plan([a_candidate()])
        again.settle_open()

        assert again.row() == ("verified", "already_enrolled")
        assert user_pool.writes == []


def test_a_legacy_setting_counts_as_mfa_that_is_on(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        run.user_pool.put(a_user(phone=PHONE, phone_verified=True, mfa=MfaState(legacy_sms=True)))

        assert settled(run).verdict.reason is Reason.ALREADY_ENROLLED
        assert run.user_pool.writes == []


@pytest.mark.parametrize(
    ("left", "detail"),
    [(MfaState(legacy_sms=True), "MFAOptions"), (SMS_PREFERRED, "")],
    ids=["legacy", "own"],
)
def test_mfa_that_cannot_be_switched_off_is_traced_to_the_legacy_setting_where_it_is_that(
    tmp_path: Path, left: MfaState, detail: str
) -> None:
    with planned(tmp_path, user=a_user(phone=PHONE, phone_verified=True)) as run:
        stuck = a_user(phone=PHONE, phone_verified=True, mfa=left)
        run.user_pool.put(stuck)
        run.user_pool.after = lambda call: run.user_pool.put(stuck) if call.operation == MFA else None
        run.journal.database.query("UPDATE rows SET verb = 'disable'")
        off = partial(decide_disable, pool=run.user_pool.pool, policy=run.policy)
        context = replace(run.context(run.paced()), decide=lambda work, state: off(work.candidate, state))

        [work] = run.store.claim((PlannedBy.DISABLE,), 0, 1)
        verdict = apply_row(work, context).verdict

    assert verdict.reason is Reason.NOT_EFFECTIVE
    assert detail in verdict.detail
    assert bool(verdict.detail) is bool(detail)


def test_every_ending_of_a_row_has_an_outcome_other_than_unprocessed(tmp_path: Path) -> None:
    with planned(tmp_path) as run:
        settled(run)

        assert run.store.counts() == {Outcome.VERIFIED: 1}
