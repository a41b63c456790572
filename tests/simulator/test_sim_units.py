"""Filters, tokens, HTTP parsing, pool files and generated users, without a server."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.filters import parse_filter
from migrate_mfa.simulator.account.index import SortedIndex
from migrate_mfa.simulator.account.tokens import Tokens
from migrate_mfa.simulator.files.generate import generated_users
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.server.call import Reply
from migrate_mfa.simulator.server.http import BadRequestError, read_request, render

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = Path(__file__).parents[2] / "samples" / "simulator" / "pool.json"


@given(st.text(max_size=60), st.booleans())
def test_an_escaped_value_comes_back_from_a_filter(value: str, prefix: bool) -> None:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')

    parsed = parse_filter(f'email {"^=" if prefix else "="} "{escaped}"')

    assert parsed is not None
    assert (parsed.attribute, parsed.value, parsed.prefix) == ("email", value, prefix)


@given(st.text(max_size=40))
def test_any_text_is_a_filter_or_refused(text: str) -> None:
    with suppress(CognitoError):
        parse_filter(text)


def test_a_token_gives_its_cursor_back() -> None:
    tokens = Tokens(lambda: 0.0)

    assert tokens.read("r", tokens.issue("r", 41)) == 41
    assert tokens.read("r", tokens.issue("r", ("key", 7))) == ("key", 7)


def test_a_token_lives_for_an_hour() -> None:
    now = [0.0]
    tokens = Tokens(lambda: now[0])
    token = tokens.issue("r", 1)

    now[0] = 3600.0
    assert tokens.read("r", token) == 1
    now[0] = 3600.1
    with pytest.raises(CognitoError, match="expired"):
        tokens.read("r", token)


@given(st.text(max_size=80))
def test_any_foreign_text_is_refused_as_a_token(text: str) -> None:
    with pytest.raises(CognitoError):
        Tokens(lambda: 0.0).read("r", text)


@given(
    st.lists(st.tuples(st.text("abc", max_size=3), st.integers(0, 50)), unique_by=lambda e: e[1]),
    st.text("abc", max_size=2),
    st.booleans(),
)
def test_an_index_finds_what_a_scan_finds(entries: list[tuple[str, int]], key: str, prefix: bool) -> None:
    index = SortedIndex(entries[::2])
    for entry in entries[1::2]:
        index.add(*entry)
    removed = entries[:3]
    for entry in removed:
        index.remove(*entry)

    found = list(index.walk(key, prefix=prefix, after=None))

    left = [entry for entry in entries if entry not in removed]
    assert found == sorted(e for e in left if e[0] == key or (prefix and e[0].startswith(key)))


def test_removing_what_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        SortedIndex([("a", 1), ("b", 2)]).remove("a", 2)


def test_requests_are_cut_out_of_a_pipelined_stream_at_any_boundary() -> None:
    one = b"POST / HTTP/1.1\r\nX-Amz-Target: A\r\nContent-Length: 2\r\n\r\n{}"
    stream = one + one.replace(b"A\r\n", b"B\r\n")

    for cut in range(len(stream)):
        buffer, targets = bytearray(), []
        for part in (stream[:cut], stream[cut:]):
            buffer += part
            while (request := read_request(buffer)) is not None:
                targets.append((request.headers["x-amz-target"], request.body))
        assert targets == [("A", b"{}"), ("B", b"{}")]
        assert not buffer


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        b"x" * 70000,
    ],
)
def test_bytes_that_are_no_request_are_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError):
        read_request(bytearray(raw))


def test_an_error_reply_names_its_code_in_a_header() -> None:
    raw = render(Reply(400, b"{}", code="SomeException"), close=True)

    assert raw.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"x-amzn-errortype: SomeException\r\n" in raw
    assert b"Connection: close\r\n" in raw


def test_every_reply_has_a_request_id_of_its_own() -> None:
    ids = {
        re.findall(rb"x-amzn-RequestId: ([0-9a-f-]{36})\r\n", render(Reply(200, b"{}")))[0] for _ in range(2)
    }

    assert len(ids) == 2


def one_pool(**spec: Any) -> dict[str, Any]:
    return {"pools": [{"name": "p", **spec}]}


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "it should be an object"),
        ({"pool": []}, "pool is not known; known are account, burst_seconds, caller, "),
        ({"pools": {}}, "pools should be a list"),
        ({"pools": [{"id": "x"}]}, "pools[0].name is missing"),
        ({"speed": "60"}, "speed should be a number"),
        ({"quotas": {"UserRead": "x"}}, "quotas.UserRead should be a number"),
        ({"sns": {"sandbox": 1}}, "sns.sandbox should be true or false"),
        ({"eums": {"tiers": 1}}, "eums.tiers is not known; known are monthly_spend_limit_usd, tier"),
        ({"roles": "none"}, "roles should be 'declared' or 'strict'"),
        ({"quotas": {"X": 1}}, "no such quota category"),
        (one_pool(conf={}), "pools[0].conf is not known; known are clients, config, "),
        (
            one_pool(config={"Mfa": "ON"}),
            "pools[0].config.Mfa is not known; known are AccountRecoverySetting, ",
        ),
        (
            one_pool(config={"Schema": [{"Mutable": 1}]}),
            "pools[0].config.Schema[0].Mutable should be true or false",
        ),
        (one_pool(config={"Schema": [{}]}), "pools[0].config.Schema[0].Name is missing"),
        (one_pool(clients=[{}]), "pools[0].clients[0].ClientName is missing"),
        (one_pool(clients=[{"ClientName": "a", "Flows": []}]), "pools[0].clients[0].Flows is not known"),
        (one_pool(users={}), "pools[0].users should be a list"),
        (one_pool(users=[{"Username": "a", "Status": "x"}]), "pools[0].users[0].Status is not known"),
        (one_pool(users=["a"]), "pools[0].users[0] should be an object"),
        (one_pool(users=[{"Username": "a"}, {}]), "pools[0].users[1].Username is missing"),
        (one_pool(users=[{"Username": "a", "UserStatus": "x"}]), "unknown UserStatus"),
        (one_pool(users=[{"Username": "a", "UserMFASettingList": ["SMS"]}]), "unknown factors"),
        (one_pool(users=[{"Username": "a"}, {"Username": "a"}]), "already exists"),
        (one_pool(users=[{"Username": "a", "Attributes": {"phone_number": "1"}}]), "phone number"),
        (one_pool(users=[{"Username": "a"}, {"Username": "b", "Attributes": {"x": "1"}}]), "its user 2: "),
        (one_pool(generate={"counts": 3}), "pools[0].generate.counts is not known"),
        (one_pool(generate={"totp": 2}), "pools[0].generate.totp should be 1 or less"),
        (one_pool(generate={"status": {"FINE": 1}}), "generate: unknown status"),
        ({"pools": [{"name": "p"}, {"name": "p"}]}, "two pools have the id"),
        (one_pool(users=[{"Username": "a"}, {"Username": "a"}]), "pool p, its user 2: User account already"),
        (one_pool(users_jsonl="none.jsonl"), "users_jsonl: none.jsonl: No such file"),
        (one_pool(generate={"phone_verified": 0.8, "phone_unverified": 0.8}), "more than 1 together"),
        ({"unsettled": {"alias": 1}}, "unsettled"),
    ],
)
def test_a_wrong_pool_file_is_refused_with_the_place(document: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        load_world(document, Path())


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.just("x") | st.just(1e308),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.just("a"), inner, max_size=1),
    max_leaves=3,
)


def places(part: Any, *path: str | int) -> Iterator[tuple[str | int, ...]]:
    rows = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for key, inner in rows:
        yield *path, key
        yield from places(inner, *path, key)


@given(st.sampled_from(sorted(places(json.loads(SAMPLE.read_text(encoding="utf-8"))), key=str)), JUNK)
def test_whatever_stands_in_a_pool_file_it_is_taken_or_refused(
    place: tuple[str | int, ...], junk: Any
) -> None:
    document = json.loads(SAMPLE.read_text(encoding="utf-8"))
    part: Any = document
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = junk

    with suppress(ValueError):
        load_world(document, Path())


def test_a_wrong_place_is_named_without_what_stands_there() -> None:
    rows = [{"Username": "a", "Attributes": {"phone_number": 819012345678}}]

    with pytest.raises(ValueError, match=r"phone_number should be a text") as refused:
        load_world(one_pool(users=rows), Path())

    assert "8190" not in str(refused.value)


def test_users_come_from_all_three_places(tmp_path: Path) -> None:
    rows = [json.dumps({"Username": name}) for name in ("b", "c")]
    (tmp_path / "more.jsonl").write_text("\n".join(rows))
    spec = one_pool(users=[{"Username": "a"}], users_jsonl="more.jsonl", generate={"count": 2})

    (pool,) = load_world(spec, tmp_path).pools.values()

    names = [user.username for user in pool.by_sub.values()]
    assert names == ["a", "b", "c", "user0000000", "user0000001"]


def test_the_same_file_gives_the_same_world() -> None:
    spec = one_pool(users=[{"Username": "a"}], generate={"count": 50, "seed": 4})

    first, second = (load_world(spec, Path()) for _ in range(2))

    assert list(first.pools) == list(second.pools)
    (one,), (two,) = first.pools.values(), second.pools.values()
    assert list(one.by_sub) == list(two.by_sub)


def test_generated_shares_are_about_what_was_asked_for() -> None:
    spec = {
        "count": 4000,
        "phone_verified": 0.3,
        "phone_unverified": 0.2,
        "status": {"UNCONFIRMED": 0.1, "EXTERNAL_PROVIDER": 0.05},
        "disabled": 0.1,
        "totp": 0.1,
        "passkey": 0.1,
        "sms_mfa": 0.5,
        "legacy_sms": 0.2,
        "email_mfa": 0.1,
    }
    users = list(generated_users(spec, 0.0, username_is_sub=False))

    flags = Counter(user.attributes.get("phone_number_verified") for user in users)
    local = [user for user in users if not user.federated]
    assert 1100 < flags["true"] < 1300
    assert 700 < flags["false"] < 900
    assert 300 < sum(user.status == "UNCONFIRMED" for user in users) < 500
    assert 320 < sum("SOFTWARE_TOKEN_MFA" in user.mfa for user in users) < 440
    assert 320 < sum("WEB_AUTHN" in user.auth_factors for user in users) < 440
    assert 800 < sum("SMS_MFA" in user.mfa for user in local) < 1100
    assert 300 < sum(bool(user.mfa_options) for user in local) < 480
    assert all(not user.mfa for user in users if user.federated)
    assert len({user.attributes.get("phone_number", user.sub) for user in users}) == 4000


def test_a_changed_share_leaves_the_other_users_alone() -> None:
    few, many = (
        {user.sub: user.status for user in generated_users(spec, 0.0, username_is_sub=True)}
        for spec in ({"count": 300, "totp": 0.1}, {"count": 300, "totp": 0.9})
    )

    assert few == many
