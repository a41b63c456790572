"""A user whom `run` has enrolled signs in through the AWS SDK for JavaScript, where Node.js is there."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrate_mfa.simulator import background
from tests.commands.support import Cli, a_member, assert_code, pool_document, write_roster

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
LOCK = HERE / "package-lock.json"
PASSWORD = "Abcd-1234"
FLOWS = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
OLDEST_NODE = 20


def what_is_missing() -> str:
    """Why the script cannot run here; empty where it can."""
    node = shutil.which("node")
    if node is None:
        return "there is no node on the PATH"
    version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    if int(version.lstrip("v").split(".")[0]) < OLDEST_NODE:
        return f"node {version.strip()} is older than the SDK takes ({OLDEST_NODE})"
    if not (HERE / "node_modules").is_dir():
        return "the AWS SDK for JavaScript is not installed: make node"
    return ""


def sign_in(endpoint: str, username: str, env: Mapping[str, str]) -> dict[str, object]:
    done = subprocess.run(
        ["node", HERE / "sign_in.mjs", endpoint, "web", username],
        env={**env, "PASSWORD": PASSWORD},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_an_enrolled_user_is_challenged_and_gets_tokens(tmp_path: Path) -> None:
    if missing := what_is_missing():
        pytest.skip(missing)
    document = pool_document([a_member("ann", password=PASSWORD)])
    document["pools"][0]["clients"] = [{"ClientName": "web", "ClientId": "web", "ExplicitAuthFlows": FLOWS}]
    roster = write_roster(tmp_path / "roster.csv", [("ann@example.com", "+819012345678")])
    with background(document, control=True) as running:
        cli = Cli(tmp_path, running.endpoint)
        assert_code(cli.run(roster, tmp_path / "run", "--verification", "attested"), 0)

        found = sign_in(running.endpoint, "ann@example.com", cli.env())

        (message,) = running.control("outbox?user=ann")["messages"]
    assert message["purpose"] == "authentication"
    assert found == {
        "challenge": "SMS_MFA",
        "medium": "SMS",
        "destination": "+********5678",
        "wrongCode": "CodeMismatchException",
        "tokens": ["AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"],
    }


def test_the_lock_file_names_versions_and_hashes_and_no_place() -> None:
    text = LOCK.read_text(encoding="utf-8")
    packages = {name: each for name, each in json.loads(text)["packages"].items() if name}

    assert "node_modules/@aws-sdk/client-cognito-identity-provider" in packages
    assert all(each["version"] and each["integrity"].startswith("sha512-") for each in packages.values())
    assert not re.search(r"://|resolved", text)
