# ruff: noqa: RUF001 - full-width signs are what is tested
import csv
import gc
import hashlib
import io
import os
import threading
import tracemalloc
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.domain.model import Candidate, Phone, Position, Rejection
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import Record
from migrate_mfa.domain.spreadsheet import guard
from migrate_mfa.roster.columns import Columns
from migrate_mfa.roster.file import Roster, RosterOptions, open_roster
from migrate_mfa.roster.rows import RowReader
from migrate_mfa.roster.text import RawRecord

MOBILE = "+819012345678"
everything = settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def opened(data: bytes | str, **options: object) -> AbstractContextManager[Roster]:
    raw = data.encode() if isinstance(data, str) else data
    return open_roster("-", RosterOptions(**options), stdin=io.BytesIO(raw))  # type: ignore[arg-type]


def records(data: bytes | str, **options: object) -> list[Record]:
    with opened(data, **options) as roster:
        return list(roster.records())


def rows(data: bytes | str, **options: object) -> list[Candidate | Rejection]:
    return [record.row for record in records(data, **options)]


def candidate(data: bytes | str, **options: object) -> Candidate:
    (row,) = rows(data, **options)
    assert isinstance(row, Candidate), row
    return row


def rejection(data: bytes | str, **options: object) -> Rejection:
    (row,) = rows(data, **options)
    assert isinstance(row, Rejection), row
    return row


def unusable(data: bytes | str, **options: object) -> InputUnusable:
    with pytest.raises(InputUnusable) as caught:
        records(data, **options)
    return caught.value


class TestSource:
    def test_a_file_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "users.csv"
        path.write_bytes(b"username,phone\nalice,+819012345678\n")

        with open_roster(str(path), RosterOptions()) as roster:
            (record,) = roster.records()

        assert record.cells == ("alice", MOBILE)
        assert record.row == Candidate(
            at=Position(row=1, first_line=2, last_line=2), username="alice", phone=Phone(MOBILE)
        )

    def test_a_pipe_is_read_as_a_file_is(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=[b"username\nalice\n"])
        writer.start()

        with open_roster(str(path), RosterOptions()) as roster:
            names = [record.cells for record in roster.records()]
        writer.join()

        assert names == [("alice",)]

    def test_standard_input_is_the_process_own_unless_given(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"username\nalice\n")))

        with open_roster("-", RosterOptions()) as roster:
            assert [record.cells for record in roster.records()] == [("alice",)]

    @pytest.mark.parametrize("name", ["", "missing.csv", "a\0b"])
    def test_what_cannot_be_read_is_named(self, tmp_path: Path, name: str) -> None:
        source = str(tmp_path / name)

        with (
            pytest.raises(InputUnusable, match="Cannot read the roster") as caught,
            open_roster(source, RosterOptions()),
        ):
            pass

        assert source in caught.value.message
        assert caught.value.hint

    @pytest.mark.parametrize("data", ["", "\n\r\n", "\ufeff", "sep=;\n", ",,\n", 'sep=;\n"";\n'])
    def test_an_empty_file_is_refused(self, data: str) -> None:
        assert "is empty" in unusable(data).message

    @pytest.mark.parametrize("data", ["username,phone", "username,phone\n\n \n"])
    def test_a_header_without_users_is_refused_before_anything_is_read(self, data: str) -> None:
        with pytest.raises(InputUnusable, match="no users"), opened(data):
            pass

    def test_the_digest_is_that_of_the_bytes(self) -> None:
        data = "\ufeffusername\r\nalice\r\n".encode("utf-16")

        with opened(data) as roster:
            assert roster.sha256 == hashlib.sha256(data).hexdigest()

    def test_a_roster_can_be_read_again(self) -> None:
        with opened("username\n\nalice\nbob\n\n") as roster:
            first = list(roster.records())
            next(roster.records())

            assert list(roster.records()) == first
            assert (roster.lines, roster.record_count) == (5, 2)

    def test_a_pass_that_is_left_early_ends_quietly(self) -> None:
        with opened("username\nalice\nbob\n") as roster:
            unfinished = roster.records()
            next(unfinished)

        # An error in here would be an unraisable one, which pytest turns into a failure.
        del unfinished
        gc.collect()


class TestEncoding:
    @pytest.mark.parametrize(
        ("codec", "encoding", "guessed"),
        [
            ("utf-8", "utf-8", False),
            ("utf-8-sig", "utf-8", False),
            ("utf-16", "utf-16", False),
            ("cp932", "cp932", True),
        ],
    )
    def test_the_ladder_finds_the_encoding(self, codec: str, encoding: str, *, guessed: bool) -> None:
        with opened("ユーザー名,電話番号,備考\n髙橋①,+819012345678,～\n".encode(codec)) as roster:
            (record,) = roster.records()

        assert (roster.encoding, roster.guessed_encoding) == (encoding, guessed)
        assert roster.columns == ("ユーザー名", "電話番号", "備考")
        assert record.cells == ("髙橋①", MOBILE, "～")

    @pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
    def test_both_byte_orders_of_utf_16_are_read(self, codec: str) -> None:
        assert candidate("\ufeffusername\nalice\n".encode(codec)).username == "alice"

    def test_the_whole_file_is_looked_at(self) -> None:
        data = b"username,note\n" + b"alice,x\n" * 100_000 + "bob,髙\n".encode("cp932")

        with opened(data) as roster:
            assert roster.encoding == "cp932"

    def test_a_character_across_two_blocks_is_whole(self) -> None:
        start = b"username,note\nalice,"
        data = start + b"x" * ((1 << 18) - len(start) - 21) + b"\nb," + b"y" * 17 + "髙\n".encode()

        with opened(data) as roster:
            assert roster.encoding == "utf-8"

    @pytest.mark.parametrize(
        "data",
        [b"username\n\x81\xff\n", b"\xef\xbb\xbfusername\n\xff\n", b"\xff\xfeu\0s", b"username\nal\xe9\n"],
    )
    def test_bytes_of_no_encoding_are_refused_and_the_option_named(self, data: bytes) -> None:
        assert "--encoding" in unusable(data).hint

    def test_the_encoding_can_be_named(self) -> None:
        with opened("username,note\nalice,café\n".encode("cp1252"), encoding="windows-1252") as roster:
            (record,) = roster.records()

        assert record.cells == ("alice", "café")
        assert (roster.encoding, roster.guessed_encoding) == ("cp1252", False)

    def test_a_named_cp932_is_no_guess(self) -> None:
        with opened("username\n髙\n".encode("cp932"), encoding="cp932") as roster:
            assert not roster.guessed_encoding

    def test_a_byte_order_mark_is_no_part_of_a_named_encoding(self) -> None:
        assert candidate(b'\xef\xbb\xbf"username"\nalice\n', encoding="utf-8").username == "alice"

    def test_a_file_that_is_not_in_the_named_encoding_is_refused(self) -> None:
        assert "is not text in utf-8" in unusable("username\n髙\n".encode("cp932"), encoding="utf-8").message

    @pytest.mark.parametrize("name", ["klingon", "", "base64", "a\0b"])
    def test_an_encoding_that_does_not_exist_is_refused(self, name: str) -> None:
        assert "no text encoding" in unusable("username\nalice\n", encoding=name).message

    def test_utf_16_without_a_mark_is_refused_and_can_be_named(self) -> None:
        data = "username\nalice\n".encode("utf-16-le")

        assert "--encoding utf-16-le" in unusable(data).hint
        assert candidate(data, encoding="utf-16-le").username == "alice"


class TestRecords:
    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_are_counted_whatever_ends_them(self, end: str) -> None:
        data = end.join(['"user', 'name"', "username,phone", "", "alice,", "", '"b', 'ob",', "carol,"])

        with opened(data.replace(f'"user{end}name"{end}', "")) as roster:
            found = [
                (row.at.row, row.at.first_line, row.at.last_line) for row in (r.row for r in roster.records())
            ]

        assert found == [(1, 3, 3), (2, 5, 6), (3, 7, 7)]
        assert (roster.lines, roster.record_count, roster.multi_line_records) == (7, 3, 1)

    def test_a_header_may_span_lines(self) -> None:
        with opened('username,"phone\n(mobile)"\nalice,1\n', id_column="username") as roster:
            (record,) = roster.records()

        assert roster.columns == ("username", "phone\n(mobile)")
        assert record.row.at == Position(row=1, first_line=3, last_line=3)

    def test_a_line_break_is_kept_where_it_does_no_harm(self) -> None:
        (record,) = records('username,note\nalice,"a\r\nb"\n')

        assert record.cells == ("alice", "a\r\nb")
        assert isinstance(record.row, Candidate)

    @pytest.mark.parametrize(
        ("row", "cells", "cause"),
        [
            ("bob,1,x,y", ("bob", "1", "x", "y"), "4 cells"),
            ("bob,1,x,,'=y,", ("bob", "1", "x", "", "=y"), "5 cells"),
            ('"b"ob,1,x', ('"b"ob', "1", "x"), "quotation mark"),
            ('bob,"1" ,x', ("bob", '"1" ', "x"), "quotation mark"),
            ("b\0ob,1,x", ("b\0ob", "1", "x"), "NUL"),
            (f"bob,1,{'x' * 16_001}", ("bob", "1", "x" * 16_000), "16,000"),
            (f"bob,1,{'x' * 200_000}", ("bob", "1", "x" * 16_000), "131,072"),
            (f'bob,1,"{"x," * 100_000}"', ("bob", "1", '"x', *"x" * 4000), "131,072"),
            (f"bob,1,x,{'y' * 16_000}", ("bob", "1", "x"), "4 cells"),
            (",1,x", ("", "1", "x"), "no identity"),
            (" \u3000,1,x", (" \u3000", "1", "x"), "no identity"),
            (",,x", ("", "", "x"), "no identity"),
        ],
    )
    def test_a_bad_row_is_one_row_and_keeps_its_cells(
        self, row: str, cells: tuple[str, ...], cause: str
    ) -> None:
        alice, bad, carol = records(f"username,phone,note\nalice,{MOBILE},x\n{row}\ncarol,{MOBILE},x\n")

        assert isinstance(bad.row, Rejection)
        assert (bad.row.reason, bad.row.at) == (Reason.BAD_ROW, Position(row=2, first_line=3, last_line=3))
        assert cause in bad.row.detail
        assert bad.cells == cells
        assert isinstance(alice.row, Candidate)
        assert isinstance(carol.row, Candidate)
        assert carol.row.at == Position(row=3, first_line=4, last_line=4)

    def test_a_cell_may_be_as_long_as_the_limit(self) -> None:
        (record,) = records(f"username,note\nbob,{'x' * 16_000}\n")

        assert isinstance(record.row, Candidate)

    @pytest.mark.parametrize(
        "header",
        [
            "note,phone,username",
            "note,phone,email",
            "note,phone,sub",
            "note,phone,user_sub",
            "username,note,phone",
            "username,phone,phone_number_verified",
        ],
    )
    def test_a_stray_quote_that_swallows_rows_fails_the_record(self, header: str) -> None:
        data = f'{header}\na,1,"x\nb,2,y\nc,3,"\nd,4,z\n'

        swallowed, after = rows(data)

        assert isinstance(swallowed, Rejection)
        assert (swallowed.reason, swallowed.at) == (
            Reason.BAD_ROW,
            Position(row=1, first_line=2, last_line=4),
        )
        assert f"line break in the {header.rpartition(',')[2]} cell" in swallowed.detail
        assert after.at == Position(row=2, first_line=5, last_line=5)

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_every_kind_of_line_break_in_an_identity_is_one(self, end: str) -> None:
        assert "line break in the username cell" in rejection(f'note,username\nx,"a{end}b"\n').detail

    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize(
        "blank",
        [
            "",
            " ",
            "\u3000",
            ";;;",
            ",,",
            " | ",
            "{}",
            "{}{}{}",
            '""{}""',
            '""',
            ' {}\t{}\u3164{} ""',
            '{}""{}\u200b',
            '"" {}',
        ],
    )
    def test_lines_of_empty_cells_are_no_records(self, delimiter: str, blank: str) -> None:
        header, row = f"username{delimiter}phone\n", f"alice{delimiter}\n"

        alice, bob = rows(f"{header}{row}{blank.replace('{}', delimiter)}\n{row.replace('alice', 'bob')}")

        assert (alice.at.row, bob.at.row) == (1, 2)
        assert (alice.at.first_line, bob.at.first_line) == (2, 4)

    @pytest.mark.parametrize("line", ['""""', "-", "'", '"" x', '" "'])
    def test_any_text_makes_a_record(self, line: str) -> None:
        assert len(rows(f"username,phone\n{line}\n")) == 1

    @pytest.mark.parametrize(
        "row", ["bob", "bob,", "bob,,", "bob,,,", "bob,,, ,\u3000\t", 'bob,,,"",', "'bob"]
    )
    def test_empty_cells_at_the_end_may_be_missing_or_too_many(self, row: str) -> None:
        (record,) = records(f"username,phone,note\n{row}\n")

        assert isinstance(record.row, Candidate)
        assert (record.row.username, record.row.phone) == ("bob", None)

    def test_a_record_of_several_lines_must_have_every_cell(self) -> None:
        swallowed, carol = rows(f'username,note,phone\nalice,"x\nbob,y"\ncarol,z,{MOBILE}\n')

        assert isinstance(swallowed, Rejection)
        assert "2 cells, but the header names 3 columns" in swallowed.detail
        assert isinstance(carol, Candidate)

    def test_missing_cells_take_no_room(self) -> None:
        width = 10_000
        (record,) = records("username" + ",note" * width + "\nalice\n")

        assert record.cells == ("alice",)

    @pytest.mark.parametrize("cell", ["x", '"x,y"', '",,"'])
    def test_cells_that_a_report_kept_aside_are_to_be_moved(self, cell: str) -> None:
        bad = rejection(f"username,phone,surplus_cells\nalice,{MOBILE},{cell}\n")

        assert bad.reason is Reason.BAD_ROW
        assert "move each of its cells" in bad.detail
        assert isinstance(rows(f"username,phone,surplus_cells\nalice,{MOBILE},\n")[0], Candidate)

    @pytest.mark.parametrize(
        ("row", "cells"),
        [
            ('alice, "+819012345678", "a, b"', ("alice", MOBILE, "a, b")),
            ('"alice", "+819012345678","x"', ("alice", MOBILE, "x")),
            (' "alice",   "+819012345678", "a ""b"""', ("alice", MOBILE, 'a "b"')),
            ('alice,+819012345678, "b" c', ("alice", MOBILE, ' "b" c')),
            ('alice,+819012345678,a "b"', ("alice", MOBILE, 'a "b"')),
            ('"alice","+819012345678","a, ""b"", c"', ("alice", MOBILE, 'a, "b", c')),
            ('"alice","+819012345678","a, "","', ("alice", MOBILE, 'a, ",')),
            ('alice, "+819012345678", "b,"', ("alice", MOBILE, "b,")),
        ],
    )
    def test_blanks_before_a_quote_are_no_part_of_the_cell(self, row: str, cells: tuple[str, ...]) -> None:
        first, second = records(f"username, phone,note\n{row}\nbob,,\n")

        assert first.cells == cells
        assert second.cells[0] == "bob"

    def test_swallowed_rows_in_another_column_are_counted(self) -> None:
        with opened('username,phone,note\na,,"x\nb,2,y\nc,3,"\n') as roster:
            (record,) = roster.records()

        assert isinstance(record.row, Candidate)
        assert (roster.lines, roster.record_count, roster.multi_line_records) == (4, 1, 1)

    @pytest.mark.parametrize(
        ("data", "line"),
        [
            ('username,note\nalice,x\nbob,"y\ncarol,z\n', 3),
            ('username,note\nalice,"x"\nbob,"y\ncarol","z\ndave,x\n', 4),
            ('username,note\nalice,x\nbob,"', 3),
            ('"username,note\nalice,x\n', 1),
            ('username,note\nalice,"x\n' + "bob,y\n" * 2000 + '"\n', 2),
            ('username,note\nalice,"x\n' + ("y" * 3_000_000 + "\n") * 2 + '"\n', 2),
        ],
    )
    def test_an_unterminated_quote_fails_the_file_and_names_its_line(self, data: str, line: int) -> None:
        error = unusable(data)

        assert f"the quote that opens on line {line} is not closed" in error.message
        assert error.hint

    def test_a_line_without_end_fails_the_file(self) -> None:
        assert "line 2 has more than" in unusable("username\n" + "x" * 5_000_000).message

    def test_a_guarded_cell_is_read_as_it_was(self) -> None:
        (record,) = records("username,note,phone\n'=alice,'-x,'+819012345678\n")

        assert record.cells == ("=alice", "-x", MOBILE)
        assert record.row == Candidate(
            at=Position(row=1, first_line=2, last_line=2), username="=alice", phone=Phone(MOBILE)
        )

    def test_nothing_that_prints_shows_a_number_or_an_address(self) -> None:
        data = (
            f"username,email,phone\nalice@example.com,alice@example.com,{MOBILE}\nb@example.com,,090-1234\n"
        )

        with opened(data) as roster:
            shown = repr([roster, *roster.records()])

        assert "example.com" not in shown
        assert "1234" not in shown


class TestRows:
    @pytest.mark.parametrize(
        ("header", "row", "sub", "username", "email"),
        [
            ("sub,username,email", "s,u,e@x", "s", "u", "e@x"),
            ("sub,username,email", " s ,\u3000u\ufeff,", "s", "u", None),
            ("username", "e@x", None, "e@x", None),
            ("username", "Ａlice＠x", None, "Ａlice＠x", None),
            ("user_sub", "s", "s", None, None),
            ("sub,user_sub", "s,", "s", None, None),
            ("sub,user_sub", ",s", "s", None, None),
            ("sub,user_sub", "s,s", "s", None, None),
        ],
    )
    def test_identities(
        self, header: str, row: str, sub: str | None, username: str | None, email: str | None
    ) -> None:
        found = candidate(f"{header}\n{row}\n")

        assert (found.sub, found.username, found.email) == (sub, username, email)

    @pytest.mark.parametrize(
        ("header", "row", "identities"),
        [
            ("email", "'aki@example.com", (None, None, "aki@example.com")),
            ("email", '"=""aki@example.com"""', (None, None, "aki@example.com")),
            ("email", "Aki <aki@example.com>", (None, None, "aki@example.com")),
            ("username", "mailto:aki@example.com", (None, "aki@example.com", None)),
            ("Staff", "aki＠example.com", (None, None, "aki@example.com")),
            ("Staff", "'4711", (None, "4711", None)),
            ("sub,email", "NULL,aki@example.com", (None, None, "aki@example.com")),
            ("sub,username", "n/a,aki", (None, "aki", None)),
        ],
    )
    def test_what_programs_put_around_an_identity_is_taken_off(
        self, header: str, row: str, identities: tuple[str | None, ...]
    ) -> None:
        chosen = {"id_column": "Staff"} if header == "Staff" else {}
        found = candidate(f"{header}\n{row}\n", **chosen)

        assert (found.sub, found.username, found.email) == identities

    @pytest.mark.parametrize(
        ("header", "row", "detail"),
        [
            ("email", "a@example.com; b@example.com", "more than one address in the email cell"),
            ("username,email", "aki,#N/A", "a spreadsheet's error value in the email cell"),
            ("email", "NULL", "no identity"),
        ],
    )
    def test_an_identity_that_is_not_certain_is_named(self, header: str, row: str, detail: str) -> None:
        bad = rejection(f"{header}\n{row}\n")

        assert (bad.reason, bad.detail) == (Reason.BAD_ROW, detail)

    def test_two_subs_in_one_row_name_nobody(self) -> None:
        bad = rejection("sub,user_sub\ns,t\n")

        assert (bad.reason, bad.detail) == (Reason.BAD_ROW, "sub and user_sub differ")

    @pytest.mark.parametrize(
        ("said", "claims_verified"),
        [("true", True), ("TRUE", True), (" False ", False), ("", None), (" ", None)],
    )
    def test_a_row_vouches_for_its_number(self, said: str, *, claims_verified: bool | None) -> None:
        assert candidate(f"username,phone_number_verified\nalice,{said}\n").claims_verified is claims_verified

    @pytest.mark.parametrize("said", ["1", "yes", "0", "t", "TRUE!", "はい"])
    def test_any_other_word_is_a_bad_row(self, said: str) -> None:
        bad = rejection(f"username,phone,phone_number_verified\nalice,wrong,{said}\n")

        assert bad.reason is Reason.BAD_ROW
        assert "phone_number_verified" in bad.detail

    def test_nobody_reads_mfa_enabled(self) -> None:
        assert candidate("username,cognito:mfa_enabled\nalice,whatever\n").username == "alice"

    @pytest.mark.parametrize("cell", ["", " ", "\u3000"])
    def test_an_empty_number_means_the_one_in_the_pool(self, cell: str) -> None:
        assert candidate(f"username,phone\nalice,{cell}\n").phone is None

    def test_without_a_phone_column_every_number_is_that_in_the_pool(self) -> None:
        with opened("username\nalice\n") as roster:
            (record,) = roster.records()

        assert "phone" not in roster.used
        assert isinstance(record.row, Candidate)
        assert record.row.phone is None

    def test_the_country_and_the_guesses_are_those_of_the_phone_rules(self) -> None:
        found = candidate("username,phone\nalice,090-1234-5678\n", phone_country="JP")

        assert found.phone == Phone(MOBILE)
        assert found.guesses == ("formatting", "assumed_country")

    @pytest.mark.parametrize(
        ("cell", "options", "reason", "cause"),
        [
            ("090-1234-5678", {}, Reason.INVALID_PHONE, "--phone-country"),
            (
                "090-1234-5678",
                {"phone_country": "JP", "strict_e164": True},
                Reason.INVALID_PHONE,
                "--strict-e164",
            ),
            ("8.19E+11", {"phone_country": "JP"}, Reason.INVALID_PHONE, "scientific"),
            ("03-1234-5678", {"phone_country": "JP"}, Reason.NOT_SMS_CAPABLE, "fixed line"),
        ],
    )
    def test_a_wrong_number_is_rejected_for_its_reason(
        self, cell: str, options: dict[str, object], reason: Reason, cause: str
    ) -> None:
        bad = rejection(f"username,phone\nalice,{cell}\n", **options)

        assert bad.reason is reason
        assert cause in bad.detail


class TestRowCountry:
    """The columns are found by `roster_columns`; here they are given."""

    @staticmethod
    def read(cells: str, **options: object) -> Candidate | Rejection:
        columns = Columns(
            names=("username", "phone", "country", "code"),
            username=0,
            phone=1,
            countries=(2,),
            dial_codes=(3,),
        )
        reader = RowReader(columns, ",", RosterOptions(**options))  # type: ignore[arg-type]
        return reader.read(RawRecord(cells, 2, 2), 1).row

    @pytest.mark.parametrize(
        ("cells", "e164", "guesses"),
        [
            ("aki,090-1234-5678,,", MOBILE, ("formatting", "assumed_country")),
            ("aki,090-1234-5678", MOBILE, ("formatting", "assumed_country")),
            ("aki,808-555-0102,US,", "+18085550102", ("formatting", "row_country")),
            ("aki,808-555-0102,,+1", "+18085550102", ("formatting", "row_country")),
            ("aki,0151 23456781,Deutschland,49", "+4915123456781", ("formatting", "row_country")),
            ("aki,+4915123456781,DE", "+4915123456781", ()),
        ],
    )
    def test_it_wins_over_the_option(self, cells: str, e164: str, guesses: tuple[str, ...]) -> None:
        found = self.read(cells, phone_country="JP")

        assert isinstance(found, Candidate), found
        assert (found.phone, found.guesses) == (Phone(e164), guesses)

    @pytest.mark.parametrize(
        ("cells", "causes"),
        [
            (f"aki,{MOBILE},DE,", ("DE (+49)", "JP (+81)")),
            (f"aki,{MOBILE},,+49", ("DE (+49)", "JP (+81)")),
            (f"aki,{MOBILE},JP,+49", ("JP (+81)", "DE (+49)")),
            (f"aki,{MOBILE},Atlantis,", ("“Atlantis”", "JP (+81)")),
            ("aki,090-1234-5678,Atlantis,", ("“Atlantis”", "no country code")),
        ],
    )
    def test_a_contradiction_is_a_wrong_number(self, cells: str, causes: tuple[str, str]) -> None:
        found = self.read(cells, phone_country="JP")

        assert isinstance(found, Rejection)
        assert found.reason is Reason.INVALID_PHONE
        assert found.identities == (None, "aki", None)
        assert all(cause in found.detail for cause in causes)

    def test_without_a_number_it_does_not_matter(self) -> None:
        assert isinstance(self.read("aki,,Atlantis,"), Candidate)
        assert isinstance(self.read(f"aki,{MOBILE},Atlantis,", read_numbers=False), Candidate)


grids = st.integers(1, 4).flatmap(
    lambda width: st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\ufeff"), max_size=6)
            | st.text("ab\",;\t\r\n' =+", max_size=8),
            min_size=width,
            max_size=width,
        ),
        min_size=1,
        max_size=5,
    )
)


@everything
@given(
    grids,
    st.sampled_from([",", ";", "\t"]),
    # Without CR in the line end, the writer of older Pythons leaves a CR in a cell unquoted.
    st.sampled_from([(csv.QUOTE_MINIMAL, "\r\n"), *((csv.QUOTE_ALL, end) for end in ("\n", "\r\n", "\r"))]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_as_reports_are_is_read_back(
    grid: list[list[str]], delimiter: str, style: tuple[Literal[0, 1], str], codec: str
) -> None:
    quoting, end = style
    cells = [["alice", *row] for row in grid]
    header = ["username", *(f"column {at}" for at in range(len(grid[0])))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([header, *([guard(cell) for cell in row] for row in cells)])

    with opened(text.getvalue().encode(codec)) as roster:
        found = [list(record.cells) for record in roster.records()]

    assert roster.columns == tuple(header)
    assert found == cells


@everything
@given(st.binary(max_size=200) | st.text('ab",\r\n\0;\t髙', max_size=60).map(str.encode))
@example(b'"c"d,e\n"f\n')
def test_no_bytes_do_more_than_make_the_roster_unusable(data: bytes) -> None:
    try:
        found = records(b"username,note\n" + data)
    except InputUnusable as error:
        assert error.hint  # noqa: PT017 - either way is right
    else:
        assert [record.row.at.row for record in found] == list(range(1, len(found) + 1))
        assert all(record.cells for record in found)


def csv_refuses(text: str) -> bool:
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        return True
    return False


@everything
@given(st.text('a",\n', max_size=30))
def test_records_end_where_csv_ends_them(text: str) -> None:
    reader = csv.reader(io.StringIO(text, newline=""))
    lenient = [(reader.line_num, cells) for cells in reader if "".join(cells)]
    try:
        found = records(f"username\n{text}")
    except InputUnusable:
        assert not lenient or csv_refuses(text)
    else:
        assert [(record.row.at.last_line - 1) for record in found] == [line for line, _ in lenient]


def test_a_long_roster_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("username,note\r\n")
        file.writelines(f'user{number},"{"x" * 40}"\r\n' for number in range(60_000))

    tracemalloc.start()
    with open_roster(str(path), RosterOptions()) as roster:
        count = sum(1 for _ in roster.records())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (count, roster.lines) == (60_000, 60_001)
    assert peak < 3_000_000 < path.stat().st_size


@pytest.mark.parametrize(
    ("header", "encoding", "hinted"),
    [
        ("Courriel;Tél. portable;Tél. fixe", "cp1252", True),
        ("氏名;ケータイの番号;x", "cp932", False),
    ],
)
def test_a_guessed_encoding_is_told_where_columns_are_not_known(
    header: str, encoding: str, hinted: bool
) -> None:
    text = f"{header}\na@example.com;0612345678;0142685300\n"

    assert ("--encoding cp1252" in unusable(text.encode(encoding)).hint) is hinted
