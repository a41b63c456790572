"""A call as a whole ends in time, and what nobody waits for any more is not sent."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from contextvars import ContextVar

import pytest

from migrate_mfa.aws import session as aws_module
from migrate_mfa.aws.deadline import Abandoned, TooLate, may_send, within
from migrate_mfa.aws.session import Aws, AwsTarget, call
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.stop import DRAIN_S, SILENT_DRAIN_S

seen: ContextVar[str] = ContextVar("seen", default="")


def test_the_answer_and_the_failure_come_through_with_the_callers_context() -> None:
    seen.set("here")

    assert within(5.0, seen.get) == "here"
    with pytest.raises(ZeroDivisionError):
        within(5.0, lambda: 1 // 0)


def test_what_was_not_sent_in_time_is_never_sent() -> None:
    go_on, kept_back = threading.Event(), threading.Event()

    def slow() -> None:
        go_on.wait(5)
        try:
            may_send()
        except Abandoned:
            kept_back.set()

    with pytest.raises(TooLate) as raised:
        within(0.01, slow)
    go_on.set()

    assert not raised.value.sent
    assert kept_back.wait(5)


def test_what_was_sent_may_have_been_done() -> None:
    go_on, sent = threading.Event(), threading.Event()

    def slow() -> None:
        may_send()
        sent.set()
        go_on.wait(5)

    with pytest.raises(TooLate) as raised:
        within(0.2, slow)
    go_on.set()

    assert sent.is_set()
    assert raised.value.sent


def test_outside_of_a_call_nothing_is_kept_back() -> None:
    may_send()


@pytest.fixture
def trickle() -> Iterator[str]:
    """A server that answers a byte at a time, each long before the time-out of a read, and never ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with closing(connection):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                while not over.wait(0.05):
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        break

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    over.set()
    listening.close()


def test_an_answer_that_trickles_ends_with_the_call(trickle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_module, "_CALL_S", 0.5)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    client = Aws(AwsTarget(user_pool_id="us-east-1_Ab", endpoint_url=trickle)).client("cognito-idp")

    began = time.monotonic()
    with pytest.raises(ApiError) as raised:
        call(
            client, "AdminUpdateUserAttributes", UserPoolId="us-east-1_Ab", Username="ann", UserAttributes=[]
        )

    assert time.monotonic() - began < 10
    assert raised.value.code == "ConnectionLost"
    assert raised.value.effect is Effect.UNKNOWN


def test_a_drain_has_room_for_the_longest_call() -> None:
    assert DRAIN_S + aws_module._CALL_S <= SILENT_DRAIN_S


def test_a_thread_that_was_left_alone_gets_no_more_work() -> None:
    go_on = threading.Event()
    with pytest.raises(TooLate):
        within(0.01, lambda: go_on.wait(5))

    assert within(5.0, lambda: "the next one") == "the next one"
    go_on.set()


def test_the_threads_of_calls_end_with_those_that_made_them() -> None:
    made: list[threading.Thread] = []
    maker = threading.Thread(target=lambda: made.append(within(5.0, threading.current_thread)))
    maker.start()
    maker.join()

    made[0].join(5)
    assert not made[0].is_alive()
