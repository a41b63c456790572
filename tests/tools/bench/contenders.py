"""What people do today, written from the AWS documentation: loops and thread pools over the two admin calls.

python contenders.py NAME ROSTER USER_POOL_ID
"""

import csv
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

THREADS = 32


def enrol(client: Any, pool_id: str, username: str, phone: str) -> None:
    """The two calls of the manual, without a look before or after."""
    client.admin_update_user_attributes(
        UserPoolId=pool_id,
        Username=username,
        UserAttributes=[
            {"Name": "phone_number", "Value": phone},
            {"Name": "phone_number_verified", "Value": "true"},
        ],
    )
    client.admin_set_user_mfa_preference(
        UserPoolId=pool_id, Username=username, SMSMfaSettings={"Enabled": True, "PreferredMfa": True}
    )


def loop(roster: list[tuple[str, str]], pool_id: str) -> None:
    """One user after the other."""
    client: Any = boto3.client("cognito-idp")
    for username, phone in roster:
        _try(client, pool_id, username, phone)


def threads_default(roster: list[tuple[str, str]], pool_id: str) -> None:
    """Threads, with the SDK's default retries."""
    _threads(roster, pool_id, Config(max_pool_connections=THREADS))


def threads_adaptive(roster: list[tuple[str, str]], pool_id: str) -> None:
    """Threads, with the SDK's adaptive retries and its own rate limiter."""
    retries: Any = {"mode": "adaptive", "max_attempts": 10}
    _threads(roster, pool_id, Config(max_pool_connections=THREADS, retries=retries))


def _threads(roster: list[tuple[str, str]], pool_id: str, config: Config) -> None:
    client: Any = boto3.client("cognito-idp", config=config)
    with ThreadPoolExecutor(THREADS) as pool:
        for username, phone in roster:
            pool.submit(_try, client, pool_id, username, phone)


def bare_threads(roster: list[tuple[str, str]], pool_id: str) -> None:
    """What our own run calls for each user, in bare threads: the least that its calls can cost."""
    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    client: Any = boto3.client("cognito-idp", config=Config(max_pool_connections=64, retries=retries))

    def one(username: str, phone: str) -> None:
        client.admin_get_user(UserPoolId=pool_id, Username=username)
        enrol(client, pool_id, username, phone)
        client.admin_get_user(UserPoolId=pool_id, Username=username)

    with ThreadPoolExecutor(50) as pool:
        for made in [pool.submit(one, username, phone) for username, phone in roster]:
            made.result()


def paginator(_: list[tuple[str, str]], pool_id: str) -> None:
    """Read the whole pool, page after page."""
    client: Any = boto3.client("cognito-idp")
    for page in client.get_paginator("list_users").paginate(UserPoolId=pool_id):
        sys.stdout.write(f"{len(page['Users'])}\n")


def _try(client: Any, pool_id: str, username: str, phone: str) -> None:
    try:
        enrol(client, pool_id, username, phone)
    except (ClientError, BotoCoreError) as error:
        print(f"failed: {type(error).__name__}", file=sys.stderr)


CONTENDERS: dict[str, Callable[[list[tuple[str, str]], str], None]] = {
    "boto3 loop": loop,
    "32 threads": threads_default,
    "32 threads, adaptive": threads_adaptive,
}


YARDSTICKS: dict[str, Callable[[list[tuple[str, str]], str], None]] = {
    "bare threads": bare_threads,
    "paginator": paginator,
}


def main(argv: list[str]) -> None:
    """Run one contender."""
    name, roster, pool_id = argv
    with Path(roster).open(encoding="utf-8", newline="") as file:
        rows = [(row["username"], row["phone_number"]) for row in csv.DictReader(file)]
    (CONTENDERS | YARDSTICKS)[name](rows, pool_id)


if __name__ == "__main__":
    main(sys.argv[1:])
