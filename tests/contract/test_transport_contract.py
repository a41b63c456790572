"""What becomes of an answer that goes wrong on its way: the right code, and what it says about the effect."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.model import Phone
from migrate_mfa.ports import sending
from tests.contract.targets import Moto, Pool, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PHONE = Phone("+819012345678")
CALLS: dict[str, Callable[[CognitoUserPool], object]] = {
    "DescribeUserPool": lambda directory: directory.describe(),
    "ListUsers": lambda directory: directory.page(None, None),
    "AdminGetUser": lambda directory: directory.user("taro"),
    "AdminUpdateUserAttributes": lambda directory: directory.store_phone("taro", PHONE, verified=True),
    "AdminSetUserMFAPreference": lambda directory: directory.set_sms_mfa(
        "taro", enabled=True, preferred=True
    ),
}
KINDS = {
    "throttle": ("TooManyRequestsException", Effect.THROTTLED),
    "internal_error": ("InternalErrorException", Effect.UNKNOWN),
    "unavailable": ("ServiceUnavailable", Effect.UNKNOWN),
    "reset": ("ConnectionLost", Effect.UNKNOWN),
    "expired_token": ("ExpiredTokenException", Effect.FATAL),
    "clock_skew": ("InvalidSignatureException", Effect.FATAL),
    "access_denied": ("AccessDeniedException", Effect.FATAL),
    "error": ("InvalidParameterException", Effect.REFUSED),
}


@pytest.fixture
def pool(simulator: Simulator) -> Iterator[Pool]:
    """A pool of the simulator with the user taro; faults end with the test."""
    made = Pool(simulator, simulator.client.create_user_pool(PoolName="members")["UserPool"]["Id"])
    made.add(phone_number=PHONE.e164)
    yield made
    simulator.running.control("faults", {})


def failure(pool: Pool, operation: str, **rule: Any) -> tuple[str, Effect, int]:
    """Code and effect of a call that meets a fault, and how often it was sent."""
    target = pool.target
    assert isinstance(target, Simulator)
    target.running.control("faults", {"rules": [{"ops": [operation], **rule}]})
    with pytest.raises(ApiError) as caught:
        CALLS[operation](pool.directory)
    fired = target.running.control("stats")["faults_fired"]
    return caught.value.code, caught.value.effect, fired["0"]


@pytest.mark.parametrize("operation", CALLS)
def test_a_call_says_when_it_is_put_on_the_wire(pool: Pool, operation: str) -> None:
    """The limiter counts that moment: what comes before it, a new token or a connection, may take seconds."""
    target = pool.target
    assert isinstance(target, Simulator)

    def received() -> int:
        return sum(call["op"] == operation for call in target.running.control("ledger")["calls"])

    before, seen = received(), list[int]()
    announce = sending.set(lambda: seen.append(received()))
    try:
        CALLS[operation](pool.directory)
    finally:
        sending.reset(announce)

    assert seen[:1] == [before]
    assert received() == before + 1


@pytest.mark.parametrize("operation", CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_has_its_code_and_effect_and_is_tried_once(pool: Pool, operation: str, kind: str) -> None:
    assert failure(pool, operation, kind=kind) == (*KINDS[kind], 1)


@pytest.mark.parametrize("operation", ["AdminUpdateUserAttributes", "AdminSetUserMFAPreference"])
@pytest.mark.parametrize("kind", ["reset", "internal_error"])
def test_a_write_whose_answer_was_lost_may_have_been_carried_out(
    pool: Pool, operation: str, kind: str
) -> None:
    before = pool.directory.user("taro")

    _, effect, _ = failure(pool, operation, kind=kind, when="after")

    assert effect is Effect.UNKNOWN
    assert pool.directory.user("taro") != before


@pytest.mark.parametrize("operation", ["DescribeUserPool", "ListUsers", "AdminGetUser"])
def test_a_200_without_sense_is_no_answer_to_a_read(pool: Pool, operation: str) -> None:
    code, effect, _ = failure(pool, operation, kind="garbage")

    assert (code, effect) == ("GarbledAnswer", Effect.UNKNOWN)


def test_a_long_wait_is_a_lost_connection(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("migrate_mfa.aws.session._READ_TIMEOUT_S", 0.3)
    impatient = CognitoUserPool(Aws(AwsTarget(user_pool_id=pool.id, endpoint_url=pool.target.endpoint)))
    assert isinstance(pool.target, Simulator)
    pool.target.running.control("faults", {"rules": [{"kind": "hang", "ops": ["AdminGetUser"]}]})

    with pytest.raises(ApiError) as caught:
        impatient.user("taro")

    assert (caught.value.code, caught.value.effect) == ("ConnectionLost", Effect.UNKNOWN)


def test_where_nobody_listens_nothing_was_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{closed.getsockname()[1]}"
        nobody = CognitoUserPool(
            Aws(AwsTarget(user_pool_id="ap-northeast-1_Nobody001", endpoint_url=endpoint))
        )

        with pytest.raises(ApiError) as caught:
            nobody.store_phone("taro", PHONE, verified=True)

    assert (caught.value.code, caught.value.effect) == ("ConnectFailed", Effect.NOT_EXECUTED)


def test_an_operation_that_an_emulator_lacks_is_told_from_a_refusal(moto: Moto) -> None:
    """Moto answers with HTTP 500 and a page."""
    made = Pool(moto, moto.client.create_user_pool(PoolName="members")["UserPool"]["Id"])

    with pytest.raises(ApiError) as caught:
        made.directory.has_passkey("taro")

    assert caught.value.effect is Effect.UNKNOWN
