"""The state of one simulated account and Region, and the switches for unsettled questions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from migrate_mfa.simulator.account.challenges import Challenges
from migrate_mfa.simulator.account.codes import AttributeCodes, Lockout
from migrate_mfa.simulator.account.errors import CognitoError, constraint, no_such_pool
from migrate_mfa.simulator.account.grants import Grants
from migrate_mfa.simulator.account.partitions import partition_of
from migrate_mfa.simulator.account.surroundings import Surroundings
from migrate_mfa.simulator.account.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrate_mfa.simulator.account.clock import Clock
    from migrate_mfa.simulator.account.outbox import Outbox
    from migrate_mfa.simulator.account.policies import Document
    from migrate_mfa.simulator.account.pool import Pool
    from migrate_mfa.simulator.account.roles import Roles
    from migrate_mfa.simulator.account.users import User
    from migrate_mfa.simulator.server.quotas import Limiter

Params = dict[str, Any]
"""A request's JSON members."""

_POOL_ID = re.compile(r"[\w-]{1,45}_[0-9a-zA-Z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Switches for points that the AWS documents leave open or contradict.

    A careful client gives the same result under every combination.
    """

    #: Writing the number that is already stored sends a code (if the pool would send one).
    same_value_resends_code: bool = False
    #: Writing the number that is already stored makes it unverified.
    same_value_unverifies: bool = False
    #: phone_number with phone_number_verified=true still sends a code to an auto-verified number.
    verified_true_sends_sms: bool = False
    #: AdminSetUserMFAPreference in a pool whose MFA is off.
    mfa_preference_when_off: Literal["accept", "refuse"] = "accept"
    #: AdminSetUserMFAPreference for a disabled user.
    disabled_user_mfa_preference: Literal["accept", "refuse"] = "accept"
    #: In an alias pool, a contact that becomes verified on a second user.
    alias_takeover: Literal["steal", "refuse"] = "steal"
    #: A TOTP block left out of AdminSetUserMFAPreference switches TOTP off.
    omitted_totp_block_disables: bool = False
    #: AdminGetUser shows an empty UserMFASettingList in a pool that requires MFA.
    required_pool_hides_mfa_list: bool = True
    #: In an optional pool, removing the number of a user who is on SMS MFA.
    delete_phone_with_sms_mfa: Literal["accept", "refuse"] = "accept"
    #: What GetProvisionedLimit answers for a category that cannot be adjusted.
    provisioned_limit_error: str = "InvalidParameterException"
    #: GetUserAttributeVerificationCode during a pending change sends to the stored value.
    resend_goes_to_stored_value: bool = True
    #: A challenge must be answered with USER_ID_FOR_SRP; an alias in USERNAME names nobody.
    challenge_needs_user_id: bool = False
    #: What an answer that comes too late gets.
    late_answer_error: str = "NotAuthorizedException"
    #: An SMS role that Cognito assumes without an external id.
    role_without_external_id: Literal["accept", "refuse"] = "accept"
    #: GetUserPoolMfaConfig leaves out the SMS settings of a pool whose MFA is off.
    off_pool_hides_sms: bool = False
    #: A ListUsers filter by username finds every case; "ListUsers" says that it tells cases apart.
    username_filter_ignores_case: bool = False
    #: A filter by email tells cases apart, also in a pool that does not.
    email_filter_tells_cases: bool = False
    #: What a write gets while a point-in-time recovery is in progress.
    recovery_write_error: str = "InvalidParameterException"

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Unsettled:
        """Read the switches of a pool file or fault file.

        Raises:
            ValueError: An unknown switch, or a value of another kind than its default's.
        """
        defaults = cls()
        known = {f.name: getattr(defaults, f.name) for f in fields(cls)}
        for name, value in document.items():
            if name not in known or type(value) is not type(known[name]):
                raise ValueError(f"unsettled: no such switch or value: {name}={value!r}")
            if known[name] in ("accept", "steal") and value not in (known[name], "refuse"):
                raise ValueError(f"unsettled: {name} is {known[name]!r} or 'refuse'")
        return cls(**document)


@dataclass(slots=True)
class World:
    """One account in one Region: the state that operations read and write."""

    account: str
    region: str
    limiter: Limiter
    time: Clock
    roles: Roles
    outbox: Outbox
    unsettled: Unsettled = field(default_factory=Unsettled)
    around: Surroundings = field(default_factory=Surroundings)
    pools: dict[str, Pool] = field(default_factory=dict)
    #: ListUsers shows users as of this many seconds ago.
    list_lag_s: float = 0.0
    #: AdminGetUser shows users as of this many seconds ago.
    read_lag_s: float = 0.0
    #: The next ListUsers page has at most this many users, regardless of its Limit.
    page_cap: int | None = None
    #: What the caller may do; None: everything.
    caller_policy: Document | None = None
    tokens: Tokens = field(init=False)
    codes: AttributeCodes = field(init=False)
    challenges: Challenges = field(init=False)
    lockout: Lockout = field(init=False)
    grants: Grants = field(init=False)

    def __post_init__(self) -> None:
        """Start without tokens, codes and sessions."""
        self.tokens = Tokens(self.clock)
        self.codes = AttributeCodes(self.time)
        self.challenges = Challenges(self.time)
        self.lockout = Lockout(self.time)
        self.grants = Grants(self.time)

    def clock(self) -> float:
        """Give the simulated seconds since 1970."""
        return self.time.epoch()

    @property
    def partition(self) -> str:
        """Give the partition of all ARNs here."""
        return partition_of(self.region)

    @property
    def caller_arn(self) -> str:
        """Give the ARN of the one who signs all requests."""
        return self.around.caller or f"arn:{self.partition}:iam::{self.account}:user/simulator"

    def arn(self, pool_id: str) -> str:
        """Give a pool's ARN."""
        return f"arn:{self.partition}:cognito-idp:{self.region}:{self.account}:userpool/{pool_id}"

    def set_lags(self, list_s: float, read_s: float) -> None:
        """Make reads this many seconds stale; pools keep former states as long."""
        self.list_lag_s, self.read_lag_s = list_s, read_s
        for pool in self.pools.values():
            pool.memory_s = max(list_s, read_s)

    def pool(self, params: Params) -> Pool:
        """Give the pool of a request.

        Raises:
            CognitoError: InvalidParameterException for a missing or malformed UserPoolId,
                ResourceNotFoundException for one that does not exist.
        """
        pool_id = text(params, "UserPoolId")
        if not _POOL_ID.fullmatch(pool_id):
            pattern = r"Member must satisfy regular expression pattern: [\w-]+_[0-9a-zA-Z]+"
            raise constraint(pool_id, "UserPoolId", pattern)
        if pool_id not in self.pools:
            raise no_such_pool(pool_id)
        return self.pools[pool_id]

    def client_pool(self, client_id: str) -> Pool:
        """Give the pool of an app client.

        Raises:
            CognitoError: ResourceNotFoundException.
        """
        for pool in self.pools.values():
            if client_id in pool.clients:
                return pool
        raise no_such_client(client_id)

    def user(self, params: Params) -> tuple[Pool, User]:
        """Give the pool and the user of a request.

        Raises:
            CognitoError: As `pool`, and UserNotFoundException.
        """
        pool = self.pool(params)
        return pool, pool.find(username_of(params))


def no_such_client(client_id: str) -> CognitoError:
    """Build the answer to an unknown ClientId."""
    return CognitoError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")


def username_of(params: Params) -> str:
    """Give the Username member.

    Raises:
        CognitoError: InvalidParameterException if it is missing, too long or has blanks in it.
    """
    name = text(params, "Username", 128)
    if any(map(str.isspace, name)):
        pattern = r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+"
        raise constraint(name, "Username", pattern)
    return name


def text(params: Params, member: str, longest: int | None = None) -> str:
    """Give a required string member.

    Raises:
        CognitoError: InvalidParameterException if it is missing, empty or too long.
    """
    value = params.get(member)
    if value is None:
        raise constraint(None, member, "Member must not be null")
    if not isinstance(value, str) or not value:
        raise constraint(value, member, "Member must have length greater than or equal to 1")
    if longest is not None and len(value) > longest:
        rule = f"Member must have length less than or equal to {longest}"
        raise constraint(value, member, rule)
    return value
