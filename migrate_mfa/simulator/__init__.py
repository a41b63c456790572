"""A strict Amazon Cognito user pools service on loopback, for demos, rehearsals and tests.

It follows the service where emulators are more lenient: phone formats, MFA preconditions, SMS that
an admin write sends, alias takeover, replace-style configuration, pagination, rate quotas. It
imports nothing of the tool, and only the standard library.

    python -m migrate_mfa.simulator --port 0 --pool-file pool.json [--control] [--faults faults.json]

prints one JSON line when it is ready, {"endpoint", "account", "region", "pools"}, and serves until
SIGTERM or SIGINT. Every AWS client may be pointed at the endpoint; besides Cognito there is STS
GetCallerIdentity. Signatures are not checked. `poolfile` describes the pool file, `generate`
synthetic users, `faults` the fault file, `control` the control endpoint.

Requests pass through `http` (bytes), `service` (quota, faults, ledger) and `operations` (one module
a family) to `pool` (the users and their indexes).
"""

from migrate_mfa.simulator.background import Running, background
from migrate_mfa.simulator.serving import main

__all__ = ["Running", "background", "main"]
