"""A call as a whole ends in time, and what nobody waits for any more is not sent."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from contextvars import ContextVar

import pytest

from migrate_mfa.aws import session as aws_module
from migrate_mfa.aws.deadline import Abandoned, TooLate, may_send, within
from migrate_mfa.aws.session import Aws, AwsTarget, call
from migrate_mfa.domain.failure import CONNECT_FAILED, ApiError, Effect
from migrate_mfa.stop import DRAIN_S, SILENT_DRAIN_S

seen: ContextVar[str] = ContextVar("seen", default="")
_ENDLESS_S = 20.0
"""How long that goes on which never ends, so that a test without a deadline fails and does not hang."""


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


@contextmanager
def trickling(beginning: bytes) -> Iterator[int]:
    """The port of a server that answers a byte at a time, each long before the time-out of a read."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with closing(connection), suppress(OSError):
                connection.recv(65536)
                connection.sendall(beginning)
                while not over.wait(0.05):
                    connection.sendall(b" ")

    threading.Thread(target=serve, daemon=True).start()
    giving_up = threading.Timer(_ENDLESS_S, over.set)
    giving_up.start()
    try:
        yield listening.getsockname()[1]
    finally:
        giving_up.cancel()
        over.set()
        listening.close()


@pytest.fixture
def aws_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Aws]:
    """Make a session for an endpoint, whose calls may take half a second."""
    monkeypatch.setattr(aws_module, "_CALL_S", 0.5)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    return lambda url: Aws(AwsTarget(user_pool_id="us-east-1_Ab", endpoint_url=url))


def failed_write(aws: Aws) -> ApiError:
    client = aws.client("cognito-idp")
    began = time.monotonic()
    with pytest.raises(ApiError) as raised:
        call(
            client, "AdminUpdateUserAttributes", UserPoolId="us-east-1_Ab", Username="ann", UserAttributes=[]
        )
    assert time.monotonic() - began < 4  # connecting ends after five seconds by itself
    return raised.value


@pytest.mark.parametrize(
    ("scheme", "beginning"),
    [
        ("http", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
        ("http", b"HTTP/1.1 200 OK\r\nX-Endless: "),
        ("https", b"\x16\x03\x03\x3f\xff"),
    ],
    ids=["a body", "a header", "a TLS handshake"],
)
def test_what_trickles_ends_with_the_call(
    aws_at: Callable[[str], Aws], scheme: str, beginning: bytes
) -> None:
    with trickling(beginning) as port:
        error = failed_write(aws_at(f"{scheme}://127.0.0.1:{port}"))

    assert (error.code, error.effect) == ("ConnectionLost", Effect.UNKNOWN)


def test_a_name_that_is_not_found_in_time_ends_with_the_call(
    aws_at: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def silent(*_: object, **__: object) -> None:
        over.wait(_ENDLESS_S)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    error = failed_write(aws_at("http://cognito.example"))
    over.set()

    assert (error.code, error.effect) == ("ConnectionLost", Effect.UNKNOWN)


def test_credentials_that_are_not_renewed_in_time_end_with_the_call(
    aws_at: Callable[[str], Aws], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a credential_process that hangs: no socket of ours is waited for."""
    over = threading.Event()

    class Stalled:
        def get_frozen_credentials(self) -> None:
            over.wait(_ENDLESS_S)

    aws = aws_at("http://127.0.0.1:9")
    monkeypatch.setattr(aws, "_credentials", Stalled())

    error = failed_write(aws)
    over.set()

    assert (error.code, error.effect) == (CONNECT_FAILED, Effect.NOT_EXECUTED)


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
