"""IAM policy documents: the decision about an action, as far as SMS roles need it.

Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements reference": an explicit
deny wins, then an allow; actions match without case, resources and values with it, `*` and `?` being
wildcards. Condition operators that are not simulated never hold.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from migrate_mfa.simulator.account.errors import CognitoError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Document = dict[str, Any]

ALLOWED, DENIED, IMPLICIT = "allowed", "explicitDeny", "implicitDeny"
"""PolicyEvaluationDecisionType of "SimulatePrincipalPolicy"."""

_EXACT = {"StringEquals", "ArnEquals"}
_LIKE = {"StringLike", "ArnLike"}


def read_document(text: str, *, trust: bool) -> Document:
    """Read a policy, or a role's trust policy.

    Raises:
        CognitoError: MalformedPolicyDocument.
    """
    document: Document = {}
    try:
        document = json.loads(text)
        good = all(_complete(row, trust=trust) for row in statements_of(document))
    except (ValueError, KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise CognitoError("MalformedPolicyDocument", "Syntax errors in policy.")
    return document


def statements_of(document: Mapping[str, Any]) -> list[Document]:
    """Give the statements; a single one need not be in a list."""
    return _many(document["Statement"])


def decide(documents: Iterable[Document], action: str, resource: str, context: Mapping[str, str]) -> str:
    """Give the decision of all documents together about an action on a resource."""
    effects = {
        row["Effect"]
        for document in documents
        for row in statements_of(document)
        if _applies(row, "Action", action.lower(), fold=True)
        and _applies(row, "Resource", resource, fold=False)
        and _holds(row.get("Condition", {}), context)
    }
    return DENIED if "Deny" in effects else ALLOWED if "Allow" in effects else IMPLICIT


def trusts(document: Document, service: str, context: Mapping[str, str]) -> bool:
    """Say whether a trust policy lets a service assume the role."""
    effects = {
        row["Effect"]
        for row in statements_of(document)
        if service in _services(row)
        and _applies(row, "Action", "sts:assumerole", fold=True)
        and _holds(row.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def _complete(row: Document, *, trust: bool) -> bool:
    target = "Principal" if trust else "Resource"
    named = all(name in row or f"Not{name}" in row for name in ("Action", target))
    conditions = row.get("Condition", {}).values()
    return named and row["Effect"] in ("Allow", "Deny") and all(isinstance(c, dict) for c in conditions)


def _services(row: Document) -> list[Any]:
    principal = row.get("Principal")
    return _many(principal.get("Service", [])) if isinstance(principal, dict) else []


def _applies(row: Document, element: str, value: str, *, fold: bool) -> bool:
    wanted = _many(row.get(element, row.get(f"Not{element}", [])))
    found = any(_like(pattern.lower() if fold else pattern, value) for pattern in wanted)
    return found == (element in row)


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    given = {key.lower(): value for key, value in context.items()}
    return all(
        _compare(operator, _many(wanted), given.get(key.lower()))
        for operator, rows in conditions.items()
        for key, wanted in rows.items()
    )


def _compare(operator: str, wanted: list[str], value: str | None) -> bool:
    if value is None:
        return False
    if operator in _EXACT:
        return value in wanted
    return operator in _LIKE and any(_like(pattern, value) for pattern in wanted)


def _like(pattern: str, value: str) -> bool:
    translated = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(translated, value, re.DOTALL) is not None


def _many(value: Any) -> list[Any]:  # noqa: ANN401 - JSON of any kind
    return value if isinstance(value, list) else [value]
