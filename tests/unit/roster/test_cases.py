"""Rosters that people really had, and what must become of their rows."""

import io

from migrate_mfa.domain.model import Candidate
from migrate_mfa.roster.file import RosterOptions, open_roster


def numbers(text: str, country: str | None = None) -> dict[str, str]:
    """The numbers that a roster gives, by e-mail address; of a refused row, its detail."""
    options = RosterOptions(phone_country=country)
    found = {}
    with open_roster("-", options, stdin=io.BytesIO(text.encode())) as roster:
        for record in roster.records():
            row = record.row
            if isinstance(row, Candidate):
                found[row.email or ""] = row.phone.e164 if row.phone else ""
            else:
                found[row.identities[2] or f"row {row.at.row}"] = row.detail
    return found


def test_trailing_cells_are_missing() -> None:
    text = "email,phone_number,note\nuser01@example.com,+819012340001,VIP\nuser03@example.com,+819012340003\n"

    assert numbers(text) == {"user01@example.com": "+819012340001", "user03@example.com": "+819012340003"}


def test_the_header_ends_in_a_comma() -> None:
    text = "email,phone_number,\nuser01@example.com,+819012340001\n"

    assert numbers(text) == {"user01@example.com": "+819012340001"}


def test_excel_guards_stand_on_identities() -> None:
    text = (
        "email,phone_number\n'user01@example.com,'+819012340001\n"
        '"=""user02@example.com""","=""+819012340002"""\n="user03@example.com",="+819012340003"\n'
    )

    assert numbers(text) == {f"user0{at}@example.com": f"+81901234000{at}" for at in (1, 2, 3)}


def test_each_row_of_a_roster_has_its_own_country() -> None:
    text = (
        "email,country,phone\nuser01@example.com,JP,090-1234-0001\nuser02@example.com,US,808-555-0102\n"
        "user03@example.com,US,(907) 555-0103\nuser04@example.com,DE,0151 23456781\n"
        "user05@example.com,,090-1234-0005\nuser06@example.com,DE,+819012340006\n"
    )

    found = numbers(text, "JP")

    assert "DE (+49)" in found["user06@example.com"]
    assert "JP (+81)" in found.pop("user06@example.com")
    assert found == {
        "user01@example.com": "+819012340001",
        "user02@example.com": "+18085550102",
        "user03@example.com": "+19075550103",
        "user04@example.com": "+4915123456781",
        "user05@example.com": "+819012340005",
    }


def test_german_numbers_have_slashes_and_lost_plus_signs() -> None:
    text = (
        "email,phone_number\nuser14@example.com,0151/23456781\nuser15@example.com,+49 151/23456782\n"
        "user16@example.com,0151 / 234 567 83\nuser17@example.com,4915123456784\n"
        "user18@example.com,49 151 23456785\n"
    )

    assert numbers(text, "DE") == {f"user{at + 13}@example.com": f"+491512345678{at}" for at in range(1, 6)}


def test_plus_signs_and_invisible_marks_take_many_forms() -> None:
    text = (
        "email,phone_number\nuser19@example.com,+ 81 90 1234 0019\nuser20@example.com,++819012340020\n"
        "user21@example.com,+1\ufe0d-212-555-0121\nuser22@example.com,+81\u31649012340022\n"
        "user23@example.com,0081 90 1234 0023\n"
    )

    assert numbers(text) == {
        "user19@example.com": "+819012340019",
        "user20@example.com": "+819012340020",
        "user21@example.com": "+12125550121",
        "user22@example.com": "+819012340022",
        "user23@example.com": "+819012340023",
    }
