"""The operations, one module a family; importing the package registers all of them."""

from migrate_mfa.simulator.operations import (
    accounts,
    attributes,
    clients,
    limits,
    mfa,
    pools,
    reading,
)
from migrate_mfa.simulator.operations.registry import OPERATIONS, Operation

__all__ = [
    "OPERATIONS",
    "Operation",
    "accounts",
    "attributes",
    "clients",
    "limits",
    "mfa",
    "pools",
    "reading",
]
