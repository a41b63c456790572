"""Whether a point-in-time recovery is to blame, asked while a command works."""

import structlog

from migrate_mfa.aws.clients import Calls
from migrate_mfa.checks.aws_pool_reader import PoolReader
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.recovery import LIST, Recovery, in_the_way, pausing
from migrate_mfa.engine.refusals import NobodyCanTellError
from migrate_mfa.session import Connection

log = structlog.get_logger()


def recoveries(connection: Connection) -> tuple[Recovery, ...] | None:
    """The point-in-time recoveries of the pool, the newest first; None where nobody can tell."""
    reader = PoolReader(Calls(connection.aws), connection.pool.id, connection.aws.region)
    try:
        return reader.recoveries()
    except ApiError as error:
        log.info("recoveries_unknown", operation=LIST, code=error.code)
    return None


def recovery_in_the_way(connection: Connection) -> MigrateMfaError | None:
    """The run's problem where a recovery is why the pool takes no writes.

    Raises:
        NobodyCanTellError: the recoveries cannot be listed.
    """
    known = recoveries(connection)
    if known is None:
        raise NobodyCanTellError
    found = pausing(known)
    return in_the_way(found) if found is not None else None
