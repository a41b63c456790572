"""What reaches the terminal: no text from outside may move its cursor, clear it or rename it."""

import io
import json
import threading

import pytest

from migrate_mfa.cli import prompt, streams
from migrate_mfa.cli.progress import make_progress
from migrate_mfa.cli.prompt import tell
from tests.support.clock import FakeClock

HOSTILE = "a\x1b[2Jb\x07\x9bc\rd\te\nf"
HARMLESS = "a\\u001b[2Jb\\u0007\\u009bc\\u000dd\te\nf\n"


def test_what_is_told_has_no_control_characters_but_tabs_and_ends_of_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    tell(HOSTILE)
    streams.prepare()
    streams.write(HOSTILE)

    out, err = capsys.readouterr()
    assert (out, err) == (HARMLESS, HARMLESS)


def test_only_a_long_wait_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()

    def tell(text: str) -> None:
        assert text == "Asking AWS …"
        told.set()

    monkeypatch.setattr(prompt, "tell", tell)
    with prompt.telling_if_slow("Asking AWS …"):
        pass
    assert not told.is_set()
    monkeypatch.setattr(prompt, "_SLOW_S", 0.0)
    with prompt.telling_if_slow("Asking AWS …"):
        assert told.wait(60)


def test_a_document_stays_one(capsys: pytest.CaptureFixture[str]) -> None:
    streams.prepare()
    streams.write(json.dumps({"name": HOSTILE}, ensure_ascii=False))

    assert json.loads(capsys.readouterr().out) == {"name": HOSTILE}


def test_what_is_said_during_the_work_has_none_either() -> None:
    stream = io.StringIO()
    make_progress(stream=stream, clock=FakeClock(), quiet=False, color=False).say(HOSTILE)

    assert stream.getvalue() == HARMLESS
