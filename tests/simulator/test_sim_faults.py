"""Misbehaviour on purpose, through the server, and decided without regard to timing."""

from __future__ import annotations

import random
import re
import socket
import time
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError

from migrate_mfa.simulator.account.clock import Clock
from migrate_mfa.simulator.files.poolfile import load_world
from migrate_mfa.simulator.operations import OPERATIONS
from migrate_mfa.simulator.server.call import Call
from migrate_mfa.simulator.server.faults import Faults
from tests.simulator.sim_site import PHONE, Site, client_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrate_mfa.simulator import Running

UPDATE = "AdminUpdateUserAttributes"


def load(site: Site, **document: Any) -> None:
    site.running.control("faults", document)


def a_call(op: str = UPDATE, user: str = "sub-1", seq: int = 1, at: float = 0.0) -> Call:
    return Call(seq, at, op, "UserUpdate", "pool", user, user, frozenset({user}))


def hits(document: Mapping[str, Any], calls: list[Call]) -> list[bool]:
    faults = Faults(document, 0.0)
    found = []
    for call in calls:
        faults.begin(call)
        found.append(faults.choose(call) is not None)
    return found


@pytest.mark.parametrize(
    ("rule", "code", "status"),
    [
        ({"kind": "throttle"}, "TooManyRequestsException", 400),
        ({"kind": "internal_error"}, "InternalErrorException", 500),
        ({"kind": "unavailable"}, "ServiceUnavailable", 503),
        ({"kind": "expired_token"}, "ExpiredTokenException", 403),
        ({"kind": "clock_skew"}, "InvalidSignatureException", 403),
        ({"kind": "access_denied"}, "AccessDeniedException", 403),
        ({"kind": "error", "code": "UserLambdaValidationException"}, "UserLambdaValidationException", 400),
        ({"kind": "error", "code": "X", "status": 418}, "X", 418),
    ],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_errors_before_and_after_the_operation(
    site: Site, rule: dict[str, Any], code: str, status: int, when: str
) -> None:
    load(site, rules=[{**rule, "when": when, "ops": [UPDATE]}])
    rows = [{"Name": "phone_number", "Value": PHONE}]

    with pytest.raises(ClientError) as caught:
        site.call("admin_update_user_attributes", Username="taro", UserAttributes=rows)

    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert ("phone_number" in site.attributes()) == (when == "after")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_cut_connection_before_and_after_the_operation(site: Site, when: str) -> None:
    load(site, rules=[{"kind": "reset", "when": when, "ops": [UPDATE]}])
    rows = [{"Name": "phone_number", "Value": PHONE}]

    with pytest.raises(ConnectionClosedError):
        site.call("admin_update_user_attributes", Username="taro", UserAttributes=rows)

    assert ("phone_number" in site.attributes()) == (when == "after")
    entry = next(e for e in reversed(site.running.control("ledger")["calls"]) if e["op"] == UPDATE)
    assert (entry["status"], entry["executed"]) == (0, when == "after")


def test_garbage_is_a_200_that_boto3_takes_for_an_empty_answer(site: Site) -> None:
    load(site, rules=[{"kind": "garbage", "ops": ["AdminGetUser"], "times": 1}])

    with pytest.raises(KeyError):
        site.read()["Username"]

    assert site.read()["Username"] == "taro"


def test_a_hang_never_answers_and_may_have_been_carried_out(site: Site) -> None:
    load(site, rules=[{"kind": "hang", "when": "after", "ops": [UPDATE]}])
    impatient = Site(site.running, client_of(site.running, read_timeout=0.2), site.pool_id)

    with pytest.raises(ReadTimeoutError):
        impatient.update(phone_number=PHONE)

    assert site.attributes()["phone_number"] == PHONE


def test_a_hang_with_seconds_answers_late(site: Site) -> None:
    load(site, rules=[{"kind": "hang", "seconds": 0.15, "ops": ["AdminGetUser"]}])
    start = time.monotonic()

    assert site.read()["Username"] == "taro"
    assert time.monotonic() - start >= 0.15


def test_latency_is_added_to_every_answer(site: Site) -> None:
    load(site, latency=[{"fixed_ms": 100, "ops": ["AdminGetUser"]}])
    start = time.monotonic()

    site.read()

    assert time.monotonic() - start >= 0.1


def test_latency_follows_its_percentiles() -> None:
    faults = Faults({"latency": [{"fixed_ms": 5, "p50_ms": 20, "p99_ms": 200}]}, 0.0)
    delays = []
    for n in range(4000):
        call = a_call(user=f"sub-{n}")
        faults.begin(call)
        delays.append(faults.delay(call))
    delays.sort()

    assert 0.022 < delays[2000] < 0.028
    assert 0.15 < delays[3960] < 0.28


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"ops": ["ListUsers"]}, [False] * 6),
        ({"users": ["sub-1"]}, [True, False] * 3),
        ({"attempts": [2]}, [False, False, True, True, False, False]),
        ({"users": ["sub-2"], "attempts": [1]}, [False, True, False, False, False, False]),
        ({"after_calls": 2, "until_calls": 4}, [False, False, True, True, False, False]),
        ({"after_s": 3, "until_s": 5}, [False, False, False, True, True, False]),
        ({"times": 2}, [True, True, False, False, False, False]),
        ({"rate": 0}, [False] * 6),
    ],
)
def test_a_rule_applies_where_all_its_conditions_hold(rule: dict[str, Any], expected: list[bool]) -> None:
    calls = [a_call(user=f"sub-{1 + n % 2}", seq=n, at=float(n)) for n in range(6)]

    assert hits({"rules": [{"kind": "throttle", **rule}]}, calls) == expected


def test_chances_do_not_depend_on_the_order_of_calls() -> None:
    calls = [a_call(user=f"sub-{n}") for n in range(500)]
    shuffled = random.Random(1).sample(calls, len(calls))
    document = {"seed": 9, "rules": [{"kind": "throttle", "rate": 0.2}]}

    first = dict(zip([call.who for call in calls], hits(document, calls), strict=True))
    second = dict(zip([call.who for call in shuffled], hits(document, shuffled), strict=True))

    assert first == second
    assert 60 < sum(first.values()) < 140
    assert hits({**document, "seed": 10}, calls) != list(first.values())


def test_a_second_attempt_draws_anew() -> None:
    calls = [a_call() for _ in range(200)]

    assert 20 < sum(hits({"rules": [{"kind": "reset", "rate": 0.2}]}, calls)) < 60


def pages(site: Site) -> list[int]:
    found = site.client.get_paginator("list_users").paginate(
        UserPoolId=site.pool_id, PaginationConfig={"PageSize": 10}
    )
    return [len(page["Users"]) for page in found]


@pytest.mark.parametrize(
    ("kind", "sizes"), [("empty_page", [0, 10, 0, 10, 5]), ("short_page", [3, 10, 3, 9])]
)
def test_short_and_empty_pages_lose_nobody(site: Site, kind: str, sizes: list[int]) -> None:
    site.edit(upsert=[{"Username": f"u{n}"} for n in range(24)])
    load(site, rules=[{"kind": kind, "attempts": [1, 3]}])

    assert pages(site) == sizes


@pytest.fixture
def big(running: Running, client: Any) -> Iterator[Site]:
    """Give the pool whose users are a month old: none is too new for a stale read."""
    yield Site(running, client, running.pools[0]["id"])
    running.control("faults", {})


def test_a_stale_list_shows_the_past_and_admingetuser_the_present(big: Site) -> None:
    load(big, list_lag_s=600)
    big.update("user0000001", phone_number=PHONE)

    (row,) = big.call("list_users", Filter='username = "user0000001"')["Users"]

    assert PHONE not in str(row)
    assert big.attributes("user0000001")["phone_number"] == PHONE


def test_a_read_after_a_write_may_be_stale(big: Site) -> None:
    load(big, read_lag_ms=600_000)
    big.update("user0000002", phone_number=PHONE)

    assert "phone_number" not in big.attributes("user0000002")


class Lagging:
    """A world with a clock in hand, its lists five seconds old and its reads one."""

    def __init__(self) -> None:
        self.now = 1e9
        taro = {"Username": "taro", "Attributes": {"phone_number": PHONE}}
        document = {"pools": [{"name": "p", "users": [taro]}]}
        self.world = load_world(document, Path(), Clock(wall=lambda: self.now))
        self.world.set_lags(5.0, 1.0)

    def ask(self, op: str, **members: Any) -> dict[str, Any]:
        (pool_id,) = self.world.pools
        return OPERATIONS[op].handler(self.world, {"UserPoolId": pool_id, **members})

    def write(self, phone: str) -> None:
        rows = [{"Name": "phone_number", "Value": phone}]
        self.ask(UPDATE, Username="taro", UserAttributes=rows)

    def listed(self, **members: Any) -> list[str]:
        return [phone_of(row["Attributes"]) for row in self.ask("ListUsers", **members)["Users"]]


def phone_of(rows: list[dict[str, str]]) -> str:
    return next((row["Value"] for row in rows if row["Name"] == "phone_number"), "")


@pytest.mark.parametrize(
    ("at", "listed", "read"),
    [(6.9, "+811", "+811"), (7.05, "+811", "+812"), (11.4, "+812", "+813"), (12.1, "+813", "+813")],
)
def test_each_read_shows_the_state_of_its_own_lag_ago(at: float, listed: str, read: str) -> None:
    lagging = Lagging()
    start = lagging.now
    for phone, moment in {"+811": 0.0, "+812": 6.0, "+813": 6.5}.items():
        lagging.now = start + moment
        lagging.write(phone)
    lagging.now = start + at

    assert lagging.listed() == [listed]
    assert phone_of(lagging.ask("AdminGetUser", Username="taro")["UserAttributes"]) == read


def test_a_stale_list_is_searched_by_its_own_values() -> None:
    lagging = Lagging()
    lagging.listed(Filter=f'phone_number = "{PHONE}"')
    lagging.write("+811")

    assert lagging.listed(Filter=f'phone_number = "{PHONE}"') == [PHONE]
    assert lagging.listed(Filter='phone_number = "+811"') == []
    lagging.now += 5.1
    assert lagging.listed(Filter=f'phone_number = "{PHONE}"') == []
    assert lagging.listed(Filter='phone_number = "+811"') == ["+811"]


def test_a_new_user_is_not_listed_at_once() -> None:
    lagging = Lagging()
    lagging.ask("AdminCreateUser", Username="hana")

    assert len(lagging.listed()) == 1
    lagging.now += 5.1
    assert len(lagging.listed()) == 2


def test_a_script_changes_users_before_a_numbered_call(site: Site) -> None:
    step = {"at_call": 2, "do": {"pool": site.pool_id, "upsert": [{"Username": "taro", "Enabled": False}]}}
    load(site, script=[step])

    assert [site.read()["Enabled"] for _ in range(3)] == [True, False, False]


@pytest.mark.parametrize(("when", "codes"), [("before", ["UserNotFoundException"]), ("after", ["ok"])])
def test_a_script_deletes_a_user_around_an_attempt(site: Site, when: str, codes: list[str]) -> None:
    on = {"op": "AdminGetUser", "user": "taro", "attempt": 1}
    load(site, script=[{"on": on, "when": when, "do": {"pool": site.pool_id, "delete": ["taro"]}}])

    codes_seen = [site.code("admin_get_user", Username="taro") for _ in range(2)]

    assert codes_seen == [*codes, "UserNotFoundException"]


def test_a_step_that_cannot_be_done_is_reported(site: Site) -> None:
    load(site, script=[{"at_call": 1, "do": {"pool": site.pool_id, "delete": ["nobody"]}}])

    site.read()

    assert "User does not exist." in site.running.control("stats")["script_failures"]


@pytest.mark.parametrize(
    "document",
    [
        {"rules": [{"kind": "nonsense"}]},
        {"rules": [{"kind": "reset", "op": ["ListUsers"]}]},
        {"rules": [{"kind": "reset", "ops": ["ListUser"]}]},
        {"rules": [{"kind": "reset", "when": "later"}]},
        {"rules": [{"rate": 1}]},
        {"live_traffic": [{"category": "UserUpdates", "rps": 1}]},
        {"live_traffic": [{"category": "UserUpdate", "rps": 0}]},
        {"unsettled": {"alias_takeover": "maybe"}},
        {"unsettled": {"same_value_resends_code": "yes"}},
    ],
)
def test_a_wrong_fault_document_is_refused(site: Site, document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"faults|unsettled|rules"):
        site.running.control("faults", document)


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "it should be an object"),
        ({"rule": []}, "rule is not known; known are latency, list_lag_s, "),
        ({"rules": {}}, "rules should be a list"),
        ({"rules": ["throttle"]}, "rules[0] should be an object"),
        (
            {"rules": [{"kind": "reset"}, {"kind": "reset", "rate": "0.5"}]},
            "rules[1].rate should be a num",
        ),
        ({"rules": [{"kind": "reset", "ops": "ListUsers"}]}, "rules[0].ops should be a list"),
        ({"rules": [{"kind": "reset", "op": []}]}, "rules[0]: not known are ['op']; known are after_calls"),
        ({"latency": [{"fixed_ms": None}]}, "latency[0].fixed_ms should be a number"),
        (
            {"live_traffic": [{"category": "UserRead", "rps": "x"}]},
            "live_traffic[0].rps should be a num",
        ),
        ({"list_lag_s": "2"}, "list_lag_s should be a number"),
        ({"rules": [{"kind": "reset", "rate": 2}]}, "rules[0] faults: rate 2 is no probability"),
        ({"latency": [{"p50_ms": 9, "p99_ms": 3}]}, "latency[0] faults: p99_ms 3 is less than p50_ms 9"),
        ({"script": [{"do": {}}]}, "script[0] faults: a step of a script needs either at_call or on"),
        ({"script": [{"at_call": 1}]}, "script[0].do is missing"),
        ({"script": [{"on": {"user": "a"}, "do": {}}]}, "script[0].on.op is missing"),
        ({"script": [{"at_call": 1, "do": {"upsert": {}}}]}, "script[0].do.upsert should be a list"),
    ],
)
def test_a_wrong_fault_document_is_refused_with_the_place(document: Any, text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        Faults(document, 0.0)


def test_live_traffic_comes_once_in_each_interval_of_its_window() -> None:
    rows = [{"category": "UserUpdate", "rps": 2, "after_s": 1, "until_s": 3}]
    faults = Faults({"live_traffic": rows}, 100.0)

    came = [faults.others(a_call(at=100.0 + at)) for at in (1, 1.5, 2.2, 9, 10)]

    assert [int((at - 100) * 2) for at in chain.from_iterable(came)] == [2, 3, 4, 5]
    assert [len(moments) for moments in (came[0] + came[1], came[3], came[4])] == [1, 2, 0]


def test_random_live_traffic_comes_at_its_rate_and_the_same_in_every_run() -> None:
    rows = [{"category": "UserUpdate", "rps": 10, "random": True}, {"category": "UserRead", "rps": 5}]
    whole, in_steps = (Faults({"seed": 3, "live_traffic": rows}, 0.0) for _ in range(2))

    came = whole.others(a_call(at=100.0))

    assert came == [at for step in range(701) for at in in_steps.others(a_call(at=step / 7))]
    assert came == sorted(came)
    assert 900 <= len(came) <= 1100
    gaps = [later - earlier for earlier, later in pairwise(came)]
    assert sum(gap > 0.2 for gap in gaps) > 0.08 * len(gaps)  # e ** -2 = 0.14 of them are


def test_denied_calls_name_the_action_and_the_pool(site: Site) -> None:
    load(site, rules=[{"kind": "access_denied", "ops": ["ListUsers"]}])

    text = site.message("list_users")

    assert text.endswith(
        "is not authorized to perform: cognito-idp:ListUsers on resource: "
        f"arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/{site.pool_id}"
    )


def test_start_up_calls_meet_faults_too(site: Site) -> None:
    load(site, rules=[{"kind": "expired_token", "ops": ["GetCallerIdentity"], "times": 1}])
    sts = client_of(site.running, "sts")

    with pytest.raises(ClientError) as caught:
        sts.get_caller_identity()

    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
    assert sts.get_caller_identity()["Account"] == "123456789012"


def test_a_cut_connection_is_a_reset_and_not_an_orderly_end(site: Site) -> None:
    load(site, rules=[{"kind": "reset", "ops": ["AdminGetUser"]}])
    body = f'{{"UserPoolId":"{site.pool_id}","Username":"taro"}}'
    head = "X-Amz-Target: AWSCognitoIdentityProviderService.AdminGetUser"
    raw = f"POST / HTTP/1.1\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    address = ("127.0.0.1", int(site.running.endpoint.rsplit(":", 1)[1]))

    with socket.create_connection(address) as connection:
        connection.sendall(raw.encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(100)


@pytest.mark.parametrize("text", ["", 'sub ^= ""', 'username ^= "u"'])
def test_misshapen_pages_give_everybody_once(site: Site, text: str) -> None:
    site.edit(upsert=[{"Username": f"u{n}"} for n in range(40)])
    rules = [{"kind": "empty_page", "rate": 0.3}, {"kind": "short_page", "rate": 0.3}]
    load(site, seed=5, rules=rules)

    found = site.client.get_paginator("list_users").paginate(
        UserPoolId=site.pool_id, Filter=text, PaginationConfig={"PageSize": 7}
    )

    names = [user["Username"] for page in found for user in page["Users"] if user["Username"] != "taro"]
    assert sorted(names) == sorted(f"u{n}" for n in range(40))
