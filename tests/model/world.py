"""The pool of the model: a user of each kind, what they and others may do meanwhile, and what is theirs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.commands.support import SENDS_CODES, a_member, phone_of, pool_document, write_roster

if TYPE_CHECKING:
    from pathlib import Path

    from tests.model.program import Program

TOTP: Final = "SOFTWARE_TOKEN_MFA"
SMS: Final = "SMS_MFA"
NAMES: Final = ("bare", "unproved", "same", "proved", "differs", "totp", "off", "twin")
"""Users of the roster, by how the pool has them; `twin` shares an address with somebody who is not in it."""
_OTHER, _OWN, _SECOND = 500, 700, 900
_TOTP_ON: Final = {"UserMFASettingList": [TOTP], "PreferredMfaSetting": TOTP}
_LEFT_OUT: Final = ("stranger", "second", "federated")

Shape = tuple[str | None, bool, frozenset[str], str | None]
"""What the tool may change of a user: number, whether it is verified, factors, the preferred one."""


def document(*, sends_codes: bool) -> dict[str, Any]:
    """A pool file with these users, where the open questions are answered in the worst way."""
    numbers = {name: phone_of(at) for at, name in enumerate(NAMES)}
    made: dict[str, dict[str, Any]] = {
        "bare": {},
        "unproved": {"phone": phone_of(_OTHER + 1)},
        "same": {"phone": numbers["same"]},
        "proved": {"phone": numbers["proved"], "verified": True},
        "differs": {"phone": phone_of(_OTHER + 4), "verified": True},
        "totp": _TOTP_ON,
        "off": {"Enabled": False},
        "twin": {},
    }
    users = [a_member(name, **members) for name, members in made.items()]
    users += [a_member("stranger", phone=phone_of(_OTHER + 9), verified=True), a_member("second")]
    users[-1]["Attributes"] |= {"email": "twin@example.com", "email_verified": "false"}
    users.append(a_member("federated", UserStatus="EXTERNAL_PROVIDER"))
    config = SENDS_CODES if sends_codes else {}
    return pool_document(users, config=config, unsettled={"same_value_resends_code": True})


def rosters(folder: Path) -> dict[str, Path]:
    """Two rosters over the same users; the second has other numbers for some, and a row twice."""
    one = [(f"{name}@example.com", phone_of(at)) for at, name in enumerate(NAMES)]
    two = [
        (f"{name}@example.com", phone_of(at + (_SECOND if at % 3 == 0 else 0)))
        for at, name in enumerate(NAMES)
    ]
    return {
        "one": write_roster(folder / "one.csv", [*one, ("federated@example.com", phone_of(50))]),
        "two": write_roster(folder / "two.csv", [*two[:6], two[2], ("nobody@example.com", phone_of(51))]),
    }


def shape(user: dict[str, Any]) -> Shape:
    attributes = user["Attributes"]
    verified = attributes.get("phone_number_verified") == "true"
    factors = frozenset(user["UserMFASettingList"])
    return (attributes.get("phone_number"), verified, factors, user["PreferredMfaSetting"])


@dataclass
class People:
    """What belongs to whom, by sub: kept beside the pool, and compared with it after each command.

    `before`: everybody as they would be without us, as far as that can be known: `touched` are those who have
    changed something after we had. `proved`: the numbers that users have proved themselves. `stronger`:
    who has set up an authenticator app.
    """

    program: Program
    before: dict[str, Shape] = field(default_factory=dict)
    written: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)
    proved: dict[str, str] = field(default_factory=dict)
    stronger: set[str] = field(default_factory=set)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    made: int = 0

    def __post_init__(self) -> None:
        for sub, user in self.program.users().items():
            self._knows(sub, user)

    def _knows(self, sub: str, user: dict[str, Any]) -> None:
        phone, verified, factors, _ = self.before[sub] = shape(user)
        if phone and verified:
            self.proved[sub] = phone
        if TOTP in factors:
            self.stronger.add(sub)

    def find(self, name: str) -> tuple[str, dict[str, Any]] | None:
        """A user by Username, with the sub."""
        return next(
            ((sub, user) for sub, user in self.program.users().items() if user["Username"] == name), None
        )

    # -- what users do

    def enters_a_number(self, name: str) -> None:
        phone = phone_of(_OWN + NAMES.index(name))
        self._changes(name, Attributes={"phone_number": phone, "phone_number_verified": "false"})

    def proves_the_number(self, name: str) -> None:
        found = self.find(name)
        if found and (phone := shape(found[1])[0]) and not shape(found[1])[1]:
            self._changes(name, Attributes={"phone_number_verified": "true"})
            self.proved[found[0]] = phone

    def removes_the_number(self, name: str) -> None:
        found = self.find(name)
        if found and SMS not in shape(found[1])[2]:
            self._changes(name, Attributes={"phone_number": None, "phone_number_verified": None})

    def sets_up_an_app(self, name: str) -> None:
        if found := self.find(name):
            factors = sorted({*found[1]["UserMFASettingList"], TOTP})
            self._changes(name, UserMFASettingList=factors, PreferredMfaSetting=TOTP)
            self.stronger.add(found[0])

    def is_switched(self, name: str) -> None:
        """The administrator disables the user, or enables it."""
        if found := self.find(name):
            self.program.edit(upsert=[{"Username": name, "Enabled": not found[1]["Enabled"]}])

    def is_made_anew(self, name: str) -> None:
        """Deleted, and made again under the same name, without a number."""
        if found := self.find(name):
            for known in (self.before, self.proved):
                known.pop(found[0], None)
            self.stronger.discard(found[0])
            self.made += 1
            self.program.edit(delete=[name])
            address = {"email": found[1]["Attributes"]["email"], "email_verified": "true"}
            self.program.edit(upsert=[a_member(name, Attributes=address)])
            if new := self.find(name):
                self._knows(*new)

    def loses_the_address(self, name: str) -> None:
        """The address moves on to somebody whom the roster does not mean."""
        address = {"email": f"{name}@example.com", "email_verified": "true"}
        moved = {"email": f"{name}-moved@example.com", "email_verified": "true"}
        if self.find(name):
            self.program.edit(upsert=[{"Username": name, "Attributes": moved}])
            self.program.edit(upsert=[{"Username": "stranger", "Attributes": address}])

    def _changes(self, name: str, **members: Any) -> None:
        found = self.find(name)
        if found is None:
            return
        sub = found[0]
        self.program.edit(upsert=[{"Username": name, **members}])
        if "phone_number" in members.get("Attributes", {}):
            self.proved.pop(sub, None)
        now = self.program.users()[sub]
        if sub in self.written:
            self.touched.add(sub)
        else:
            self.before[sub] = shape(now)

    # -- what must hold

    def after_a_command(self, before: dict[str, dict[str, Any]]) -> None:
        """Nobody is harmed, and nobody is changed whom no roster names.

        Args:
            before: the pool before the command.
        """
        now = self.program.users()
        self.written |= {
            sub for sub, user in now.items() if sub in before and shape(user) != shape(before[sub])
        }
        assert now.keys() == before.keys(), "a command made or deleted users"
        for sub, user in now.items():
            name, (phone, verified, factors, preferred) = user["Username"], shape(user)
            if name in _LEFT_OUT and name != "stranger":
                assert sub not in self.written, f"{name} was written to"
            if sub in self.proved:
                assert (phone, verified) == (self.proved[sub], True), f"{name} lost a number of their own"
            if sub in self.stronger:
                assert TOTP in factors, f"{name} lost the authenticator app"
                assert preferred == TOTP, f"{name} is asked for SMS instead of the authenticator app"
