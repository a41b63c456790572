"""Live traffic from outside: a process of its own that makes real calls at its own moments, and never again.

It starts at the first line of its input, because imports take a while.

python traffic.py FIRST_USER RPS SECONDS even|random SEED USER_POOL_ID
"""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from random import Random
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from migrate_mfa.clock import SystemClock
from migrate_mfa.simulator.server.fault_file import LiveTraffic

USERS = 200
"""As many users take turns, so that the limit of one user is not met."""
_THREADS = 32


def calls(client: Any, pool_id: str) -> tuple[Callable[[str], object], Callable[[str], object]]:
    """What the application does with a user, in each of the two write categories."""
    return (
        lambda user: client.admin_update_user_attributes(
            UserPoolId=pool_id, Username=user, UserAttributes=[{"Name": "nickname", "Value": "x"}]
        ),
        lambda user: client.admin_set_user_mfa_preference(
            UserPoolId=pool_id, Username=user, SMSMfaSettings={"Enabled": False, "PreferredMfa": False}
        ),
    )


def main(argv: list[str]) -> None:
    """Make calls in both categories at the moments of the traffic."""
    first_user, rps, seconds, arrivals, seed, pool_id = argv
    retries: Any = {"mode": "standard", "total_max_attempts": 1}
    client: Any = boto3.client("cognito-idp", config=Config(max_pool_connections=_THREADS, retries=retries))
    clock, chance = SystemClock(), Random(int(seed))
    traffic = LiveTraffic(
        category="UserUpdate", rps=float(rps), random=arrivals == "random", until_s=float(seconds)
    )
    plan = sorted(
        (moment, number, call)
        for number, call in enumerate(calls(client, pool_id))
        for moment in traffic.moments(chance)
    )
    sys.stdin.readline()
    began = clock.monotonic()
    with ThreadPoolExecutor(_THREADS) as threads:
        for number, (moment, _, call) in enumerate(plan):
            clock.sleep(max(0.0, began + moment - clock.monotonic()))
            threads.submit(_try, call, f"user{int(first_user) + number % USERS:07d}")


def _try(call: Callable[[str], object], user: str) -> None:
    with suppress(ClientError, BotoCoreError):
        call(user)


if __name__ == "__main__":
    main(sys.argv[1:])
