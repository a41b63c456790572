"""A finding of `check`: its level, a code that never changes, the observation, its impact and a remedy."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from migrate_mfa.domain.failure import NOT_OFFERED, UNKNOWN_TO_SDK


class Level(StrEnum):
    """How serious a finding is, the most serious first."""

    FAILURE = "failure"
    """Writing to users would have no effect, or would lock them out."""
    WARNING = "warning"
    """An operator should look at it before users are changed."""
    UNCHECKED = "unchecked"
    """Could not be checked. Nothing is known; it does not count as good."""
    INFO = "info"
    OK = "ok"


class Code(StrEnum):
    """The subject of a finding. Scripts read these codes: add codes, never rename one."""

    POOL_WRITABLE = "pool_writable"
    MFA_MODE = "mfa_mode"
    SMS_FACTOR = "sms_factor"
    SMS_FAILURE = "sms_failure"
    PHONE_SCHEMA = "phone_schema"
    HELD_NUMBERS = "held_numbers"
    CODE_SMS = "code_sms"
    PHONE_SIGN_IN = "phone_sign_in"
    PHONE_REQUIRED = "phone_required"
    RECOVERY = "recovery"
    RECOVERY_IN_PROGRESS = "recovery_in_progress"
    RECOVERY_REACH = "recovery_reach"
    POOL_OWNER = "pool_owner"
    SMS_PATH = "sms_path"
    SMS_ROLE_TRUST = "sms_role_trust"
    SMS_ROLE_EXTERNAL_ID = "sms_role_external_id"
    SMS_ROLE_SOURCE = "sms_role_source"
    SMS_ROLE_PUBLISH = "sms_role_publish"
    SMS_SANDBOX = "sms_sandbox"
    SMS_SPEND_LIMIT = "sms_spend_limit"
    SMS_TEXT = "sms_text"
    SMS_ORIGIN = "sms_origin"
    DELIVERY_LOGS = "delivery_logs"
    FIRST_FACTORS = "first_factors"
    OTHER_FACTORS = "other_factors"
    DEVICES = "devices"
    TRIGGERS = "triggers"
    CUSTOM_MESSAGE = "custom_message"
    MANAGED_LOGIN = "managed_login"
    TIER = "tier"
    THREAT_PROTECTION = "threat_protection"
    CHALLENGE_NAME = "challenge_name"
    CLIENT_FLOWS = "client_flows"
    CLIENT_SESSION = "client_session"
    CLIENT_REFRESH = "client_refresh"
    CLIENTS_SEEN = "clients_seen"
    QUOTA_USER_READ = "quota_user_read"
    QUOTA_USER_UPDATE = "quota_user_update"
    QUOTA_USER_RESOURCE_UPDATE = "quota_user_resource_update"
    QUOTA_USER_LIST = "quota_user_list"
    USAGE_USER_READ = "usage_user_read"
    USAGE_USER_UPDATE = "usage_user_update"
    USAGE_USER_RESOURCE_UPDATE = "usage_user_resource_update"
    USAGE_USER_LIST = "usage_user_list"
    CALLER_PERMISSIONS = "caller_permissions"
    CALLER_OPTIONAL = "caller_optional"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `remedy` says what to do; it is empty if nothing has to be done."""

    code: Code
    level: Level
    observed: str
    impact: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be read: the call, and its error code."""

    operation: str
    code: str

    def finding(self, code: Code, impact: str, remedy: str) -> Finding:
        """The finding that says so."""
        observed = f"Could not be checked: {self.operation} answered {self.code}."
        if self.code == UNKNOWN_TO_SDK:
            observed = f"Could not be checked: this AWS SDK does not know {self.operation}."
        if self.code in NOT_OFFERED:
            remedy = "No permission helps: this endpoint does not offer the call, but AWS does."
        return Finding(code, Level.UNCHECKED, observed, impact, remedy)


def by_weight(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, the most serious first; findings of one level keep their order."""
    order = list(Level)
    return sorted(findings, key=lambda each: order.index(each.level))


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that forbid any write."""
    return [each for each in findings if each.level is Level.FAILURE]


def level_counts(findings: Iterable[Finding]) -> dict[str, int]:
    """How many there are of each level."""
    found = Counter(each.level for each in findings)
    return {level.value: found[level] for level in Level}
