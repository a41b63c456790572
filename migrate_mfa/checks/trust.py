"""Whether a role's trust policy lets Cognito assume it for one pool.

Sources: "SMS message settings for Amazon Cognito user pools", Cognito Developer Guide (principal, external
id, source account and ARN); "IAM JSON policy elements: Condition operators", IAM User Guide.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migrate_mfa.aws.answers import Answer

EXTERNAL_ID, SOURCE_ACCOUNT, SOURCE_ARN = "sts:externalid", "aws:sourceaccount", "aws:sourcearn"
SOURCES = (SOURCE_ACCOUNT, SOURCE_ARN)
_ACTION = "sts:assumerole"
_SERVICES = re.compile(r"cognito-idp\.([a-z0-9-]+\.)?amazonaws\.com(\.cn)?")
"""The service's name, which can contain a Region."""
_EVERYBODY = "*"
_WHO = "principal"
_EQUAL = frozenset({"stringequals", "arnequals", "stringequalsignorecase"})
_LIKE = frozenset({"stringlike", "arnlike", "arnequals"})


@dataclass(frozen=True, slots=True)
class Trust:
    """One statement that lets Cognito assume the role: its conditions, by lower-case key.

    True: holds for this pool. False: does not. None: only a real request can show it.
    """

    conditions: Mapping[str, bool | None]

    def named(self, *keys: str) -> bool:
        """Whether the statement has a condition on any of these keys."""
        return not self.conditions.keys().isdisjoint(keys)

    def excludes(self, *keys: str) -> bool:
        """Whether a condition on these keys cannot hold for this pool."""
        return any(self.conditions.get(key, True) is False for key in keys)

    def unclear(self, *keys: str) -> bool:
        """Whether a condition on these keys cannot be judged."""
        return any(self.conditions.get(key, True) is None for key in keys)

    @property
    def others(self) -> list[str]:
        """The keys whose conditions cannot be judged."""
        return sorted(key for key, holds in self.conditions.items() if holds is None)


def trust_of(document: Answer, context: Mapping[str, str]) -> Trust | None:
    """The statement that fits this pool best; None if no statement allows Cognito, or one denies it.

    Args:
        document: the trust policy.
        context: what Cognito sends, by lower-case key: external id, source account and ARN.
    """
    found = []
    for row in _many(document.get("Statement", [])):
        named = _names_cognito(row)
        if named is False:
            continue
        unclear = {_WHO: None} if named is None else {}
        trust = Trust(_judged(row.get("Condition", {}), context) | unclear)
        if row.get("Effect") == "Deny":
            if all(trust.conditions.values()):
                return None
            continue
        found.append(trust)
    return min(found, key=_faults, default=None)


def external_ids(document: Answer, context: Mapping[str, str]) -> set[str]:
    """The external ids with which Cognito may assume the role for this pool, without patterns.

    Args:
        document: the trust policy.
        context: source account and ARN of the pool, by lower-case key.
    """
    found: set[str] = set()
    for row in _many(document.get("Statement", [])):
        conditions = row.get("Condition", {})
        if row.get("Effect") != "Allow" or not _names_cognito(row):
            continue
        if Trust(_judged(conditions, context)).excludes(*SOURCES):
            continue
        for operator, rows in conditions.items():
            if operator.lower().removesuffix("ifexists") in _EQUAL | _LIKE:
                found |= {
                    str(value)
                    for key, wanted in rows.items()
                    if key.lower() == EXTERNAL_ID
                    for value in _many(wanted)
                }
    return {each for each in found if each and not set(each) & set("*?$")}


def _faults(trust: Trust) -> tuple[int, int]:
    values = list(trust.conditions.values())
    return values.count(False), values.count(None)


def _names_cognito(row: Answer) -> bool | None:
    """Whether a statement is about Cognito assuming the role; None if that cannot be told."""
    principal = row.get("Principal", _EVERYBODY)
    if "Action" not in row or principal == _EVERYBODY:
        return None
    services = [str(service) for service in _many(principal.get("Service", []))]
    actions = [str(action).lower() for action in _many(row["Action"])]
    named = any(_SERVICES.fullmatch(service) for service in services)
    return named and any(_like(action, _ACTION) for action in actions)


def _judged(conditions: Mapping[str, Answer], context: Mapping[str, str]) -> dict[str, bool | None]:
    found: dict[str, bool | None] = {}
    for operator, rows in conditions.items():
        for key, wanted in rows.items():
            name = key.lower()
            holds = _holds(operator.lower(), [str(value) for value in _many(wanted)], name, context)
            found[name] = holds if found.get(name, True) is True else found[name]
    return found


def _holds(operator: str, wanted: list[str], key: str, context: Mapping[str, str]) -> bool | None:
    base = operator.removesuffix("ifexists")
    if key not in (EXTERNAL_ID, *SOURCES) or base not in _EQUAL | _LIKE:
        return None
    if key not in context:
        return base != operator
    value = context[key]
    if base == "stringequalsignorecase":
        return value.lower() in {each.lower() for each in wanted}
    return any(_like(each, value) for each in wanted) if base in _LIKE else value in wanted


def _like(pattern: str, value: str) -> bool:
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(translated, value, re.DOTALL) is not None


def _many(value: Any) -> Iterable[Any]:  # noqa: ANN401 - JSON of any kind
    return value if isinstance(value, list) else [value]
