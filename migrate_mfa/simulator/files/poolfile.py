"""Reads the pool file: the account, its pools and their users.

    {
      "account": "123456789012", "region": "ap-northeast-1",
      "enforce_quotas": true, "burst_seconds": 0.2, "quotas": {"UserUpdate": 25}, "speed": 1,
      "roles": "strict", "role_propagation_s": 8, "sns": {"sandbox": true},
      "unsettled": {"alias_takeover": "refuse"},
      "caller_policy": {"Statement": [{"Effect": "Allow", "Action": "cognito-idp:*", "Resource": "*"}]},
      "pools": [{
        "id": "ap-northeast-1_Ab3dEf6hI", "name": "members",
        "config": {
          "MfaConfiguration": "OPTIONAL", "AliasAttributes": ["email"],
          "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::123456789012:role/sms"}
        },
        "clients": [{"ClientName": "app", "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]}],
        "users": [{
          "Username": "taro", "UserStatus": "CONFIRMED",
          "Attributes": {"email": "taro@example.com", "email_verified": "true"}
        }],
        "users_jsonl": "more-users.jsonl", "recovery": {"status": "RESTORING"},
        "generate": {"count": 1000, "seed": 1, "phone_unverified": 0.2}
      }]
    }

Only `pools[].name` is required. `quotas` are in requests a second of the simulated clock, of which
`speed` pass in a real second. The SMS role of a `config` is taken for a good one of this account,
unless `roles` is "strict": then it must be created through IAM. New roles, and rights that a role did
not have, are seen `role_propagation_s` seconds later. What the `caller_policy` does not allow is
denied; without one, nothing is. `outbox` describes `sns`, `surroundings` who calls, End User Messaging
and the use of quotas, and `appclients` the `clients`.

A relative `users_jsonl` (one user a line) starts at the pool file's directory. `config` takes the
members of CreateUserPool, the three other MFA blocks of SetUserPoolMfaConfig, FutureMfaBlocks (by
name: blocks that no client of today knows), EstimatedNumberOfUsers, SmsConfigurationFailure, Domain,
CustomDomain, LogConfigurations and Replicas, rows of Role (PRIMARY or SECONDARY) and RegionName. A
user takes Username, sub, UserStatus, Enabled, Attributes, UserMFASettingList, PreferredMfaSetting,
MFAOptions, ConfiguredUserAuthFactors, password and totp_registered; one without password cannot sign
in.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveFloat

from migrate_mfa.simulator.account.appclients import DECLARED_SHAPES, declared_client
from migrate_mfa.simulator.account.clock import Clock
from migrate_mfa.simulator.account.errors import CognitoError
from migrate_mfa.simulator.account.outbox import Outbox, Sns
from migrate_mfa.simulator.account.partitions import partition_of
from migrate_mfa.simulator.account.pool import Pool
from migrate_mfa.simulator.account.poolconfig import CONFIG_SHAPES, check_consistent, with_defaults
from migrate_mfa.simulator.account.recoveries import RecoveryRow, set_status
from migrate_mfa.simulator.account.roles import Roles
from migrate_mfa.simulator.account.surroundings import Surroundings
from migrate_mfa.simulator.account.users import FACTORS, STATUSES, TOTP, User, derived_sub
from migrate_mfa.simulator.account.world import Unsettled, World
from migrate_mfa.simulator.files.documents import STRICT, parsed, require, structure
from migrate_mfa.simulator.files.generate import Generate, generated_users
from migrate_mfa.simulator.operations.attributes import check_schema
from migrate_mfa.simulator.server.caller import read_caller_policy
from migrate_mfa.simulator.server.quotas import Limiter
from migrate_mfa.simulator.server.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

DEFAULT_ACCOUNT = "123456789012"
DEFAULT_REGION = "ap-northeast-1"

_STRICT = "strict"


class UserRow(BaseModel):
    """A user of a pool file, of a line of `users_jsonl`, or of an edit."""

    model_config = STRICT

    Username: str
    sub: str | None = None
    UserStatus: str = "CONFIRMED"
    Enabled: bool = True
    # Defaults by factory: there may be a million rows, and pydantic copies others slowly.
    Attributes: dict[str, str | None] = Field(default_factory=dict)
    UserMFASettingList: list[str] = Field(default_factory=list)
    PreferredMfaSetting: str | None = None
    MFAOptions: list[dict[str, str]] = Field(default_factory=list)
    ConfiguredUserAuthFactors: list[str] = Field(default_factory=list)
    password: str | None = None
    totp_registered: bool = False


_Attribute = structure("attribute", SHAPES["Schema"][0])
_Config = structure("config", CONFIG_SHAPES, open_ended=False)
_Client = structure("client", DECLARED_SHAPES, open_ended=False)


class _AttributeRow(_Attribute):  # type: ignore[misc, valid-type]
    Name: str


class ConfigRow(_Config):  # type: ignore[misc, valid-type]
    """The `config` of a pool."""

    Schema: list[_AttributeRow] = Field(default_factory=list)


class _ClientRow(_Client):  # type: ignore[misc, valid-type]
    ClientName: str


class PoolRow(BaseModel):
    """A pool of a pool file."""

    model_config = STRICT

    name: str
    id: str | None = None
    config: ConfigRow = ConfigRow()
    clients: list[_ClientRow] = []
    recovery: RecoveryRow | None = None
    users: list[UserRow] = []
    users_jsonl: str = ""
    generate: Generate = Generate()


class PoolFile(BaseModel):
    """A pool file."""

    model_config = STRICT

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    quotas: dict[str, NonNegativeFloat] = {}
    enforce_quotas: bool = False
    burst_seconds: NonNegativeFloat = 1.0
    speed: PositiveFloat = 1.0
    roles: Literal["declared", "strict"] = "declared"
    role_propagation_s: NonNegativeFloat = 0.0
    unsettled: dict[str, bool | str] = {}
    caller_policy: dict[str, Any] = {}
    sns: dict[str, Any] = {}
    caller: str = ""
    eums: dict[str, Any] = {}
    usage: dict[str, NonNegativeFloat] = {}
    pools: list[PoolRow] = []


_AGE_S = 30 * 86400.0
"""How long ago the file's users were created: none is too new for a stale list."""


def load_world(
    document: Mapping[str, Any],
    folder: Path,
    clock: Clock | None = None,
) -> World:
    """Build the world of a pool file.

    Args:
        document: The file's content.
        folder: Where relative `users_jsonl` paths start.
        clock: The time; by default the present, at the file's `speed`.

    Raises:
        ValueError: The document is not as this module describes it; the text names the place.
    """
    require(PoolFile, document)
    world = _empty(document, clock or Clock(document.get("speed", 1.0)))
    try:
        world.caller_policy = read_caller_policy(document.get("caller_policy", {}))
    except CognitoError as refused:
        raise ValueError(f"caller_policy: {refused.message}") from refused
    for spec in document.get("pools", ()):
        pool = _pool(world, spec, folder)
        if pool.id in world.pools:
            raise ValueError(f"two pools have the id {pool.id}")
        world.pools[pool.id] = pool
        if document.get("roles") != _STRICT:
            world.roles.declare(pool.sms_config)
    return world


def _empty(document: Mapping[str, Any], clock: Clock) -> World:
    account, region = document.get("account", DEFAULT_ACCOUNT), document.get("region", DEFAULT_REGION)
    limiter = Limiter(
        document.get("quotas", {}),
        enforce=document.get("enforce_quotas", False),
        burst_seconds=document.get("burst_seconds", 1.0),
        speed=clock.speed,
    )
    return World(
        account,
        region,
        limiter,
        clock,
        Roles(
            account,
            clock,
            partition=partition_of(region),
            propagation_s=document.get("role_propagation_s", 0.0),
        ),
        Outbox(clock, Sns.from_document(document.get("sns", {}))),
        Unsettled.from_document(document.get("unsettled", {})),
        Surroundings.from_document(document),
    )


def _pool(world: World, spec: Mapping[str, Any], folder: Path) -> Pool:
    name = spec["name"]
    config = with_defaults(spec.get("config", {}))
    pool = Pool(spec.get("id") or _pool_id(world.region, name), name, config, world.clock)
    try:
        check_consistent(config)
        _fill(pool, _users(pool, spec, folder))
        for row in spec.get("clients", ()):
            client = declared_client(pool.id, row, world.clock())
            pool.clients[client["ClientId"]] = client
        if recovery := spec.get("recovery"):
            set_status(pool, recovery)
    except CognitoError as refused:
        raise ValueError(f"pool {name}: {refused.message}") from refused
    return pool


def _fill(pool: Pool, users: Iterable[User]) -> None:
    try:
        for user in users:
            pool.add(user)
    except CognitoError as refused:
        raise ValueError(
            f"pool {pool.name}, its user {len(pool.order) + 1:,}: {refused.message}"
        ) from refused


def _users(pool: Pool, spec: Mapping[str, Any], folder: Path) -> Iterator[User]:
    created = pool.clock() - _AGE_S
    for row in spec.get("users", ()):
        yield user_from_document(pool, row, created)
    if "users_jsonl" in spec:
        try:
            lines = (folder / spec["users_jsonl"]).open(encoding="utf-8")
        except OSError as error:
            raise ValueError(f"users_jsonl: {spec['users_jsonl']}: {error.strerror}") from error
        with lines:
            for number, line in enumerate(lines, 1):
                row = parsed(line)
                require(UserRow, row, f"{spec['users_jsonl']} line {number}")
                yield user_from_document(pool, row, created)
    by_sub = pool.names_users_by_contact
    yield from generated_users(spec.get("generate", {}), created, username_is_sub=by_sub)


def user_from_document(pool: Pool, row: Mapping[str, Any], created: float) -> User:
    """Build a user of a `UserRow`; in a UsernameAttributes pool the Username becomes the sub.

    Raises:
        ValueError: A wrong value.
        CognitoError: An attribute that the pool's schema refuses.
    """
    name = row["Username"]
    fields = user_fields(row)
    given = row.get("Attributes", {})
    attributes = {k: v for k, v in given.items() if k != "sub" and v is not None}
    check_schema(pool, attributes)
    sub = row.get("sub") or derived_sub(0, f"{pool.id}/{name}")
    status = fields.pop("status", "CONFIRMED")
    username = sub if pool.names_users_by_contact and status != "EXTERNAL_PROVIDER" else name
    enabled = fields.pop("enabled", True)
    return User(username, sub, status, enabled, attributes, created, created, **fields)


def user_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the record's fields, other than names and attributes, that a document sets.

    Raises:
        ValueError: An unknown status or factor.
    """
    fields: dict[str, Any] = {}
    if "UserStatus" in row:
        if row["UserStatus"] not in STATUSES:
            raise ValueError(f"unknown UserStatus {row['UserStatus']!r}")
        fields["status"] = row["UserStatus"]
    if "UserMFASettingList" in row:
        if unknown := set(row["UserMFASettingList"]) - set(FACTORS):
            raise ValueError(f"unknown factors {sorted(unknown)}")
        fields["mfa"] = tuple(f for f in FACTORS if f in row["UserMFASettingList"])
        fields["totp_registered"] = TOTP in fields["mfa"]
    for member, name in (
        ("Enabled", "enabled"),
        ("PreferredMfaSetting", "preferred"),
        ("password", "password"),
        ("totp_registered", "totp_registered"),
    ):
        if member in row:
            fields[name] = row[member]
    for member, name in (("MFAOptions", "mfa_options"), ("ConfiguredUserAuthFactors", "auth_factors")):
        if member in row:
            fields[name] = tuple(row[member])
    return fields


def _pool_id(region: str, name: str) -> str:
    """Make the same id of the service's shape for the same name, on every start."""
    digest = hashlib.blake2s(name.encode()).hexdigest()
    return f"{region}_{digest[:9]}"
