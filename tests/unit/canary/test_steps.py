"""What is walked with which user, and the walk: each odd answer of Cognito, and what is left behind."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.canary.sign_in import Challenge, Tokens
from migrate_mfa.canary.steps import Walked, Way, find_way
from migrate_mfa.canary.walk import Walk
from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, PoolNotReady
from migrate_mfa.domain.model import (
    EMAIL_OTP,
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    MfaMode,
    MfaState,
    NumberClaims,
    Phone,
    PhoneSignIn,
    Plan,
    PoolFacts,
    UserState,
    Verdict,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rollback import restore
from migrate_mfa.domain.rows import PlannedRow, Resolved
from migrate_mfa.stop import Stopped
from tests.support import cognito_rules
from tests.support.builders import OTHER_PHONE, PHONE, SMS_PREFERRED, a_pool, a_record, a_user, mfa
from tests.support.fakes import FakeUserPool
from tests.support.scene import Scene, scene
from tests.support.sign_in import FakeSignIn, Person, refusal

WRONG = "000000"
BY_CODE_STEPS = [
    "sign_in",
    "store_number",
    "send_code",
    "verify_number",
    "enable_mfa",
    "end_first_session",
    "sign_in_again",
    "answer_code",
    "end_session",
]


def way_of(
    user: UserState,
    phone: str = PHONE,
    *,
    attested: bool = False,
    claims: NumberClaims | None = None,
    **pool: Any,
) -> Way | Verdict:
    return find_way(user, Phone(phone), pool=a_pool(**pool), attested=attested, claims=claims)


class TestFindingTheWay:
    @pytest.mark.parametrize(
        ("user", "attested", "store", "prove", "enable", "sms"),
        [
            (a_user(), False, True, True, True, 2),
            (a_user(), True, True, False, True, 1),
            (a_user(phone=PHONE), False, False, True, True, 2),
            (a_user(phone=PHONE), True, True, False, True, 1),
            (a_user(phone=PHONE, phone_verified=True), False, False, False, True, 1),
            (a_user(phone=PHONE, phone_verified=True), True, False, False, True, 1),
            (a_user(phone=OTHER_PHONE), False, True, True, True, 2),
            (a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED), False, False, False, False, 1),
            (a_user(phone=PHONE, mfa=SMS_PREFERRED), False, False, False, False, 1),
            (a_user(phone=PHONE, mfa=SMS_PREFERRED), True, True, False, False, 1),
            (a_user(phone=PHONE, mfa=mfa(legacy_sms=True)), False, False, False, False, 1),
            (a_user(status="FORCE_CHANGE_PASSWORD"), False, True, True, True, 2),
        ],
    )
    def test_only_what_is_missing_is_done(
        self, user: UserState, *, attested: bool, store: bool, prove: bool, enable: bool, sms: int
    ) -> None:
        way = way_of(user, attested=attested)

        assert isinstance(way, Way)
        assert (way.store, way.prove, way.enable, way.sms) == (store, prove, enable, sms)
        assert way.first_sign_in == enable  # whoever has SMS MFA is challenged at once
        assert way.writes == (store or prove or enable)

    @pytest.mark.parametrize(
        ("user", "reason"),
        [
            (a_user(status="EXTERNAL_PROVIDER"), Reason.FEDERATED_USER),
            (a_user(enabled=False), Reason.DISABLED_USER),
            (a_user(status="UNCONFIRMED"), Reason.AWAITING_CONFIRMATION),
            (a_user(status="RESET_REQUIRED"), Reason.AWAITING_PASSWORD_RESET),
            (a_user(status="ARCHIVED"), Reason.UNSUPPORTED_STATUS),
            (a_user(mfa=mfa(SOFTWARE_TOKEN_MFA)), Reason.HAS_TOTP),
            (a_user(mfa=mfa(EMAIL_OTP)), Reason.HAS_EMAIL_MFA),
            (a_user(mfa=MfaState(passkey=True)), Reason.HAS_PASSKEY),
            (a_user(phone=OTHER_PHONE, phone_verified=True), Reason.PHONE_DIFFERS),
            (a_user(phone=OTHER_PHONE, mfa=SMS_PREFERRED), Reason.PHONE_DIFFERS),
            (a_user(mfa=SMS_PREFERRED), Reason.PHONE_DIFFERS),
            (a_user(email_verified=False), Reason.NO_RECOVERY_LEFT),
        ],
    )
    def test_whom_a_plan_would_leave_alone_is_left_alone(self, user: UserState, reason: Reason) -> None:
        found = way_of(user)

        assert isinstance(found, Verdict)
        assert found.reason is reason

    @pytest.mark.parametrize("attested", [False, True])
    def test_a_number_that_signs_another_user_in_is_not_taken(self, *, attested: bool) -> None:
        claims = NumberClaims(held_by_other=True)

        found = way_of(a_user(), attested=attested, claims=claims, phone_sign_in=PhoneSignIn.ALIAS)

        assert found == Verdict(Reason.PHONE_TAKEN, "Another user of the pool has this number.")

    def test_where_mfa_is_required_only_an_administrator_can_set_a_number(self) -> None:
        with pytest.raises(PoolNotReady) as caught:
            way_of(a_user(), mfa=MfaMode.ON)
        assert "--attested" in caught.value.hint

        way = way_of(a_user(), mfa=MfaMode.ON, attested=True)
        assert isinstance(way, Way)
        assert (way.store, way.enable, way.first_sign_in) == (True, False, False)

    @pytest.mark.parametrize(
        ("user", "attested", "path", "proves"),
        [
            (a_user(), False, "by code", False),
            (a_user(), True, "attested", False),
            (a_user(phone=PHONE, mfa=SMS_PREFERRED), False, "sign-in only", True),
            (a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED), False, "sign-in only", False),
        ],
    )
    def test_the_path_has_a_name(self, user: UserState, *, attested: bool, path: str, proves: bool) -> None:
        way = way_of(user, attested=attested)

        assert isinstance(way, Way)
        assert (way.path, way.proves_by_signing_in) == (path, proves)


@dataclass
class Stage:
    """One user on a way, and what watches it."""

    scene: Scene
    user_pool: FakeUserPool
    sign_in: FakeSignIn
    person: Person
    told: list[Walked]
    way: Way

    def walk(self) -> bool:
        way = self.way
        walk = Walk(
            way,
            PlannedRow(way.candidate, way.state.sub, way.state.username, NumberClaims(), wrote=False),
            store=self.scene.store,
            user_pool=self.scene.paced(),
            sign_in=self.sign_in,
            ask=self.person,
            clock=self.scene.clock,
            stop=self.scene.stop,
            client=("pool_1", "client"),
            tell=self.told.append,
        )
        return walk.go()

    @property
    def user(self) -> UserState:
        return self.user_pool.true_state("ann")

    def statuses(self) -> dict[str, str]:
        return {step.name: step.status for step in self.told}

    def failed(self) -> Walked:
        (failed,) = [step for step in self.told if step.status == "failed"]
        return failed

    def undone(self) -> UserState:
        """The user as a rollback would leave it."""
        state, pool = self.user, self.user_pool.pool
        before = self.scene.store.before_image(state.sub)
        if before is None:
            return state
        decision = restore(before, state, self.scene.store.writes_of(1), pool)
        return cognito_rules.apply(decision, state, pool) if isinstance(decision, Plan) else state


class Stages:
    """Makes stages, each in a directory of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: list[Any] = []

    def __call__(
        self,
        user: UserState | None = None,
        *,
        attested: bool = False,
        pool: PoolFacts | None = None,
    ) -> Stage:
        user = user or a_user()
        user_pool = FakeUserPool([user], pool=pool)
        opened = scene(self._folder / str(len(self._open)), user_pool)
        made = opened.__enter__()
        self._open.append(opened)
        way = find_way(user, Phone(PHONE), pool=user_pool.pool, attested=attested)
        assert isinstance(way, Way)
        made.plans.add_records([a_record(way.candidate)], 0.0)
        made.plans.add_users([user])
        made.plans.resolve([Resolved(1, user.sub, way.phone.e164, "by-code")])
        sign_in = FakeSignIn(user_pool, "ann")
        return Stage(made, user_pool, sign_in, Person(sign_in), [], way)

    def close(self) -> None:
        for each in self._open:
            each.__exit__(None, None, None)


@pytest.fixture
def stages(tmp_path: Path) -> Iterator[Stages]:
    made = Stages(tmp_path)
    yield made
    made.close()


def same(one: UserState, other: UserState) -> bool:
    return replace(one, modified=0) == replace(other, modified=0)


class TestTheWholeWay:
    def test_by_code(self, stages: Stages) -> None:
        stage = stages()

        assert stage.walk()
        assert [step.name for step in stage.told] == BY_CODE_STEPS
        assert set(stage.statuses().values()) == {"ok"}
        assert (stage.user.phone, stage.user.phone_verified) == (PHONE, True)
        assert stage.user.mfa == mfa(SMS_MFA, preferred=SMS_MFA)
        assert stage.sign_in.sms == stage.way.sms == 2
        assert stage.sign_in.sessions == set()
        assert stage.person.asked == ["password", "code +*********78", "code +*********78"]

    def test_a_write_that_sends_the_code_is_not_followed_by_another_code(self, stages: Stages) -> None:
        stage = stages(pool=a_pool(phone_auto_verified=True))

        assert stage.walk()
        assert "send_code" not in stage.statuses()
        assert stage.sign_in.sms == 2

    def test_a_number_that_is_held_back_until_it_is_proven(self, stages: Stages) -> None:
        stage = stages(pool=a_pool(phone_auto_verified=True, phone_needs_proof=True))

        assert stage.walk()
        assert (stage.user.phone, stage.user.phone_verified) == (PHONE, True)

    def test_attested(self, stages: Stages) -> None:
        stage = stages(attested=True)

        assert stage.walk()
        assert [step.operation for step in stage.told] == [
            "AdminInitiateAuth",
            "AdminUpdateUserAttributes",
            "AdminSetUserMFAPreference",
            "RevokeToken",
            "AdminInitiateAuth",
            "AdminRespondToAuthChallenge",
            "RevokeToken",
        ]
        assert stage.sign_in.sms == 1

    def test_an_enrolled_user_only_signs_in(self, stages: Stages) -> None:
        user = a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED)
        stage = stages(user)

        assert stage.walk()
        assert [step.name for step in stage.told] == ["sign_in_again", "answer_code", "end_session"]
        assert stage.user_pool.writes == []
        assert same(stage.user, user)

    def test_the_seconds_are_those_of_the_calls(self, stages: Stages) -> None:
        stage = stages()
        stage.user_pool.hook = lambda _: stage.scene.clock.sleep(0.25)
        stage.person.pause = lambda: stage.scene.clock.sleep(60)

        assert stage.walk()
        seconds = {step.name: step.seconds for step in stage.told}
        assert seconds["store_number"] == seconds["verify_number"] == seconds["enable_mfa"] == 0.25
        assert seconds["answer_code"] == 0

    def test_every_write_is_an_intent_first_with_the_user_as_it_was(self, stages: Stages) -> None:
        stage = stages()
        seen: list[tuple[str, bool]] = []

        def look(_: object) -> None:
            last = stage.scene.store.last_write(1)
            before = stage.scene.store.before_image("sub-ann")
            seen.append((last.result if last else "none", before == stage.way.state))

        stage.user_pool.hook = look
        assert stage.walk()
        assert seen == [("intent", True)] * 3
        assert stage.scene.writes() == ["done", "done", "done"]


class TestPasswords:
    def test_a_wrong_one_may_be_typed_again(self, stages: Stages) -> None:
        stage = stages()
        stage.person.passwords = ["wrong", "wrong"]

        assert stage.walk()
        assert stage.person.said == [
            "That is not the user's password; tries left: 2.",
            "That is not the user's password; tries left: 1.",
        ]

    def test_three_wrong_ones_end_it(self, stages: Stages) -> None:
        stage = stages()
        stage.person.passwords = ["wrong"] * 3

        assert not stage.walk()
        assert "Incorrect username or password" in stage.failed().says
        assert stage.person.asked == ["password"] * 3
        assert stage.scene.writes() == []

    @pytest.mark.parametrize(
        ("code", "message", "says"),
        [
            ("NotAuthorizedException", "User is disabled.", "User is disabled."),
            ("NotAuthorizedException", "Password attempts exceeded", "Password attempts exceeded"),
            ("NotAuthorizedException", "Unable to verify secret hash for client", "secret hash"),
            ("PasswordResetRequiredException", "", "must reset the password"),
            ("UserNotConfirmedException", "", "has not confirmed"),
            ("UserNotFoundException", "", "by its sub or Username"),
            ("LimitExceededException", "", "wait for an hour"),
            ("InvalidParameterException", "Something else.", "Something else."),
            ("UserLambdaValidationException", "ann@example.com", "[address]"),
            ("MFAMethodNotFoundException", "", "--attested"),
            ("ForbiddenException", "blocked", "no usable answer"),
            ("ConnectionLost", "", "may have been done"),
        ],
    )
    def test_other_refusals_say_what_they_mean_and_ask_nothing_again(
        self, stages: Stages, code: str, message: str, says: str
    ) -> None:
        stage = stages()
        stage.sign_in.fail("AdminInitiateAuth", refusal("AdminInitiateAuth", code, message))

        assert not stage.walk()
        assert says in stage.failed().says
        assert stage.failed().name == "sign_in"
        assert stage.sign_in.calls == ["AdminInitiateAuth"]
        assert stage.scene.writes() == []

    def test_a_client_without_the_flow_is_the_pools_problem_and_names_the_setting(
        self, stages: Stages
    ) -> None:
        stage = stages()
        error = refusal(
            "AdminInitiateAuth", "InvalidParameterException", "Auth flow not enabled for this client"
        )
        stage.sign_in.fail("AdminInitiateAuth", error)

        with pytest.raises(PoolNotReady) as caught:
            stage.walk()

        assert "ALLOW_ADMIN_USER_PASSWORD_AUTH" in caught.value.message
        assert "describe-user-pool-client --user-pool-id pool_1 --client-id client" in caught.value.hint
        assert stage.failed().name == "sign_in"


class TestChallenges:
    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("NEW_PASSWORD_REQUIRED", "temporary password"),
            ("SELECT_MFA_TYPE", "several factors"),
            ("MFA_SETUP", "--attested"),
            ("SOFTWARE_TOKEN_MFA", "authenticator app"),
            ("EMAIL_OTP", "by e-mail"),
            ("DEVICE_SRP_AUTH", "remembered device"),
            ("CUSTOM_CHALLENGE", "Lambda triggers"),
            ("WEB_AUTHN", "WEB_AUTHN"),
        ],
    )
    @pytest.mark.parametrize("again", [False, True])
    def test_what_cannot_be_answered_here_is_explained(
        self, stages: Stages, name: str, says: str, *, again: bool
    ) -> None:
        stage = stages()
        challenge = Challenge(name=name, session="s", username="the id")
        if again:
            first = Tokens("first", "refresh")
            stage.sign_in.sessions.add("first")
            stage.sign_in.begins.append(first)
        stage.sign_in.begins.append(challenge)

        assert not stage.walk()
        assert says in stage.failed().says
        assert stage.failed().name == ("sign_in_again" if again else "sign_in")
        assert same(stage.undone(), stage.way.state)

    def test_tokens_without_a_code_are_a_failure(self, stages: Stages) -> None:
        stage = stages()
        for name in ("one", "two"):
            stage.sign_in.sessions.add(name)
            stage.sign_in.begins.append(Tokens(name, "refresh"))

        assert not stage.walk()
        assert "tokens came at once" in stage.failed().says
        assert stage.statuses()["end_session"] == "ok"
        assert stage.sign_in.sessions == set()

    def test_a_second_challenge_after_the_code_is_a_failure(self, stages: Stages) -> None:
        stage = stages()
        stage.sign_in.answers.append(Challenge(name="CUSTOM_CHALLENGE", session="s", username="the id"))

        assert not stage.walk()
        assert stage.failed().name == "answer_code"


class TestCodes:
    @pytest.mark.parametrize("at", ["verify_number", "answer_code"])
    def test_a_wrong_code_may_be_typed_again(self, stages: Stages, at: str) -> None:
        stage = stages()
        before = [None] if at == "answer_code" else []
        stage.person.type(*before, WRONG, WRONG, None)

        assert stage.walk()
        assert stage.person.said == [
            "That code is wrong; tries left: 2.",
            "That code is wrong; tries left: 1.",
        ]
        assert stage.sign_in.sms == 2

    @pytest.mark.parametrize("at", ["verify_number", "answer_code"])
    def test_three_wrong_codes_end_it(self, stages: Stages, at: str) -> None:
        stage = stages()
        before = [None] if at == "answer_code" else []
        stage.person.type(*before, WRONG, WRONG, WRONG, None)

        assert not stage.walk()
        assert (stage.failed().name, stage.failed().says) == (at, "The code was wrong 3 times.")
        assert same(stage.undone(), stage.way.state)

    @pytest.mark.parametrize(
        ("at", "error"),
        [
            ("verify_number", refusal("VerifyUserAttribute", "ExpiredCodeException")),
            ("answer_code", refusal("AdminRespondToAuthChallenge", "ExpiredCodeException")),
            (
                "answer_code",
                refusal(
                    "AdminRespondToAuthChallenge",
                    "NotAuthorizedException",
                    "Invalid session for the user, session is expired.",
                ),
            ),
        ],
    )
    def test_an_expired_code_can_be_had_anew_once(self, stages: Stages, at: str, error: Any) -> None:
        stage = stages()
        stage.sign_in.fail(error.operation, error)
        stage.person.type(agrees=[True])

        assert stage.walk()
        assert "That code is too old. Send a new one (one more SMS)?" in stage.person.asked
        assert stage.sign_in.sms == 3

        again = stages()
        again.sign_in.fail(error.operation, error, error)
        again.person.type(agrees=[True, True])
        assert not again.walk()
        assert again.failed().name == at
        assert again.sign_in.sms == (3 if at == "answer_code" else 2)
        assert same(again.undone(), again.way.state)

    def test_no_code_and_no_wish_for_another_ends_it_with_where_to_look(self, stages: Stages) -> None:
        stage = stages()
        stage.person.type("", agrees=[False])

        assert not stage.walk()
        assert "No code has come." in stage.failed().says
        assert "spending limit" in stage.failed().says
        assert stage.sign_in.sms == 1

    def test_codes_of_the_sign_in_that_are_locked_are_not_renewed(self, stages: Stages) -> None:
        stage = stages()
        error = refusal("AdminRespondToAuthChallenge", "NotAuthorizedException", "MFA attempts exceeded")
        stage.sign_in.fail("AdminRespondToAuthChallenge", error)

        assert not stage.walk()
        assert "MFA attempts exceeded" in stage.failed().says
        assert stage.sign_in.sms == 2

    @pytest.mark.parametrize(
        ("operation", "name", "code", "says"),
        [
            ("UpdateUserAttributes", "store_number", "NotAuthorizedException", "NotAuthorizedException"),
            ("UpdateUserAttributes", "store_number", "AliasExistsException", "several users have this one"),
            ("UpdateUserAttributes", "store_number", "CodeDeliveryFailureException", "spending limit"),
            ("UpdateUserAttributes", "store_number", "ConnectionLost", "may have been done"),
            ("GetUserAttributeVerificationCode", "send_code", "LimitExceededException", "wait for an hour"),
            ("GetUserAttributeVerificationCode", "send_code", "CodeDeliveryFailureException", "SMS role"),
            ("VerifyUserAttribute", "verify_number", "LimitExceededException", "wait for an hour"),
            ("VerifyUserAttribute", "verify_number", "ConnectionLost", "may have been done"),
        ],
    )
    def test_other_refusals_on_the_way(
        self, stages: Stages, operation: str, name: str, code: str, says: str
    ) -> None:
        stage = stages()
        stage.sign_in.fail(operation, refusal(operation, code))

        assert not stage.walk()
        assert (stage.failed().name, says in stage.failed().says) == (name, True)
        assert stage.statuses()["end_session"] == "ok"
        assert stage.sign_in.sessions == set()
        assert same(stage.undone(), stage.way.state)

    @pytest.mark.parametrize("operation", ["UpdateUserAttributes", "VerifyUserAttribute"])
    def test_a_write_whose_answer_was_lost_is_not_repeated_and_can_be_undone(
        self, stages: Stages, operation: str
    ) -> None:
        stage = stages()
        stage.sign_in.lose_answer(operation)

        assert not stage.walk()
        assert "may have been done" in stage.failed().says
        assert stage.sign_in.calls.count(operation) == 1
        assert stage.scene.writes()[-1] == "unknown"
        assert not same(stage.user, stage.way.state)
        assert same(stage.undone(), stage.way.state)

    @pytest.mark.parametrize("at", ["send_code", "sign_in_again"])
    def test_a_code_that_goes_to_another_number_ends_it(self, stages: Stages, at: str) -> None:
        stage = stages(attested=at == "sign_in_again")
        stage.sign_in.destination = "+*******9999"

        assert not stage.walk()
        assert stage.failed().name == at
        assert "another number" in stage.failed().says
        assert "9999" not in stage.failed().says


class TestSessions:
    @pytest.mark.parametrize(
        "code", ["UnsupportedOperationException", "UnauthorizedException", "ConnectionLost"]
    )
    def test_a_session_that_cannot_be_ended_is_said_and_changes_nothing(
        self, stages: Stages, code: str
    ) -> None:
        stage = stages()
        stage.sign_in.fail("RevokeToken", *[refusal("RevokeToken", code)] * 2)

        assert stage.walk()
        assert {n: s for n, s in stage.statuses().items() if s != "ok"} == {
            "end_first_session": "noted",
            "end_session": "noted",
        }
        if code == "UnsupportedOperationException":
            assert "token revocation disabled" in stage.told[-1].says

    def test_a_lost_answer_is_never_asked_for_again(self, stages: Stages) -> None:
        stage = stages(a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED))
        stage.sign_in.fail("AdminInitiateAuth", refusal("AdminInitiateAuth", "ConnectionLost", status=0))

        assert not stage.walk()
        assert stage.sign_in.calls == ["AdminInitiateAuth"]

    def test_a_throttle_is_waited_for(self, stages: Stages) -> None:
        stage = stages()
        throttle = refusal("AdminInitiateAuth", "TooManyRequestsException")
        stage.sign_in.fail("AdminInitiateAuth", *[throttle] * 3)

        assert stage.walk()
        assert stage.sign_in.calls.count("AdminInitiateAuth") == 5

    def test_what_concerns_everybody_is_raised_after_the_session_has_ended(self, stages: Stages) -> None:
        stage = stages()
        stage.sign_in.fail(
            "GetUserAttributeVerificationCode",
            refusal("GetUserAttributeVerificationCode", "InvalidSmsRoleAccessPolicyException"),
        )

        with pytest.raises(PoolNotReady):
            stage.walk()

        assert stage.failed().name == "send_code"
        assert stage.sign_in.sessions == set()
        assert same(stage.undone(), stage.way.state)

    def test_a_refused_write_of_the_administrator_is_raised_too(self, stages: Stages) -> None:
        stage = stages()
        stage.user_pool.fail("AdminSetUserMFAPreference", "AccessDeniedException")

        with pytest.raises(NotAllowed) as caught:
            stage.walk()

        assert isinstance(caught.value, MigrateMfaError)
        assert stage.failed().name == "enable_mfa"
        assert same(stage.undone(), stage.way.state)

    @pytest.mark.parametrize("codes", [[], [None]], ids=["at the first code", "at the second code"])
    def test_ctrl_c_at_a_code_leaves_a_way_back_and_no_session(
        self, stages: Stages, codes: list[None]
    ) -> None:
        stage = stages()
        stage.person.type(*codes, Stopped())

        with pytest.raises(Stopped):
            stage.walk()

        assert stage.told[-1].status == "ok" if not codes else stage.told[-1].status == "stopped"
        assert "stopped" in stage.statuses().values()
        assert stage.sign_in.sessions == set()
        assert not same(stage.user, stage.way.state)
        assert same(stage.undone(), stage.way.state)
