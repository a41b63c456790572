# ruff: noqa: RUF001 - full-width signs are among the spellings
"""A pool with every kind of user and a roster with every kind of row, the same for the same seed."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from tests.commands.messy_oracle import Pool, Row, Setting
from tests.commands.support import LEGACY_SMS, phone_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

HEADER: Final = (
    "tag",
    "sub",
    "user_sub",
    "username",
    "email",
    "phone_number",
    "phone_number_verified",
    "note",
)
USERS: Final = 1400
ROWS: Final = 1500
_DUPLICATES, _CONFLICTS, _STRANGERS = 60, 50, 40


def _full_width(text: str) -> str:
    return text.translate({ord(char): ord(char) + 0xFEE0 for char in "0123456789+-"})


def _dashed(local: str) -> str:
    return f"{local[:3]}-{local[3:7]}-{local[7:]}"


SPELLINGS: Final[tuple[Callable[[str], str], ...]] = (
    lambda e164: e164,
    lambda e164: f"\u3000{e164}\u00a0",
    lambda e164: f"0{e164[3:]}",
    lambda e164: _dashed(f"0{e164[3:]}"),
    lambda e164: _full_width(_dashed(f"0{e164[3:]}")),
    lambda e164: f"(0{e164[3:5]}) {e164[5:9]} {e164[9:]}",
    lambda e164: e164[3:],
    lambda e164: f"{e164[3:]}.0",
    lambda e164: e164[1:],
    lambda e164: f"+81(0){e164[3:]}",
    lambda e164: f"+810{e164[3:]}",
    lambda e164: f"010-81-{e164[3:]}",
    lambda e164: f"tel:+81-{e164[3:5]}-{e164[5:9]}-{e164[9:]}",
    lambda e164: f'="0{e164[3:]}"',
    lambda e164: f"'0{e164[3:]}",
    lambda e164: e164.replace("9", "９"),
)
"""Ways to write a Japanese mobile number that is given as E.164."""

WRONG: Final = {
    "invalid_phone": (
        "8.19012E+11",
        "090-1234-567",
        "N/A",
        "-",
        "090-1234-5678/080-1234-5678",
        "+81901234567890123456",
        "090-1234-5678 内線5",
        "+99912345678",
        "09012345678 (mother)",
        "819012345678,0",
    ),
    "not_sms_capable": ("03-1234-5678", "0120-123-456", "050-1234-5678", "+81312345678"),
}

BROKEN: Final[dict[str, Callable[[str], str]]] = {
    "too many cells": lambda tag: f"{tag},,,user0001,,+819099990001,,,one more",
    "too few cells": lambda tag: f'{tag},"a\nb",,user0002,,+819099990002',
    "two addresses": lambda tag: f"{tag},,,,a@example.com;b@example.com,+819099990011,,",
    "no identity": lambda tag: f"{tag},,,,,+819099990003,,",
    "blank identity": lambda tag: f"{tag},,\u3000, ,,+819099990004,,",
    "unreadable boolean": lambda tag: f"{tag},,,user0003,,+819099990005,yes,",
    "a line break in the username": lambda tag: f'{tag},,,"user0004\nuser0005",,+819099990006,,',
    "a line break in the number": lambda tag: f'{tag},,,user0006,,"+819099990007\r\n",,',
    "a quote where none belongs": lambda tag: f'{tag},,,"user0007" x,,+819099990008,,',
    "a NUL character": lambda tag: f"{tag},,,user\00008,,+819099990009,,",
    "a cell without end": lambda tag: f"{tag},,,user0009,,+819099990010,,{'x' * 16_001}",
    "two subs": lambda tag: f"{tag},one,another,user0010,,+819099990011,,",
}
"""Lines that no reader may make sense of, by what is wrong with them."""


def make_users(random: Random, setting: Setting) -> list[dict[str, Any]]:
    """Users of a pool file: statuses, factors, numbers and addresses drawn independently."""
    return [_make_user(random, number, setting) for number in range(USERS)]


def _make_user(random: Random, number: int, setting: Setting) -> dict[str, Any]:
    federated = random.random() < 0.05
    status = "EXTERNAL_PROVIDER" if federated else _pick(random, _STATUSES)
    name = f"Google_{number:04d}" if federated else _name(number)
    attributes = _email(random, number, federated=federated) | _phone(random, number, setting)
    user = {
        "Username": name,
        "UserStatus": status,
        "Enabled": random.random() >= 0.04,
        "Attributes": attributes,
    }
    if federated:
        return user
    if random.random() < 0.05:
        user["ConfiguredUserAuthFactors"] = ["PASSWORD", "WEB_AUTHN"]
    return user | _factors(random, attributes)


def _name(number: int) -> str:
    odd = {11: "Us.Er", 23: 'we"ird\\', 37: "o'neil+", 53: "山田"}
    return next((f"{odd[n]}{number:04d}" for n in odd if number % n == 0 and number), f"user{number:04d}")


def _email(random: Random, number: int, *, federated: bool) -> dict[str, str]:
    """Own, shared with the user before (who alone has it verified), or none; twins are federated."""
    address = f"{'Mixed.Case' if number % 7 == 0 else 'mail'}{number:04d}@example.com"
    before = f"{'Mixed.Case' if (number - 1) % 7 == 0 else 'mail'}{number - 1:04d}@example.com"
    kind = "shared" if federated and random.random() < 0.7 else _pick(random, _EMAILS)
    return {
        "verified": {"email": address, "email_verified": "true"},
        "unverified": {"email": address, "email_verified": "false"},
        "shared": {"email": before, "email_verified": "false"},
        "none": {},
    }[kind]


def _phone(random: Random, number: int, setting: Setting) -> dict[str, str]:
    kind = _pick(random, {"none": 0.5, "unverified": 0.2, "verified": 0.3})
    if kind == "none":
        return {}
    borrows = random.random() < 0.04 and not (setting.phone_signs_in and kind == "verified")
    owner = random.randrange(USERS) if borrows else number
    return {"phone_number": phone_of(owner), "phone_number_verified": str(kind == "verified").lower()}


def _factors(random: Random, attributes: dict[str, str]) -> dict[str, Any]:
    kind = _pick(random, _FACTORS)
    if ("phone_number" not in attributes and "sms" in kind) or (
        "email" not in attributes and "email" in kind
    ):
        return {}
    return {
        "none": {},
        "sms": _mfa("SMS_MFA", "SMS_MFA"),
        "sms unpreferred": _mfa(None, "SMS_MFA"),
        "sms legacy": {"MFAOptions": LEGACY_SMS},
        "totp": _mfa("SOFTWARE_TOKEN_MFA", "SOFTWARE_TOKEN_MFA"),
        "totp registered": {"totp_registered": True},
        "totp and sms": _mfa("SOFTWARE_TOKEN_MFA", "SMS_MFA", "SOFTWARE_TOKEN_MFA"),
        "email": _mfa("EMAIL_OTP", "EMAIL_OTP"),
        "email and sms": _mfa("EMAIL_OTP", "SMS_MFA", "EMAIL_OTP"),
    }[kind]


def _mfa(preferred: str | None, *factors: str) -> dict[str, Any]:
    return {"UserMFASettingList": list(factors), "PreferredMfaSetting": preferred}


_STATUSES: Final = {
    "CONFIRMED": 0.8,
    "FORCE_CHANGE_PASSWORD": 0.07,
    "UNCONFIRMED": 0.05,
    "RESET_REQUIRED": 0.05,
    "ARCHIVED": 0.01,
    "COMPROMISED": 0.01,
    "UNKNOWN": 0.01,
}
_EMAILS: Final = {"verified": 0.8, "unverified": 0.07, "shared": 0.07, "none": 0.06}
_FACTORS: Final = {
    "none": 0.6,
    "sms": 0.12,
    "sms unpreferred": 0.04,
    "sms legacy": 0.06,
    "totp": 0.05,
    "totp registered": 0.02,
    "totp and sms": 0.04,
    "email": 0.04,
    "email and sms": 0.03,
}


def _pick(random: Random, shares: dict[str, float]) -> str:
    return random.choices(list(shares), list(shares.values()))[0]


@dataclass(frozen=True)
class Roster:
    """The file's bytes, and what its author meant by each row."""

    content: bytes
    rows: list[Row]


def make_roster(random: Random, pool: Pool, setting: Setting) -> Roster:
    """Rows for most users, then rows that repeat, contradict, name nobody or cannot be read; shuffled."""
    maker = _Maker(random, pool, setting)
    broken = [kind for kind in BROKEN for _ in range(4)]
    plain = ROWS - _DUPLICATES - _CONFLICTS - _STRANGERS - len(broken)
    subs = random.sample(sorted(pool), plain)
    rows = [maker.row(sub) for sub in subs]
    rows += [maker.again(random.choice(rows), same=True) for _ in range(_DUPLICATES)]
    rows += [maker.again(random.choice(rows[:plain]), same=False) for _ in range(_CONFLICTS)]
    rows += [maker.stranger(number) for number in range(_STRANGERS)]
    lines = [(row, maker.line(row)) for row in rows]
    for kind in broken:
        tag = maker.tag()
        lines.append((Row(tag=tag, trouble="bad_row"), BROKEN[kind](tag)))
    random.shuffle(lines)
    text = "\r\n".join([",".join(HEADER), *(line for _, line in lines), ""])
    return Roster(text.encode(), [row for row, _ in lines])


def named(row: Row, way: dict[str, str]) -> Row:
    """The row with these identities, by column."""
    sub, username, email = (way.get(column, "") for column in ("sub", "username", "email"))
    return replace(row, sub=sub, username=username, email=email)


class _Maker:
    def __init__(self, random: Random, pool: Pool, setting: Setting) -> None:
        self.random = random
        self.pool = pool
        self.setting = setting
        self.subs = sorted(pool)
        self.made = 0

    def tag(self) -> str:
        self.made += 1
        return f"r{self.made}"

    def row(self, sub: str) -> Row:
        """One row about one user: how it is named, what it asks, whether it vouches."""
        row = Row(
            tag=self.tag(), claims_verified=self.random.choices([None, True, False], [0.75, 0.13, 0.12])[0]
        )
        return self.asking(self.naming(row, sub), sub)

    def naming(self, row: Row, sub: str) -> Row:
        user = self.pool[sub]
        name, email = user["Username"], user["Attributes"].get("email", "")
        other = self.pool[self.random.choice(self.subs)]["Username"]
        ways: list[dict[str, str]] = [
            {"sub": sub},
            {"username": name},
            {"sub": sub, "username": name, "email": email},
            {"sub": sub, "email": "gone@example.com"},
        ]
        if not self.setting.case_sensitive:
            ways += [
                {"username": name.upper()},
                {"email": email.upper()} if email else {"username": name.lower()},
            ]
        if email:
            ways += [{"email": email}] * 4
            ways += [{"username": email}, {"username": name, "email": email}]
        if self.random.random() < 0.04:
            ways = [{"username": other, "email": email}, {"sub": sub, "username": other}]
        return named(row, self.random.choice(ways))

    def asking(self, row: Row, sub: str) -> Row:
        number = 100_000 + self.made
        own = self.pool[sub]["Attributes"].get("phone_number")
        kinds = {
            "new": 0.6,
            "own": 0.2,
            "blank": 0.08,
            "another's": 0.03,
            "another's wish": 0.02,
            "wrong": 0.07,
        }
        match _pick(self.random, kinds):
            case "own" if own:
                return replace(row, phone=own)
            case "blank":
                return row
            case "another's":
                return replace(row, phone=phone_of(self.random.randrange(USERS)))
            case "another's wish":
                return replace(row, phone=phone_of(number - self.random.randrange(1, 50)))
            case "wrong":
                return replace(row, trouble=self.random.choice(list(WRONG)))
            case _:
                return replace(row, phone=phone_of(number))

    def again(self, row: Row, *, same: bool) -> Row:
        if same:
            return replace(row, tag=self.tag())
        if self.random.random() < 0.5:
            return replace(row, tag=self.tag(), claims_verified=not row.claims_verified)
        self.tag()
        return replace(row, tag=self.tag(), phone=phone_of(100_000 + self.made))

    def stranger(self, number: int) -> Row:
        name = self.random.choice(
            [f"nobody{number}", f'no"bo\\dy{number}', f"nobody{number}@example.com", "x" * 300]
        )
        kind = self.random.choice(["sub", "username", "email"])
        return named(Row(tag=self.tag(), phone=phone_of(200_000 + number)), {kind: name})

    def line(self, row: Row) -> str:
        """The row as a line of CSV, its number spelled one way or another."""
        if row.trouble:
            phone = self.random.choice(WRONG[row.trouble])
        else:
            phone = self.random.choice(SPELLINGS)(row.phone) if row.phone else ""
        said = (
            ""
            if row.claims_verified is None
            else self.random.choice([str.upper, str.lower, str.title])(str(row.claims_verified))
        )
        note = self.random.choice(["", "a, b", 'said "yes"', "two\nlines", "=1+1"])
        buffer = io.StringIO()
        cells = (row.tag, row.sub, "", row.username, row.email, phone, said, note)
        csv.writer(buffer, lineterminator="\r\n").writerow(cells)
        return buffer.getvalue().removesuffix("\r\n")
