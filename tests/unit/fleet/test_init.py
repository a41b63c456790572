"""`fleet init` writes a valid fleet file for all names of accounts and pools."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.aws.clients import Calls
from migrate_mfa.aws.organization import Account, ListedPool, Lists
from migrate_mfa.commands.fleet import _options
from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.fleet.file import Target, read_fleet
from migrate_mfa.fleet.init import Looked, Wanted, as_toml

if TYPE_CHECKING:
    from pathlib import Path

    from migrate_mfa.aws.session import Aws

WANTED = Wanted(role="mfa/migration", regions=("ap-northeast-1", "eu-west-1"), profile="org")
VERBS = _options()


def account(name: str, number: int = 1) -> Account:
    return Account(id=f"{number:012}", name=name, partition="aws", active=True)


def looked(name: str, *pools: str, number: int = 1, trouble: str = "") -> Looked:
    listed = tuple(
        ListedPool(id=f"eu-west-1_Pool{number:03}{at:02}", name=pool) for at, pool in enumerate(pools)
    )
    return Looked(account=account(name, number), region="eu-west-1", pools=listed, trouble=trouble)


def targets_of(folder: Path, *found: Looked) -> list[Target]:
    path = folder / "fleet.toml"
    path.write_text(as_toml(found, WANTED), encoding="utf-8")
    return read_fleet(path, "plan", VERBS)


def test_each_pool_is_a_target_that_every_verb_takes(tmp_path: Path) -> None:
    one, two = targets_of(tmp_path, looked("Shop Prod", "Customers"), looked("日本", "人", number=2))

    assert (one.name, one.account, one.region) == ("shop-prod-customers", "000000000001", "eu-west-1")
    assert one.options == {
        "profile": "org",
        "user_pool_id": "eu-west-1_Pool00100",
        "role_arn": "arn:aws:iam::000000000001:role/mfa/migration",
        "roster": str(tmp_path / "shop-prod-customers.csv"),
    }
    assert one.tags == ("shop-prod", "eu-west-1")
    assert two.name == "000000000002"


def test_what_is_not_known_is_a_comment_that_lacks_only_the_pool(tmp_path: Path) -> None:
    found = [looked("shop", "users"), looked("forum", number=2, trouble="The role was refused.\n[[target]]")]
    text = as_toml(found, WANTED)

    assert [each.name for each in targets_of(tmp_path, *found)] == ["shop-users"]
    assert "# forum (000000000002), eu-west-1: The role was refused.\\n[[target]]" in text
    comments = text[text.index("# [[target]]") :]
    (left,) = tomllib.loads(re.sub("^# ", "", comments, flags=re.MULTILINE))["target"]
    assert left["name"] == "forum"
    assert left["user_pool_id"] == "eu-west-1_..."


def test_an_account_without_pools_is_said_to_have_none() -> None:
    assert "# shop (000000000001), eu-west-1: no user pools\n" in as_toml([looked("shop")], WANTED)


@given(
    st.lists(
        st.tuples(
            st.text(max_size=50), st.lists(st.sampled_from(["report", "users", "a" * 99, "é日!"]), max_size=3)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_any_names_give_a_file_that_can_be_read(
    accounts: list[tuple[str, list[str]]],
) -> None:
    found = [looked(name, *pools, number=at) for at, (name, pools) in enumerate(accounts)]

    names = [each["name"] for each in tomllib.loads(as_toml(found, WANTED)).get("target", [])]

    assert len(names) == sum(len(pools) for _, pools in accounts)
    assert len({each.casefold() for each in names} - {"report", "lanes", "logs", "results"}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", each) for each in names)


@pytest.mark.parametrize(
    ("listing", "code", "says"),
    [
        ("accounts", "AWSOrganizationsNotInUseException", "is in no organization"),
        ("accounts", "AccessDeniedException", "may not list the accounts"),
        ("pools", "AccessDeniedException", "may not list the user pools"),
    ],
)
def test_a_list_that_is_refused_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, listing: str, code: str, says: str
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ApiError(operation="List", code=code, status=400)

    monkeypatch.setattr(Calls, "__call__", refuse)
    lists: Any = Lists(cast("Aws", None))

    with pytest.raises(ApiError) as caught:
        getattr(lists, listing)(None)

    assert caught.value.effect is Effect.FATAL  # it is not tried again
    assert isinstance(caught.value.problem, NotAllowed)
    assert says in caught.value.problem.message


@pytest.mark.parametrize(
    ("told", "active"),
    [
        ({"State": "SUSPENDED", "Status": "ACTIVE"}, False),
        ({"State": "ACTIVE"}, True),
        ({"Status": "ACTIVE"}, True),
    ],
)
def test_the_state_of_an_account_wins_over_its_older_status(
    monkeypatch: pytest.MonkeyPatch, told: dict[str, str], active: bool
) -> None:
    listed = {"Id": "000000000001", "Name": "shop", "Arn": "arn:aws-cn:organizations::1:account/o/1", **told}
    monkeypatch.setattr(Calls, "__call__", lambda *_, **__: {"Accounts": [listed]})

    (found,), token = Lists(cast("Aws", None)).accounts(None)

    assert (found.active, found.partition, token) == (active, "aws-cn", None)
