"""Several accounts on loopback, one simulator each, and a fleet file for all of them."""

from __future__ import annotations

import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator import background
from tests.commands.support import Cli, members_of, phone_of, pool_document, roster_of, state
from tests.support.hosted import hosted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from migrate_mfa.simulator import Running

_WINDOW_S = 1.0


@dataclass
class FleetSite:
    """A fleet, and the accounts of its targets by their names."""

    folder: Path
    cli: Cli
    accounts: dict[str, Running]
    pools: dict[str, str]
    users: Sequence[str]
    options: dict[str, dict[str, object]] = field(default_factory=dict)

    def write(self, name: str = "fleet.toml", **defaults: object) -> Path:
        """Write the fleet file."""
        usual: dict[str, object] = {"verification": "attested", "quota_share": 1.0, "roster": "roster.csv"}
        lines = ["[defaults]", *_lines(usual | defaults)]
        for target, pool in self.pools.items():
            own = {"name": target, "user_pool_id": pool, "endpoint_url": self.accounts[target].endpoint}
            lines += ["", "[[target]]", *_lines(own | self.options.get(target, {}))]
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def summary(self, run_dir: str = "runs") -> dict[str, Any]:
        """The fleet's own summary."""
        path = self.folder / run_dir / "report" / "summary.json"
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def all_right(self) -> bool:
        """Whether every user of every target has the number of the roster, verified, and SMS MFA."""
        wanted = {name: phone_of(place) for place, name in enumerate(self.users)}
        return all(
            _is_right(user, wanted[name])
            for target, pool in self.pools.items()
            for name, user in state(self.accounts[target], pool).items()
        )

    def busiest_second(self, target: str, operation: str) -> int:
        """The most calls of one operation in any window of a second, by the clock of the account."""
        times = [
            call["at"] for call in self.accounts[target].control("ledger")["calls"] if call["op"] == operation
        ]
        return max((sum(at <= each < at + _WINDOW_S for each in times) for at in times), default=0)

    def written(self) -> int:
        """The number of phone numbers written, over all accounts."""
        return sum(map(self.written_in, self.accounts))

    def written_in(self, target: str) -> int:
        """The number of phone numbers written in the account of a target."""
        updates = self.accounts[target].control("stats")["by_category"].get("UserUpdate", {})
        return sum(number for name, number in updates.items() if name.startswith("AdminUpdateUserAttributes"))


def _is_right(user: Mapping[str, Any], phone: str) -> bool:
    attributes = user["Attributes"]
    if isinstance(attributes, list):
        attributes = {each["Name"]: each["Value"] for each in attributes}
    found = [attributes.get(name) for name in ("phone_number", "phone_number_verified")]
    return [*found, user["UserMFASettingList"]] == [phone, "true", ["SMS_MFA"]]


def _lines(values: Mapping[str, object]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in values.items()]


@contextmanager
def fleet_site(
    folder: Path,
    targets: Sequence[str],
    users: int,
    *,
    faults: Mapping[str, Any] | None = None,
    process: bool = False,
    **pool: Any,
) -> Iterator[FleetSite]:
    """Have an account for each target, each with one pool of the same users.

    `process` gives each account a process of its own, so that its clock does not wait for this one.
    """
    serve = partial(background, control=True) if process else hosted
    names = [f"user{number:03}" for number in range(users)]
    roster_of(folder, names)
    with ExitStack() as stack:
        accounts, pools = {}, {}
        for number, target in enumerate(targets):
            pools[target] = f"ap-northeast-1_Fleet{number:03}"
            document = pool_document(members_of(names), pool_id=pools[target], **pool)
            accounts[target] = stack.enter_context(serve(document, faults=faults))
        yield FleetSite(folder, Cli(folder), accounts, pools, names)
