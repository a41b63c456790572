"""Reads all facts that `check` judges. What cannot be read is `Unknown`, and does not count as good."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from migrate_mfa.aws.clients import Calls
from migrate_mfa.aws.session import Aws, Identity
from migrate_mfa.aws.user_pool import CognitoUserPool
from migrate_mfa.checks.aws_account import Account
from migrate_mfa.checks.aws_pool_reader import PoolReader
from migrate_mfa.checks.findings import Unknown
from migrate_mfa.checks.iam_policy import partition_of
from migrate_mfa.checks.permissions import PERMISSIONS, Scope
from migrate_mfa.checks.principals import principal_of
from migrate_mfa.checks.snapshot import (
    NO_PRINCIPAL,
    AppClient,
    AppClients,
    Caller,
    CheckScope,
    Decision,
    PoolDetails,
    PoolSnapshot,
    QuotaUse,
    Role,
    Sending,
    SmsPath,
)
from migrate_mfa.domain.failure import ApiError, Effect
from migrate_mfa.domain.point_in_time_recovery import LIST
from migrate_mfa.domain.quotas import PACED, Category
from migrate_mfa.pacing.retry import ATTEMPTS, IMPATIENT, retry_read
from migrate_mfa.ports import Clock
from migrate_mfa.stop import Stop

T = TypeVar("T")

MOST_CLIENTS = 20
_CLIENT_PAUSE_S = 0.25
"""DescribeUserPoolClient allows 5 calls a second on one pool ("Quotas in Amazon Cognito")."""
_PAUSES_S = (0.3, 1.0)
_SERVER_ERROR = 500
_THREADS = 8


class SnapshotTaker:
    """Reads one pool and its surroundings once."""

    def __init__(self, aws: Aws, identity: Identity, clock: Clock, stop: Stop) -> None:
        calls = Calls(aws)
        self._aws = aws
        self._identity = identity
        self._clock = clock
        self._stop = stop
        self._account = Account(calls)
        self._pool = PoolReader(calls, aws.target.user_pool_id, aws.region)

    def take_snapshot(self, scope: CheckScope, *, thorough: bool) -> PoolSnapshot:
        """Take the snapshot.

        Args:
            scope: what is planned in the pool.
            thorough: also read the app clients, the log settings, and the use of the quotas.

        Raises:
            ApiError: the pool itself cannot be described.
            Stopped: a signal came.
        """
        connects = IMPATIENT if thorough else ATTEMPTS
        facts, details = retry_read(self._pool.settings, self._clock, self._stop, connects=connects)
        details = details if details.arn else replace(details, arn=self._pool_arn())
        with ThreadPoolExecutor(_THREADS) as threads:
            replica = threads.submit(self._look, "ListUserPoolReplicas", self._pool.replica)
            recoveries = threads.submit(self._look, LIST, self._pool.recoveries)
            role = threads.submit(self._role, details.sms)
            sending = threads.submit(self._sending, details.sms)
            caller = threads.submit(self._caller, details, scope.verb)
            clients = threads.submit(self._look, "ListUserPoolClients", self._clients) if thorough else None
            logs = self._logs() if thorough else None
            quotas = self._quotas() if thorough else ()
        return PoolSnapshot(
            facts=facts,
            details=details,
            account=self._identity.account,
            scope=scope,
            replica=replica.result(),
            recoveries=recoveries.result(),
            role=role.result(),
            sending=sending.result(),
            logs_delivery=logs,
            clients=clients.result() if clients else None,
            quotas=quotas,
            caller=caller.result(),
        )

    def _look(
        self, operation: str, call: Callable[[], T], pauses_s: tuple[float, ...] = _PAUSES_S
    ) -> T | Unknown:
        """Make a call that may fail. Retry after short pauses if the failure can be temporary."""
        try:
            return call()
        except ApiError as error:
            if not (pauses_s and _passing(error)):
                return Unknown(error.operation, error.code)
        self._stop.sleep(self._clock, pauses_s[0])
        return self._look(operation, call, pauses_s[1:])

    def _pool_arn(self) -> str:
        partition = partition_of(self._aws.region)
        where = f"{self._aws.region}:{self._identity.account}"
        return f"arn:{partition}:cognito-idp:{where}:userpool/{self._aws.target.user_pool_id}"

    def _role(self, path: SmsPath | None) -> Role | Unknown | None:
        if path is None:
            return None
        found = self._look("GetRole", lambda: self._account.role(path.role_name))
        if isinstance(found, Unknown):
            return found
        arn, trust = found
        if arn != path.role_arn:  # a role of the same name, in another account or path
            return Unknown("GetRole", "NoSuchEntity")
        return Role(trust, self._publishes(path))

    def _publishes(self, path: SmsPath) -> Decision | Unknown:
        named = path.origin if path.origin and path.origin.startswith("arn:") else "*"
        found = self._look(
            "SimulatePrincipalPolicy",
            lambda: self._account.decisions(path.role_arn, [path.action], named)[path.action],
        )
        if found is Decision.DENIED and path.eums and named == "*":
            return Decision.UNSURE  # sending may be allowed for single numbers or pools of numbers
        return found

    def _sending(self, path: SmsPath | None) -> Sending | None:
        if path is None:
            return None
        account, region = self._account, path.region
        if path.eums:
            return Sending(
                self._look("DescribeAccountAttributes", lambda: account.eums_sandbox(region)),
                self._look("DescribeSpendLimits", lambda: account.eums_limit_usd(region)),
            )
        return Sending(
            self._look("GetSMSSandboxAccountStatus", lambda: account.sns_sandbox(region)),
            self._look("GetSMSAttributes", lambda: account.sns_limit_usd(region)),
        )

    def _clients(self) -> AppClients:
        ids, more = self._pool.client_ids()
        seen: list[AppClient] = []
        for client_id in ids[:MOST_CLIENTS]:
            if seen:
                self._stop.sleep(self._clock, _CLIENT_PAUSE_S)
            seen.append(self._pool.client(client_id))
        return AppClients(tuple(seen), len(ids), more)

    def _logs(self) -> bool | Unknown:
        return self._look("GetLogDeliveryConfiguration", self._pool.logs_delivery)

    def _quotas(self) -> tuple[QuotaUse, ...]:
        directory, now = CognitoUserPool(self._aws), self._clock.now()
        return tuple(
            QuotaUse(
                category=category,
                enforced=directory.enforced_limit(category),
                busiest=self._usage(category, now),
            )
            for category in PACED
        )

    def _caller(self, details: PoolDetails, verb: str) -> Caller:
        arn = self._identity.arn
        principal = principal_of(arn)
        if principal is None:
            return Caller(arn, Unknown("SimulatePrincipalPolicy", NO_PRINCIPAL))
        source = self._account.source_arn(principal)
        decisions: dict[str, Decision] = {}
        for scope, resource in _resources(details).items():
            actions = [each.action for each in PERMISSIONS[verb] if each.scope is scope]
            found = self._simulated(source, actions, resource)
            if isinstance(found, Unknown):
                return Caller(arn, found)
            decisions |= found
        return Caller(arn, decisions)

    def _simulated(self, source: str, actions: list[str], resource: str) -> dict[str, Decision] | Unknown:
        if not actions:
            return {}
        account = self._account
        return self._look("SimulatePrincipalPolicy", lambda: account.decisions(source, actions, resource))

    def _usage(self, category: Category, now: float) -> float | Unknown | None:
        return self._look("GetMetricData", lambda: self._account.busiest_rps(category, now))


def _resources(details: PoolDetails) -> dict[Scope, str]:
    role = details.sms.role_arn if details.sms else "*"
    return {Scope.POOL: details.arn, Scope.ACCOUNT: "*", Scope.SMS_ROLE: role}


def _passing(error: ApiError) -> bool:
    lost = error.code == "ConnectionLost"
    return error.effect is Effect.THROTTLED or error.status >= _SERVER_ERROR or lost
