import ast
import json
import os
import re
import stat
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import CapturingLoggerFactory

import migrate_mfa
from migrate_mfa.journal.log import KEYS, configure

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
log = structlog.get_logger()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


def test_an_event_is_one_json_line_with_utc_time_level_and_context(path: Path) -> None:
    context = {"run": "20261122-0301", "pool": "ap-northeast-1_012345678", "command": "run"}

    with configure(path, context=context):
        log.info("row", row=17, outcome="verified", reason="enrolled")

    [line] = lines(path)
    assert datetime.fromisoformat(line.pop("timestamp")).utcoffset() == timedelta(0)
    assert line == {
        "level": "info",
        "event": "row",
        "row": 17,
        "outcome": "verified",
        "reason": "enrolled",
        **context,
    }
    assert path.read_bytes().endswith(b"}\n")


def test_a_key_that_is_not_allowed_is_dropped(path: Path) -> None:
    with configure(path, context={"operator": "akira"}):
        log.info("row", row=1, username="akira", phone=object())

    assert set(lines(path)[0]) == {"timestamp", "level", "event", "row"}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (99_999_999, 99_999_999),
        (819012345678, "[number]"),
        (10**400, "[number]"),
        (float("nan"), "[number]"),
        (24.123456, 24.123),
        ("UserUpdate", "UserUpdate"),
        ("call 090-1234-5678", "call [number]"),
        ("a" * 201, "[long text]"),
        (("a@example.com", 3), ["[address]", 3]),
        (b"+819012345678", "bytes"),
        ({"+819012345678": 1}, "dict"),
        ("o'@example.com", "[address]"),
    ],
)
def test_a_value_keeps_what_counts_and_loses_what_could_be_about_a_person(
    path: Path, value: object, written: object
) -> None:
    with configure(path):
        log.info("row", state=value)

    assert lines(path)[0]["state"] == written


def test_an_event_cannot_pass_for_another_run_or_time(path: Path) -> None:
    with configure(path, context={"run": "R", "pool": "P"}):
        log.warning("row", run="+819012345678", pool="x", timestamp="+819012345678", level="+819012345678")

    [line] = lines(path)
    assert (line["run"], line["pool"], line["level"]) == ("R", "P", "warning")
    assert b"819012345678" not in path.read_bytes()


def test_an_exception_leaves_types_and_frames_but_no_message_and_no_locals(path: Path) -> None:
    def fail(secret: str) -> None:
        try:
            {"": ""}[secret]
        except KeyError as error:
            raise ValueError(f"cannot use {secret}") from error

    with configure(path):
        try:
            fail("akira-no-himitsu")
        except ValueError:
            log.exception("bug", exit_code=1)

    [line] = lines(path)
    assert (line["level"], line["error_type"], line["causes"]) == ("error", "ValueError", ["KeyError"])
    assert all(frame.startswith("journal/test_log.py:") for frame in line["frames"])
    test = "test_an_exception_leaves_types_and_frames_but_no_message_and_no_locals"
    functions = [frame.split(":", 2)[2] for frame in line["frames"]]
    assert functions == [f"{test}.<locals>.fail", test, f"{test}.<locals>.fail"]
    assert b"himitsu" not in path.read_bytes()


@pytest.mark.parametrize("exc_info", ["instance", "triple", "none"])
def test_an_exception_can_be_given_in_every_form_that_structlog_takes(path: Path, exc_info: str) -> None:
    error = OSError(28, "No space left")
    forms = {"instance": error, "triple": (OSError, error, None), "none": None}

    with configure(path):
        log.error("bug", exc_info=forms[exc_info])

    assert lines(path)[0].get("error_type") == (None if exc_info == "none" else "OSError")


def test_a_chain_of_exceptions_of_any_length_makes_a_line_of_bounded_length(path: Path) -> None:
    error = ValueError()
    for _ in range(500):
        above = ValueError()
        above.__cause__ = error
        error = above

    with configure(path):
        log.error("bug", exc_info=error)

    assert len(path.read_bytes()) < 1000


def test_a_deep_stack_leaves_its_last_frames(path: Path) -> None:
    def dive(depth: int) -> int:
        return 1 // depth + dive(depth - 1)

    with configure(path):
        try:
            dive(200)
        except ZeroDivisionError:
            log.exception("bug")

    frames = lines(path)[0]["frames"]
    assert len(frames) == 40
    assert all(frame.endswith(".dive") for frame in frames)


phones = st.from_regex(r"\+[1-9][0-9]{7,14}|0[789]0-[0-9]{4}-[0-9]{4}", fullmatch=True)
signs = st.text(
    st.characters(codec="utf-8", exclude_categories=("L", "N"), exclude_characters="\0"), max_size=8
)


@settings(max_examples=150, deadline=None)
@given(
    phone=phones,
    address=st.emails(),
    signs=signs,
    level=st.sampled_from(LEVELS),
    wrap=st.sampled_from([str, lambda text: [text], lambda text: ("x", [text])]),
)
def test_no_number_and_no_address_ever_reaches_the_file(
    phone: str, address: str, signs: str, level: str, wrap: Any
) -> None:
    canary = f"{signs} {phone} {address} "
    canary_error: type[Exception] = type(canary, (Exception,), {})
    error = canary_error(canary)
    error.__cause__ = canary_error(canary)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "log.jsonl")

        with configure(path, level="debug", echo=lambda _: None, context={"command": canary}):
            fields = dict.fromkeys(KEYS - {"event"}, wrap(canary))
            getattr(log, level)(canary, **fields, **{canary: canary, "username": canary})
            getattr(log, level)("bug", exc_info=error, stack_info=True)

        texts = [path.read_text("ascii"), *(str(line) for line in lines(path))]
    assert len(texts) == 3
    assert not [text for text in texts if phone in text or phone.lstrip("+") in text or address in text]


def test_the_file_is_for_its_owner_alone_and_is_appended_to(path: Path) -> None:
    for event in ("first", "second"):
        with configure(path):
            log.info(event)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [line["event"] for line in lines(path)] == ["first", "second"]


def test_a_line_that_a_crash_cut_short_does_not_spoil_the_next_one(path: Path) -> None:
    path.write_bytes(b'{"event":"whole"}\n{"event":"cut sh')

    with configure(path):
        log.info("next")
        log.info("last")

    assert [json.loads(line)["event"] for line in path.read_bytes().splitlines()[2:]] == ["next", "last"]


def test_events_below_the_level_are_left_out(path: Path) -> None:
    with configure(path, level="warning"):
        log.info("retry")
        log.warning("throttled")

    assert [line["event"] for line in lines(path)] == ["throttled"]


def test_nothing_is_shown_on_the_terminal(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for where in (path, None):
        with configure(where):
            log.error("bug", exc_info=ValueError("x"))

    assert capfd.readouterr() == ("", "")


def test_at_level_debug_a_short_scrubbed_line_goes_to_standard_error_too(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with configure(path, level="debug", context={"run": "R"}):
        log.debug("retry", operation="AdminGetUser", attempt=2, code="a@example.com", username="akira")

    out, err = capfd.readouterr()
    time = lines(path)[0]["timestamp"][11:19]
    assert (out, err) == ("", f"{time} debug retry operation=AdminGetUser attempt=2 code=[address]\n")


def test_a_terminal_that_is_gone_does_not_matter(path: Path) -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    with configure(path, level="debug", echo=gone):
        log.info("row", row=1)

    assert [line["row"] for line in lines(path)] == [1]


def test_lines_of_many_threads_stay_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(thread: int) -> None:
        for row in range(50):
            log.info("row", row=row, users=thread, reason="x" * 150)

    write_all = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write_all(descriptor, data[:40]))
    with configure(path):
        threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {(line["users"], line["row"]) for line in lines(path)} == {
        (t, r) for t in range(8) for r in range(50)
    }


def test_a_full_disk_is_counted_and_told_once_and_nobody_is_disturbed() -> None:
    with configure(Path("/dev/full")) as kept:
        assert kept.loss == ""
        log.info("row", row=1)
        log.info("row", row=2)

    assert kept.loss == "2 log lines could not be written to /dev/full (No space left on device)."


def test_a_file_that_cannot_be_opened_loses_every_line_but_ends_nothing(tmp_path: Path) -> None:
    with configure(tmp_path / "missing" / "log.jsonl") as kept:
        log.info("row")

    assert kept.loss.startswith("1 log line could not be written to ")
    assert kept.loss.endswith("(No such file or directory).")


def test_a_line_that_fits_in_part_does_not_swallow_the_next_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, room = os.write, iter([30, 0])

    def cramped(descriptor: int, data: bytes) -> int:
        left = next(room, None)
        if left == 0:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:left])

    monkeypatch.setattr(os, "write", cramped)
    with configure(path) as kept:
        log.info("first")
        log.info("second")
        log.info("third")

    cut, *whole = path.read_bytes().splitlines()
    assert len(cut) == 30
    assert [json.loads(line)["event"] for line in whole] == ["second", "third"]
    assert kept.loss.startswith("1 log line ")


def test_a_write_in_several_pieces_is_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:7]))

    with configure(path) as kept:
        log.info("first")
        log.info("second")

    assert [line["event"] for line in lines(path)] == ["first", "second"]
    assert kept.loss == ""


@pytest.fixture
def capturing() -> Iterator[list[Any]]:
    factory = CapturingLoggerFactory()
    structlog.configure(logger_factory=factory, processors=[lambda _, __, event: event["event"]])
    yield factory.logger.calls
    structlog.reset_defaults()


def test_closing_gives_structlog_back_as_it_was(path: Path, capturing: list[Any]) -> None:
    kept = configure(path)
    log.info("to the file")
    kept.close()
    kept.close()
    log.info("to the former place")

    assert [line["event"] for line in lines(path)] == ["to the file"]
    assert [call.args for call in capturing] == [("to the former place",)]


def test_closing_again_leaves_a_later_log_alone(path: Path) -> None:
    first = configure(None)
    first.close()
    with configure(path):
        first.close()
        log.info("row")

    assert [line["event"] for line in lines(path)] == ["row"]


def test_a_bound_logger_that_outlives_the_log_is_harmless(
    path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with configure(path) as kept:
        bound = log.bind(row=1)
        bound.info("during")
    bound.info("after")

    assert [line["event"] for line in lines(path)] == ["during"]
    assert capfd.readouterr() == ("", "")
    assert kept.loss == ""


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    root = Path(migrate_mfa.__file__).parent
    for file in sorted(root.rglob("*.py")):
        text = file.read_text("utf-8")
        if not re.search(r"\b_?log\s*\.", text):
            continue  # to parse everything takes seconds, in each process that collects the tests
        for node in ast.walk(ast.parse(text)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="log" | "_log"), attr=method)) if (
                    method in {*LEVELS, "bind", "new"}
                ):
                    yield f"{file.relative_to(root)}:{node.lineno}", node


CALLS = dict(_log_calls())


def test_the_source_has_log_calls_to_look_at() -> None:
    assert len(CALLS) >= 7


@pytest.mark.parametrize("where", CALLS)
def test_every_event_of_the_source_has_a_constant_name_and_only_keys_that_are_kept(where: str) -> None:
    call = CALLS[where]

    assert {keyword.arg for keyword in call.keywords} <= KEYS | {"exc_info"}
    assert all(isinstance(each, ast.Constant) and str(each.value).isidentifier() for each in call.args)
    assert len(call.args) <= 1
