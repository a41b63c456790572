"""A strict Amazon Cognito user pools service on loopback, for demos, rehearsals and tests.

It follows the service where emulators are more lenient: phone formats, MFA preconditions, SMS sent
by admin writes, alias takeover, replace-style configuration, pagination, rate quotas, sign-in
with codes that are checked, roles that Cognito cannot use. It imports nothing of the tool, and besides
the standard library only pydantic, which checks the documents that people write.

    python -m migrate_mfa.simulator --port 0 --pool-file pool.json [--control] [--show-codes]
        [--faults faults.json] [--enforce-quotas] [--burst-seconds S] [--speed N]

prints one JSON line when it is ready, {"endpoint", "account", "region", "pools"}, and serves until
SIGTERM or SIGINT. Each pool of that line has "id", "name", "users" (how many) and "clients" (ids by
name). Any AWS client can use the endpoint: besides Cognito it offers Service Quotas (the enforced
rates), STS GetCallerIdentity, and the parts of IAM and SNS that the SMS path of a pool needs.
Signatures are not checked, but a `caller_policy` is. SRP, custom and choice-based sign-in are not
simulated.

Nothing is really sent: messages and their codes are in `GET /_control/outbox` (with --control), and
one line each on stderr (with --control or --show-codes). With --speed, N seconds of the service pass in
one real second: quotas are N times larger, and codes, sessions, delays and lags N times shorter.

`poolfile` describes the pool file, `generate` synthetic users, `appclients` app clients, `outbox` the
account's text messaging, `faults` the fault file, `control` the control endpoint, and `world.Unsettled`
the switches for questions that the AWS documents leave open.

Requests pass through `http` (bytes), `service` (quota, faults, ledger) and `operations` (one module per
family) to `pool` (the users and their indexes).
"""

from migrate_mfa.simulator.server.background import Running, background
from migrate_mfa.simulator.server.serving import main

__all__ = ["Running", "background", "main"]
