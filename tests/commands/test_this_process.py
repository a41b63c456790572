"""What the other tests rely on: a command leaves this process as it was, and nothing leaves this machine."""

from __future__ import annotations

import copy
import importlib.util
import logging
import os
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.hooks
import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.aws.session import Aws, AwsTarget
from migrate_mfa.journal.log import configure
from tests.commands.support import POOL_ID, a_member, assert_code, phone_of, write_roster
from tests.support.in_process import kept, state_of_process
from tests.support.machine import POISON, OutsideError, stay_here
from tests.support.terminal import typing

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")


def spoil(folder: Path) -> None:
    """Change all that a command could leave changed."""
    os.environ["LEFT_BEHIND"] = "1"
    os.chdir(folder)
    os.umask(0o055)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, lambda *_: None)
    logging.getLogger().setLevel(1)
    logging.getLogger().addHandler(logging.NullHandler())
    configure(folder / "log.jsonl")
    sys.stdin = sys.stdout = sys.stderr = sys.__stdout__ = None  # type: ignore[misc]
    tempfile.tempdir = str(folder)


def test_whatever_was_changed_is_put_back(tmp_path: Path) -> None:
    before = state_of_process()
    with kept():
        spoil(tmp_path)
        spoiled = state_of_process()

    assert {name for name, value in before.items() if spoiled[name] == value} == set()
    assert state_of_process() == before


def test_every_test_begins_with_what_the_one_before_it_began_with(request: pytest.FixtureRequest) -> None:
    assert "_nothing_leaves_or_stays" in request.fixturenames


@pytest.mark.parametrize("code", [0, 2, 6, 130])
def test_a_command_itself_leaves_nothing_changed(raise_site: Callable[..., Site], code: int) -> None:
    """Seen from within `kept`, which would put it back."""
    site = raise_site([a_member("ann")])
    write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    options: dict[int, tuple[Any, ...]] = {
        0: ("run", "roster.csv", "--user-pool-id", POOL_ID, *ATTESTED, "--yes"),
        2: ("run", "roster.csv", "--no-such-option"),
        6: ("run", "--run-dir", "nowhere", "--yes"),
        130: ("run", "roster.csv", "--user-pool-id", POOL_ID, *ATTESTED),
    }
    seen: list[dict[str, Any]] = []
    site.cli.watch = lambda: seen.append(state_of_process())

    with typing("not its name\n") as terminal:
        done = site.cli(*options[code], stdin=terminal)

    assert_code(done, code)
    before, after = seen
    assert before == after


def test_a_command_sees_the_environment_the_place_and_the_streams_of_a_process_with_pipes(
    raise_site: Callable[..., Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THE_TESTS", "1")
    site = raise_site()
    seen: dict[str, Any] = {}

    def look() -> None:
        seen.setdefault("environment", dict(os.environ))
        seen["folder"] = Path.cwd()
        seen["temporary"] = Path(tempfile.gettempdir())
        seen["terminals"] = [each.isatty() for each in (sys.stdin, sys.stdout, sys.stderr)]

    site.cli.watch = look

    site.cli("--version")

    assert seen["environment"] == site.cli.env()
    assert (seen["folder"], seen["temporary"]) == (site.folder, site.folder / "scratch")
    assert seen["terminals"] == [False, False, False]


def test_the_same_command_says_the_same_in_a_process_of_its_own(raise_site: Callable[..., Site]) -> None:
    site = raise_site([a_member("ann")])
    write_roster(site.folder / "roster.csv", [("ann@example.com", phone_of(1))])
    lines: list[tuple[Any, ...]] = [
        ("--help",),
        ("run", "--help"),
        ("plan", "roster.csv", "--no-such-option"),
        ("check", "--user-pool-id", POOL_ID, "--json"),
        ("status", "--run-dir", "nowhere"),
    ]

    for line in lines:
        assert site.cli(*line) == site.cli.child(*line, cold=True), line


def test_credentials_of_this_machine_are_of_no_use() -> None:
    credentials: Any = Aws(AwsTarget(user_pool_id=POOL_ID))._session.get_credentials()

    assert (credentials.access_key, credentials.secret_key) == (POISON, POISON)
    assert list(Path.home().iterdir()) == []


@pytest.mark.parametrize("how", ["connect", "connect_ex", "look up"])
def test_who_goes_beyond_loopback_is_refused_and_fails_even_if_that_is_caught(how: str) -> None:
    ways: dict[str, Callable[[socket.socket], object]] = {
        "connect": lambda each: each.connect(("192.0.2.1", 443)),
        "connect_ex": lambda each: each.connect_ex(("192.0.2.1", 443)),
        "look up": lambda _: socket.getaddrinfo("cognito-idp.ap-northeast-1.amazonaws.com", 443),
    }

    with (
        pytest.raises(AssertionError, match="beyond loopback"),
        stay_here(),
        socket.socket() as each,
        pytest.raises(OutsideError),
    ):
        ways[how](each)


def untouched_trie() -> Any:
    """botocore's trie of handlers as it is without `make_clients_quickly`."""
    found = importlib.util.find_spec("botocore.hooks")
    assert found is not None
    assert found.loader is not None
    module: Any = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module._PrefixTrie


KEYS = st.lists(st.sampled_from("ab*"), min_size=1, max_size=3).map(".".join)
STEPS = st.one_of(
    st.tuples(st.just("copy"), st.integers(0, 9)),
    st.tuples(st.just("append_item"), st.integers(0, 9), KEYS, st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("remove_item"), st.integers(0, 9), KEYS, st.integers(0, 2)),
)


@given(st.lists(STEPS, max_size=25))
def test_handlers_that_clients_share_are_those_that_each_would_have(steps: list[tuple[Any, ...]]) -> None:
    """Any number of copies of copies, changed in any order, find what real copies find."""
    quick: list[Any] = [botocore.hooks._PrefixTrie()]  # type: ignore[attr-defined]
    real: list[Any] = [untouched_trie()()]
    for what, which, *change in steps:
        if what == "copy":
            for tries in (quick, real):
                tries.append(copy.copy(tries[which % len(tries)]))
        else:
            ours, theirs = (end_of(getattr(each[which % len(each)], what), change) for each in (quick, real))
            assert ours is theirs
        for key in ("a", "b", "a.a", "a.b", "b.a.b", "b.b.a.a"):
            assert [each.prefix_search(key) for each in quick] == [each.prefix_search(key) for each in real]


def end_of(change: Callable[..., None], given: list[Any]) -> type | None:
    try:
        change(*given)
    except (ValueError, AttributeError) as error:
        return type(error)
    return None


def test_clients_of_one_session_do_not_hear_each_others_handlers() -> None:
    session: Any = boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1")
    one, other = (session.client("sts") for _ in range(2))
    heard: list[str] = []

    one.meta.events.register("of-the-test.sts", lambda **_: heard.append("one"))
    session.events.register("of-the-test.sts", lambda **_: heard.append("session"))
    third = session.client("sts")

    for client in (one, other, third):
        client.meta.events.emit("of-the-test.sts.more")
        heard.append("-")
    assert heard == ["one", "-", "-", "session", "-"]
    assert type(one) is type(other) is type(third)
