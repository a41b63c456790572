"""The life of the process: start, ready line, stop, orphans; the control endpoint; many calls."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.simulator import Running, background, main
from tests.simulator.sim_site import PHONE, client_of

if TYPE_CHECKING:
    from tests.simulator.sim_site import Site


def start(*args: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "migrate_mfa.simulator", *args]
    return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True)


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line: dict[str, Any] = json.loads(process.stdout.readline())
    return line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_exit_code_0(number: signal.Signals) -> None:
    with start() as process:
        line = ready(process)
        process.send_signal(number)

        assert process.wait(10) == 0
    assert line["pools"] == []
    assert line["endpoint"].startswith("http://127.0.0.1:")


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    code = (
        "import os, signal\n"
        "from migrate_mfa.simulator import background\n"
        "with background({}) as running:\n"
        "    print(running.process.pid, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=False)
    child = int(parent.stdout)

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and alive(child):
        pass

    assert not alive(child)


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def test_the_context_manager_leaves_no_process() -> None:
    with background({}) as running:
        assert running.process.poll() is None

    assert running.process.poll() == 0
    running.stop()


def test_a_start_that_fails_says_so() -> None:
    with pytest.raises(RuntimeError, match="exit 2"), background({"nonsense": 1}):
        pass


@pytest.mark.parametrize("content", ['{"nonsense": 1}', "{", '{"pools": [{}]}'])
def test_an_unusable_file_is_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    (tmp_path / "pool.json").write_text(content)

    assert main(["--pool-file", str(tmp_path / "pool.json")]) == 2
    assert capsys.readouterr().err.startswith("simulator: ")


def test_a_wrong_place_is_named_with_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pools, faults = tmp_path / "pool.json", tmp_path / "faults.json"
    pools.write_text('{"pools": [{"name": "p", "users_jsonl": "users.jsonl"}]}')
    (tmp_path / "users.jsonl").write_text('{"Username": "a"}\n{"Username": "b", "Enabled": "no"}\n')

    assert main(["--pool-file", str(pools)]) == 2
    faults.write_text("[]")
    assert main(["--faults", str(faults)]) == 2

    assert capsys.readouterr().err.splitlines() == [
        f"simulator: {pools}: users.jsonl line 2.Enabled should be true or false",
        f"simulator: {faults}: it should be an object",
    ]


@pytest.mark.parametrize("port", ["99999", "-1", "http"])
def test_a_port_that_cannot_be_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--port", port])

    assert end.value.code == 2
    assert "argument --port: " in capsys.readouterr().err


def test_a_missing_file_and_a_taken_port_are_exit_code_2(tmp_path: Path) -> None:
    assert main(["--pool-file", str(tmp_path / "none.json")]) == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["--port", str(taken.getsockname()[1])]) == 2


def test_it_listens_on_loopback_only(running: Running) -> None:
    port = int(running.endpoint.rsplit(":", 1)[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()]
    listening = [row[1] for row in rows if row[3] == "0A"]

    assert [at for at in listening if at.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_a_jsonl_beside_the_callers_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users.jsonl").write_text('{"Username": "a"}\n')
    monkeypatch.chdir(tmp_path)

    with background({"pools": [{"name": "p", "users_jsonl": "users.jsonl"}]}) as running:
        assert running.pools[0]["users"] == 1


def test_without_the_flag_there_is_no_control_endpoint() -> None:
    with background({}) as running, pytest.raises(ValueError, match="InvalidAction"):
        running.control("state")


def test_flags_turn_quotas_on() -> None:
    args = ["--enforce-quotas", "--burst-seconds", "0.001"]
    with background({"pools": [{"name": "p"}]}, args=args) as running:
        client, pool_id = client_of(running), running.pools[0]["id"]
        codes = set()
        for _ in range(3):
            try:
                client.describe_user_pool(UserPoolId=pool_id)
            except client.exceptions.TooManyRequestsException as error:
                codes.add(error.response["Error"]["Message"])

    assert codes == {"Rate exceeded"}


def test_the_ledger_has_every_call_in_order(site: Site) -> None:
    site.running.control("ledger/reset", {})

    site.read()
    site.update(phone_number="x")
    site.code("admin_get_user", Username="nobody@example.com")
    calls = site.running.control("ledger")["calls"]

    sub = site.sub()
    assert [(call["op"], call["category"], call["status"], call["code"]) for call in calls] == [
        ("AdminGetUser", "UserRead", 200, ""),
        ("AdminUpdateUserAttributes", "UserUpdate", 400, "InvalidParameterException"),
        ("AdminGetUser", "UserRead", 400, "UserNotFoundException"),
    ]
    assert [call["user"] for call in calls[:2]] == [sub, sub]
    assert "nobody" not in json.dumps(calls)
    assert calls[0]["seq"] < calls[1]["seq"]
    assert calls[0]["at"] <= calls[1]["at"]
    since = site.running.control(f"ledger?since={calls[1]['seq']}")["calls"]
    assert since[0] == calls[2]


def test_the_state_hash_is_of_the_state_and_not_of_the_dates(site: Site) -> None:
    before = site.running.control("state-hash")["pools"][site.pool_id]

    site.update(phone_number=PHONE)
    changed = site.running.control("state-hash")["pools"][site.pool_id]
    site.update(phone_number="")

    assert changed != before
    assert site.running.control("state-hash")["pools"][site.pool_id] == before


def test_control_never_shows_the_number_of_a_message(site: Site) -> None:
    rows = [{"Name": "phone_number", "Value": PHONE}]
    site.call("admin_create_user", Username="hana", UserAttributes=rows)

    assert site.sms("hana") == {"invitation": 1}
    assert PHONE not in json.dumps(site.running.control("sms"))


def test_an_unknown_control_and_a_wrong_edit_are_refused(site: Site) -> None:
    with pytest.raises(ValueError, match="no such control"):
        site.running.control("nonsense")
    with pytest.raises(
        ValueError, match=r"edit\.remove is not known; known are config, delete, pool, recovery, upsert"
    ):
        site.edit(remove=["taro"])
    with pytest.raises(ValueError, match=r"advance_s should be a number"):
        site.running.control("clock", {"advance_s": None})
    with pytest.raises(ValueError, match="phone number"):
        site.user(Attributes={"phone_number": "1"})


def test_stats_count_calls_by_category(site: Site) -> None:
    site.running.control("ledger/reset", {})
    site.read()
    site.update(phone_number="x")

    stats = site.running.control("stats")

    assert stats["calls"] == 2
    assert stats["by_category"]["UserUpdate"] == {"AdminUpdateUserAttributes:InvalidParameterException": 1}
    assert stats["users"][site.pool_id] == 1


def test_thousands_of_pipelined_calls_are_all_answered_in_order(running: Running) -> None:
    pool_id = next(pool["id"] for pool in running.pools if pool["name"] == "big")
    names = [f"user{n % 500:07d}" for n in range(4000)]

    found = asyncio.run(burst(running, pool_id, names))

    assert found == names


async def burst(running: Running, pool_id: str, names: list[str]) -> list[str]:
    """Send all the calls down one connection before reading the first answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(running.endpoint.rsplit(":", 1)[1]))
    target = "AWSCognitoIdentityProviderService.AdminGetUser"
    for name in names:
        body = json.dumps({"UserPoolId": pool_id, "Username": name})
        head = f"POST / HTTP/1.1\r\nX-Amz-Target: {target}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write((head + body).encode())
    found = []
    for _ in names:
        head_bytes = await reader.readuntil(b"\r\n\r\n")
        length = int(head_bytes.split(b"Content-Length: ")[1].split(b"\r\n")[0])
        found.append(json.loads(await reader.readexactly(length))["Username"])
    writer.close()
    await writer.wait_closed()
    return found


def post(running: Running, op: str, body: str) -> tuple[int, dict[str, Any]]:
    """Send what boto3 would not: its own checks come first."""
    host, port = running.endpoint.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    try:
        target = f"AWSCognitoIdentityProviderService.{op}"
        connection.request("POST", "/", body, {"X-Amz-Target": target})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("op", "body"),
    [
        ("AdminUpdateUserAttributes", '{"UserAttributes": ["phone_number"]}'),
        ("AdminUpdateUserAttributes", '{"UserAttributes": [{"Name": 1}]}'),
        ("AdminUpdateUserAttributes", '{"UserAttributes": {"Name": "a"}}'),
        ("AdminSetUserMFAPreference", '{"SMSMfaSettings": true}'),
        ("AdminSetUserMFAPreference", '{"SMSMfaSettings": {"Enabled": "true"}}'),
        ("AdminGetUser", '{"Username": ["taro"]}'),
        ("ListUsers", '{"Limit": "60"}'),
        ("ListUsers", '{"AttributesToGet": "email"}'),
        ("SetUserPoolMfaConfig", '{"SmsMfaConfiguration": {"SmsConfiguration": "arn"}}'),
        ("CreateUserPool", '{"Policies": {"PasswordPolicy": {"MinimumLength": "8"}}}'),
        ("GetProvisionedLimit", '{"LimitDefinition": {"Attributes": ["Category"]}}'),
        ("AdminGetUser", "[]"),
        ("AdminGetUser", "{"),
    ],
)
def test_a_member_of_a_wrong_type_is_refused_and_the_connection_stays(
    running: Running, op: str, body: str
) -> None:
    status, answer = post(running, op, body)

    assert (status, answer["__type"]) == (400, "SerializationException")


def test_null_is_the_same_as_nothing(running: Running) -> None:
    pool_id = running.pools[0]["id"]

    status, answer = post(running, "ListUsers", json.dumps({"UserPoolId": pool_id, "Filter": None}))

    assert (status, len(answer["Users"])) == (200, 60)
