"""Whether a point-in-time recovery is the cause of refused writes, read while a command works."""

import structlog

from migrate_mfa.aws.clients import Calls
from migrate_mfa.aws.session import Aws
from migrate_mfa.checks.aws_pool_reader import PoolReader
from migrate_mfa.domain.errors import MigrateMfaError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.point_in_time_recovery import LIST, NobodyCanTellError, Recovery, in_the_way, pausing

log = structlog.get_logger()


def recoveries(aws: Aws, pool_id: str) -> tuple[Recovery, ...] | None:
    """The point-in-time recoveries of the pool, the newest first; None if they cannot be read."""
    reader = PoolReader(Calls(aws), pool_id, aws.region)
    try:
        return reader.recoveries()
    except ApiError as error:
        log.info("recoveries_unknown", operation=LIST, code=error.code)
    return None


def recovery_in_the_way(aws: Aws, pool_id: str) -> MigrateMfaError | None:
    """The error that ends the command if a recovery makes the pool refuse writes, else None.

    Raises:
        NobodyCanTellError: the recoveries cannot be listed.
    """
    known = recoveries(aws, pool_id)
    if known is None:
        raise NobodyCanTellError
    found = pausing(known)
    return in_the_way(found) if found is not None else None
