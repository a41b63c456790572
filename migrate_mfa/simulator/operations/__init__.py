"""The operations, one module per family; importing the package registers all of them."""

from migrate_mfa.simulator.operations import (
    account,
    accounts,
    attributes,
    clients,
    iam,
    limits,
    messaging,
    metrics,
    mfa,
    pools,
    reading,
    recovery,
    selfservice,
    signin,
)
from migrate_mfa.simulator.operations.registry import OPERATIONS, Operation

__all__ = [
    "OPERATIONS",
    "Operation",
    "account",
    "accounts",
    "attributes",
    "clients",
    "iam",
    "limits",
    "messaging",
    "metrics",
    "mfa",
    "pools",
    "reading",
    "recovery",
    "selfservice",
    "signin",
]
