import io
import re
import time
from typing import Literal, TextIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_mfa.cli.progress import Display, make_progress
from migrate_mfa.domain.choices import ProgressStyle
from migrate_mfa.domain.errors import UsageError
from migrate_mfa.ports import Progress, ProgressUpdate

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
ERASE_LINE = "\x1b[2K"
HIDE_CURSOR = "\x1b[?25l"
SHOW_CURSOR = "\x1b[?25h"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def monotonic(self) -> float:
        return self.time

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds


class Terminal(io.StringIO):
    def isatty(self) -> Literal[True]:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def make(stream: TextIO, clock: Clock, *, quiet: bool = False, color: bool = True) -> Display:
    return make_progress(stream=stream, clock=clock, quiet=quiet, color=color)


def a_standing(done: int = 12_345, stage: str = "writing", slowed_by: str = "") -> ProgressUpdate:
    return ProgressUpdate(
        stage=stage,
        done=done,
        total=200_000,
        outcomes=(("verified", 12_000), ("pending", 300), ("failed", 45), ("skipped", 0)),
        rates=(("UserRead", 50.2), ("UserUpdate", 12.0), ("UserResourceUpdate", 0.5), ("UserList", 0.0)),
        seconds_left=7500.0,
        slowed_by=slowed_by,
    )


def drawn(terminal: io.StringIO) -> list[str]:
    """Every line that was ever on the terminal, without colours."""
    return [ESCAPES.sub("", line).strip("\r") for line in re.split(r"\n|\x1b\[2K", terminal.getvalue())]


def screen(terminal: io.StringIO) -> list[str]:
    """What a person sees in the end, on a terminal that knows what Rich uses of it."""
    rows, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[^\x1b]", terminal.getvalue()):
        match token:
            case "\n":
                row, column = row + 1, 0
                rows += [""] * (row + 1 - len(rows))
            case "\r":
                column = 0
            case "\x1b[2K":
                rows[row] = ""
            case _ if token.startswith("\x1b"):
                if token.endswith("A"):
                    row -= int(token[2:-1] or 1)
            case _:
                rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + 1 :]
                column += 1
    while rows and not rows[-1]:
        rows.pop()
    return rows


def test_each_display_is_what_the_engine_asks_for(clock: Clock) -> None:
    displays: list[Progress] = [
        make(io.StringIO(), clock, quiet=True),
        make(io.StringIO(), clock),
        make(Terminal(), clock),
    ]

    assert len({type(display) for display in displays}) == 3


@pytest.mark.parametrize("stream", [io.StringIO, Terminal])
def test_quiet_tells_nothing_but_nothing(clock: Clock, stream: type[io.StringIO]) -> None:
    written = stream()

    with make(written, clock, quiet=True) as progress:
        progress.say("Something.")
        progress.show(a_standing())
        clock.time += 100
        progress.show(a_standing())

    assert written.getvalue() == ""


class TestPlain:
    def test_tells_at_most_every_thirty_seconds(self, clock: Clock) -> None:
        stream = io.StringIO()
        progress = make(stream, clock)

        for second in range(95):
            clock.time = 1000.0 + second
            progress.show(a_standing(done=second))

        assert [line.split(" of ")[0] for line in stream.getvalue().splitlines()] == [
            "writing: 30",
            "writing: 60",
            "writing: 90",
        ]

    def test_tells_everything_there_is_to_tell_on_one_line(self, clock: Clock) -> None:
        stream = io.StringIO()
        progress = make(stream, clock)

        progress.show(a_standing())
        clock.time += 30
        progress.show(a_standing(slowed_by="throttled by UserUpdate: 12/s"))

        assert stream.getvalue() == (
            "writing: 12,345 of 200,000, 2 h 05 min left; verified 12,000, pending 300, failed 45; "
            "read 50/s, update 12/s, mfa 0.5/s; throttled by UserUpdate: 12/s\n"
        )

    def test_what_is_not_known_is_left_out(self, clock: Clock) -> None:
        stream = io.StringIO()
        progress = make(stream, clock)

        for done, total in ((0, None), (500, None), (501, 400)):
            progress.show(ProgressUpdate(stage="reading the pool", done=done, total=total))
            clock.time += 30

        assert stream.getvalue().splitlines() == ["reading the pool: 500", "reading the pool: 501"]

    @pytest.mark.parametrize("end", ["close", "next stage"])
    def test_tells_how_a_long_stage_ended(self, clock: Clock, end: str) -> None:
        stream = io.StringIO()
        progress = make(stream, clock)

        for second in (0, 29, 31):
            clock.time = 1000.0 + second
            progress.show(a_standing(done=second, slowed_by="throttled by UserRead: 3/s"))
        told = len(stream.getvalue().splitlines())
        clock.time += 500
        if end == "close":
            progress.close()
            progress.close()
        else:
            progress.show(a_standing(stage="reading back"))

        took = "31 s" if end == "close" else "8 min 51 s"
        assert told == 1
        assert stream.getvalue().splitlines()[1:] == [
            f"writing: 31 of 200,000; verified 12,000, pending 300, failed 45; took {took}"
        ]

    def test_says_how_long_a_stage_took_that_counts_nothing(self, clock: Clock) -> None:
        stream = io.StringIO()
        progress = make(stream, clock)

        progress.show(ProgressUpdate(stage="sorting the users"))
        clock.time += 12
        progress.show(ProgressUpdate(stage="deciding", done=1))

        assert stream.getvalue() == "sorting the users; took 12 s\n"

    def test_says_nothing_about_short_stages(self, clock: Clock) -> None:
        stream = io.StringIO()

        with make(stream, clock) as progress:
            for stage in ("reading the roster", "reading the pool", "deciding"):
                progress.show(ProgressUpdate(stage=stage, done=1))
                clock.time += 4.9
                progress.show(ProgressUpdate(stage=stage, done=2))

        assert stream.getvalue() == ""

    def test_rows_that_were_counted_in_public_are_counted_to_the_end(self, clock: Clock) -> None:
        stream = io.StringIO()
        display = make(stream, clock)
        display.show(a_standing(done=12_000))
        clock.time += 23.0
        display.show(a_standing(done=12_300))
        display.show(a_standing(done=12_310, stage="draining"))
        clock.time += 1.0
        display.show(a_standing(done=12_345, stage="draining"))
        display.close()

        told = stream.getvalue().splitlines()

        assert [line.split(";")[0] for line in told] == [
            "writing: 12,300 of 200,000",
            "draining: 12,345 of 200,000",
        ]

    def test_short_stages_make_no_long_silence(self, clock: Clock) -> None:
        stream = io.StringIO()

        with make(stream, clock) as progress:
            for number in range(20):
                progress.show(ProgressUpdate(stage=f"stage {number}", done=number))
                clock.time += 4

        assert stream.getvalue().splitlines() == ["stage 8: 8", "stage 16: 16"]

    def test_says_each_line_at_once_and_without_escapes(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        arrived = io.BytesIO()
        stream = io.TextIOWrapper(arrived, "utf-8")

        make(stream, clock).say(f"[bold]x[/bold] {'long ' * 40}")

        assert arrived.getvalue().decode() == f"[bold]x[/bold] {'long ' * 40}\n"

    def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(
        self, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TERM", "dumb")
        terminal = Terminal()

        with make(terminal, clock) as progress:
            progress.show(ProgressUpdate(stage="writing", done=1))
            progress.say("x")
            clock.time += 30
            progress.show(ProgressUpdate(stage="writing", done=2))

        assert terminal.getvalue() == "x\nwriting: 2\nwriting: 2; took 30 s\n"


@pytest.mark.parametrize(
    ("style", "terminal", "shown"),
    [
        (ProgressStyle.LINES, True, "writing: 12,345 of 200,000"),
        (ProgressStyle.LIVE, True, "writing  █"),
        (ProgressStyle.AUTO, True, "writing  █"),
        (ProgressStyle.AUTO, False, "writing: 12,345 of 200,000"),
        (ProgressStyle.LINES, False, "writing: 12,345 of 200,000"),
        (ProgressStyle.NONE, True, None),
        (ProgressStyle.NONE, False, None),
    ],
)
def test_the_operator_chooses_how_progress_is_shown(
    clock: Clock, style: ProgressStyle, terminal: bool, shown: str | None
) -> None:
    stream = Terminal() if terminal else io.StringIO()

    with make_progress(
        stream=stream, clock=clock, quiet=False, color=False, style=style, every_s=7
    ) as progress:
        progress.say("stays")
        progress.show(a_standing())
        clock.time += 7
        progress.show(a_standing())

    assert "stays" in stream.getvalue()
    told = stream.getvalue().replace("stays", "")
    assert shown in told if shown else not told.strip()


def test_a_live_view_is_refused_where_nobody_could_see_it(clock: Clock) -> None:
    with pytest.raises(UsageError, match="--progress live needs a terminal"):
        make_progress(stream=io.StringIO(), clock=clock, quiet=False, color=True, style=ProgressStyle.LIVE)


class TestLive:
    def test_shows_where_it_stands_in_as_few_rows_as_it_fits_in(self, clock: Clock) -> None:
        terminal = Terminal()
        progress = make(terminal, clock)

        progress.show(a_standing(slowed_by="throttled by UserUpdate: 12/s"))

        assert screen(terminal) == [
            "writing  █░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  6 %  12,345 of 200,000",
            "2 h 05 min left, until about 02:21",
            "verified 12,000, pending 300, failed 45",
            "Throttled by UserUpdate: 12/s",
        ]

    def test_a_little_fits_on_one_line(self, clock: Clock) -> None:
        terminal = Terminal()
        progress = make(terminal, clock)

        progress.show(
            ProgressUpdate(
                stage="reading the pool",
                done=120,
                total=500,
                rates=(("UserRead", 50.0), ("UserUpdate", 12.0)),
                seconds_left=20.0,
            )
        )

        assert screen(terminal) == ["reading the pool: 120 of 500, 20 s left; read 50/s, update 12/s"]

    def test_a_narrow_terminal_loses_the_ends(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "30")
        terminal = Terminal()

        make(terminal, clock).show(a_standing(slowed_by="throttled by UserUpdate: 12/s"))

        assert screen(terminal) == [
            "writing  █░░░░░░░░░░░░░░░░░░░…",
            "2 h 05 min left, until about …",
            "verified 12,000, pending 300,…",
            "Throttled by UserUpdate: 12/s",
        ]

    @settings(deadline=None)  # a busy machine draws slowly
    @given(
        done=st.integers(0, 10**7),
        counts=st.lists(st.integers(0, 10**7), min_size=5, max_size=5),
        rate=st.floats(0, 10_000),
        left=st.none() | st.floats(0, 1e7),
        slowed_by=st.sampled_from(["", "throttled by UserUpdate: 12/s", "throttled by " * 20]),
        columns=st.sampled_from([20, 60, 80, 200]),
    )
    def test_never_wraps(
        self,
        *,
        done: int,
        counts: list[int],
        rate: float,
        left: float | None,
        slowed_by: str,
        columns: int,
    ) -> None:
        words = ("verified", "pending", "failed", "skipped", "unprocessed")
        categories = ("UserRead", "UserUpdate", "UserResourceUpdate", "UserList", "UserPoolRead")
        terminal = Terminal()

        with pytest.MonkeyPatch.context() as patch, make_wide(patch, terminal, columns) as progress:
            progress.show(
                ProgressUpdate(
                    stage="reading the roster",
                    done=done,
                    total=10**7,
                    outcomes=tuple(zip(words, counts, strict=True)),
                    rates=tuple((category, rate) for category in categories),
                    seconds_left=left,
                    slowed_by=slowed_by,
                )
            )
            progress.show(ProgressUpdate(stage="done", done=1))

        assert max(map(len, drawn(terminal))) <= min(columns, 80)
        assert screen(terminal) == []

    def test_is_drawn_again_only_after_a_moment_or_for_a_new_stage(self, clock: Clock) -> None:
        terminal = Terminal()
        progress = make(terminal, clock)

        for millisecond in range(0, 750, 5):
            clock.time = 1000.0 + millisecond / 1000
            progress.show(ProgressUpdate(stage="writing", done=millisecond))
        progress.show(ProgressUpdate(stage="reading back", done=0))

        assert [line for line in drawn(terminal) if line] == [
            "writing: 0",
            "writing: 250",
            "writing: 500",
            "reading back: 0",
        ]

    def test_what_is_said_stays_above(self, clock: Clock) -> None:
        terminal = Terminal()
        progress = make(terminal, clock)

        progress.say("before")
        progress.show(ProgressUpdate(stage="writing", done=1))
        progress.say(f"[bold]{'long ' * 30}end")
        seen = screen(terminal)
        progress.close()
        progress.say("after")

        assert seen == ["before", f"[bold]{'long ' * 30}end", "writing: 1"]
        assert screen(terminal) == ["before", f"[bold]{'long ' * 30}end", "after"]

    def test_an_exception_leaves_the_terminal_clean_and_with_its_cursor(self, clock: Clock) -> None:
        def fail() -> None:
            with make(terminal, clock) as progress:
                progress.say("stays")
                progress.show(a_standing())
                raise ZeroDivisionError

        terminal = Terminal()

        with pytest.raises(ZeroDivisionError):
            fail()

        assert screen(terminal) == ["stays"]
        assert terminal.getvalue().rindex(SHOW_CURSOR) > terminal.getvalue().rindex(HIDE_CURSOR)

    def test_the_cursor_is_there_even_if_the_process_ends_at_once(self, clock: Clock) -> None:
        terminal = Terminal()

        make(terminal, clock).show(a_standing())

        assert terminal.getvalue().rindex(SHOW_CURSOR) > terminal.getvalue().rindex(HIDE_CURSOR)

    def test_can_be_shown_again_after_a_prompt(self, clock: Clock) -> None:
        terminal = Terminal()
        progress = make(terminal, clock)

        progress.show(a_standing())
        progress.close()
        progress.close()
        terminal.write("Type the pool's name: \n")
        progress.show(ProgressUpdate(stage="writing", done=1))

        assert screen(terminal) == ["Type the pool's name: ", "writing: 1"]

    def test_the_result_on_standard_output_is_left_alone(
        self, clock: Clock, capsys: pytest.CaptureFixture[str]
    ) -> None:
        terminal = Terminal()

        with make(terminal, clock) as progress:
            progress.show(a_standing())
            print('{"version": 1}')  # noqa: T201 - what a command does with its result

        assert capsys.readouterr().out == '{"version": 1}\n'

    @pytest.mark.parametrize(
        ("color", "no_color", "coloured"), [(True, "", True), (False, "", False), (True, "1", False)]
    )
    def test_colours_can_be_switched_off(
        self,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
        color: bool,
        no_color: str,
        coloured: bool,
    ) -> None:
        monkeypatch.setenv("NO_COLOR", no_color)
        terminal = Terminal()

        make(terminal, clock, color=color).show(a_standing())

        assert ("\x1b[32mverified" in terminal.getvalue()) is coloured
        assert bool(re.search(r"\x1b\[[0-9;]*m", terminal.getvalue())) is coloured


def make_wide(patch: pytest.MonkeyPatch, terminal: Terminal, columns: int) -> Display:
    patch.setenv("COLUMNS", str(columns))
    return make(terminal, Clock())


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), BrokenPipeError(), ValueError("closed")])
def test_a_terminal_that_is_gone_does_not_end_the_run(
    clock: Clock, kind: type[io.StringIO], error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        tried.append(error)
        raise error

    tried: list[Exception] = []
    stream = kind()
    monkeypatch.setattr(stream, "write", gone)
    monkeypatch.setattr(stream, "flush", gone)

    with make(stream, clock) as progress:
        progress.say("x")
        progress.show(a_standing())
        clock.time += 100
        progress.show(a_standing())

    assert tried
