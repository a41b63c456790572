"""A fault document: which attempts fail, how, and what happens meanwhile.

A fault document (every member is optional):

    {"seed": 7,
     "rules": [
       {"kind": "throttle", "ops": ["AdminUpdateUserAttributes"], "rate": 0.05},
       {"kind": "reset", "when": "after", "users": ["taro"], "attempts": [1]},
       {"kind": "expired_token", "after_calls": 500}],
     "latency": [{"fixed_ms": 5, "p50_ms": 20, "p99_ms": 200, "ops": ["ListUsers"]}],
     "live_traffic": [{"category": "UserUpdate", "rps": 10, "random": true, "after_s": 0, "until_s": 60}],
     "list_lag_s": 2, "read_lag_ms": 300,
     "script": [
       {"at_call": 40, "do": {"delete": ["hana"]}},
       {"on": {"op": "AdminGetUser", "user": "taro", "attempt": 1}, "when": "after",
        "do": {"upsert": [{"Username": "taro", "Enabled": false}]}}],
     "unsettled": {"same_value_resends_code": true}}

Kinds of rule: throttle, internal_error, unavailable, expired_token, clock_skew, access_denied,
error (with `code`, `message`, `status`), reset, garbage (HTTP 200), hang (answers after `seconds`,
without it never), short_page, empty_page (both ListUsers). `when` is "before" (default) or "after"
the operation was carried out. A rule applies to the calls that pass all of its conditions: `ops`,
`users` (username or sub), `attempts` (1 = first call of that op for that user), `after_calls` and
`until_calls` (of the whole server), `after_s` and `until_s`, `rate` (a probability), and at most
`times` times. The first rule that applies wins.

`list_lag_s`: ListUsers shows changed users as they were, and new ones later; deleted ones are gone
at once. `read_lag_ms` does the same to AdminGetUser. `after_calls` 500 means from the 501st on.

`live_traffic` are calls of other clients of the account: they use the category's bucket and are refused when
it is empty, like ours. One comes in each interval of 1/`rps` seconds, or, with `random`, at independent
random times. /_control/stats counts them when the next of our calls comes.

Calls, attempts and seconds count from when the document was loaded. Chances are decided by a hash
of (seed, rule, op, user, attempt), never by the order in which calls arrive. All durations are in
seconds of the simulated clock; `ops` may name operations of every service that is simulated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, NonNegativeFloat

from migrate_mfa.simulator.files.documents import STRICT, built
from migrate_mfa.simulator.files.edits import Edit
from migrate_mfa.simulator.operations import OPERATIONS
from migrate_mfa.simulator.server.quotas import CATEGORIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from random import Random

    from migrate_mfa.simulator.server.call import Call

ERRORS: Mapping[str, tuple[str, str, int]] = {
    "throttle": ("TooManyRequestsException", "Rate exceeded", 400),
    "internal_error": ("InternalErrorException", "Internal error.", 500),
    "unavailable": ("ServiceUnavailable", "The service is temporarily unavailable.", 503),
    "expired_token": (
        "ExpiredTokenException",
        "The security token included in the request is expired",
        403,
    ),
    "clock_skew": ("InvalidSignatureException", "Signature expired", 403),
    "access_denied": ("AccessDeniedException", "User is not authorized to perform this action", 403),
    "error": ("InvalidParameterException", "Injected.", 400),
}
"""Code, message and status by kind (API Reference, "Common Errors")."""

TRANSPORT = {"reset", "garbage", "hang"}
PAGES = {"short_page", "empty_page"}
_Z99 = NormalDist().inv_cdf(0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The conditions of a rule; see the module's text for the members."""

    ops: frozenset[str] | None = None
    users: frozenset[str] | None = None
    attempts: frozenset[int] | None = None
    after_calls: int = 0
    until_calls: float = math.inf
    after_s: float = 0.0
    until_s: float = math.inf

    def __post_init__(self) -> None:
        """Refuse operations that the simulator does not have: such a rule would never apply."""
        if self.ops is not None and (unknown := self.ops - set(OPERATIONS)):
            raise ValueError(f"faults: unknown operations {sorted(unknown)}")

    def holds(self, call: Call, calls: int, attempt: int, elapsed_s: float) -> bool:
        """Say whether the call passes every condition."""
        return (
            (self.ops is None or call.op in self.ops)
            and (self.users is None or not self.users.isdisjoint(call.names))
            and (self.attempts is None or attempt in self.attempts)
            and self.after_calls < calls <= self.until_calls
            and self.after_s <= elapsed_s < self.until_s
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Condition):
    """One rule: which calls fail, and how."""

    kind: str
    when: Literal["before", "after"] = "before"
    rate: float = 1.0
    times: float = math.inf
    seconds: float = math.inf
    code: str | None = None
    message: str | None = None
    status: int | None = None

    def __post_init__(self) -> None:
        """Refuse a kind or a moment that does not exist."""
        Condition.__post_init__(self)
        if self.kind not in {*ERRORS, *TRANSPORT, *PAGES} or self.when not in ("before", "after"):
            raise ValueError(f"faults: no such rule: {self.kind} {self.when}")
        if not 0 <= self.rate <= 1:
            raise ValueError(f"faults: rate {self.rate:g} is no probability, from 0 to 1")

    @property
    def prevents(self) -> bool:
        """Whether the operation is not executed; it is executed if its answer only comes late."""
        late = self.kind == "hang" and math.isfinite(self.seconds)
        return self.when == "before" and self.kind not in PAGES and not late

    @property
    def error(self) -> tuple[str, str, int]:
        """Code, message and status of the answer."""
        code, message, status = ERRORS[self.kind]
        return self.code or code, self.message or message, self.status or status


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency(Condition):
    """How long answers take: a fixed part and a lognormal one given by two percentiles."""

    fixed_ms: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0

    def __post_init__(self) -> None:
        """Refuse percentiles in the wrong order."""
        Condition.__post_init__(self)
        if 0 < self.p99_ms < self.p50_ms:
            raise ValueError(f"faults: p99_ms {self.p99_ms:g} is less than p50_ms {self.p50_ms:g}")

    def seconds(self, chance: float) -> float:
        """Give the delay at quantile `chance` (between 0 and 1)."""
        if self.p50_ms <= 0:
            return self.fixed_ms / 1000
        sigma = math.log(max(self.p99_ms, self.p50_ms) / self.p50_ms) / _Z99
        z = NormalDist().inv_cdf(min(max(chance, 1e-9), 1 - 1e-9))
        return (self.fixed_ms + self.p50_ms * math.exp(sigma * z)) / 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTraffic:
    """Calls of other clients of the account in one category, `rps` a second."""

    category: str
    rps: float
    random: bool = False
    after_s: float = 0.0
    until_s: float = math.inf

    def __post_init__(self) -> None:
        """Refuse an unknown category, and traffic that never comes."""
        if self.category not in CATEGORIES:
            raise ValueError(f"faults: no such quota category: {self.category}")
        if self.rps <= 0:
            raise ValueError(f"faults: live traffic needs more than {self.rps} calls a second")

    def moments(self, chance: Random) -> Iterator[float]:
        """Give the seconds at which the calls come, in their order."""
        start = self.after_s
        while start < self.until_s:
            yield start if self.random else start + chance.random() / self.rps
            start += chance.expovariate(self.rps) if self.random else 1 / self.rps


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An edit of users, made once: at a numbered call, or around one attempt."""

    do: dict[str, Any]
    at_call: int | None = None
    on: dict[str, Any] | None = None
    when: Literal["before", "after"] = "before"

    def __post_init__(self) -> None:
        """Refuse a step that would never be made, or twice."""
        if (self.at_call is None) == (self.on is None):
            raise ValueError("faults: a step of a script needs either at_call or on")

    def due(self, call: Call, calls: int, attempt: int) -> bool:
        """Say whether this is the call that the step belongs to."""
        if self.on is None:
            return calls == self.at_call
        return (
            call.op == self.on["op"]
            and (self.on.get("user") is None or self.on["user"] in call.names)
            and attempt == self.on.get("attempt", 1)
        )


class On(BaseModel):
    """The call around which a step of a script is made."""

    model_config = STRICT

    op: str
    user: str | None = None
    attempt: int = 1


class _StepRow(BaseModel):
    model_config = STRICT

    do: Edit
    at_call: int | None = None
    on: On | None = None
    when: str = "before"


class FaultFile(BaseModel):
    """A fault document, but for the rows of rules, latency and live traffic."""

    model_config = STRICT

    seed: int | str = 0
    rules: list[dict[str, Any]] = []
    latency: list[dict[str, Any]] = []
    live_traffic: list[dict[str, Any]] = []
    list_lag_s: NonNegativeFloat = 0.0
    read_lag_ms: NonNegativeFloat = 0.0
    script: list[_StepRow] = []
    unsettled: dict[str, bool | str] = {}


_Row = TypeVar("_Row", Rule, Latency, LiveTraffic, Step)


def read_rows(kind: type[_Row], member: str, document: Mapping[str, Any]) -> tuple[_Row, ...]:
    """Build the rows of one member.

    Raises:
        ValueError: A member that `kind` does not have, one that it lacks, or one of a wrong type.
    """
    rows = document.get(member, ())
    known = {f.name for f in fields(kind)}
    for number, row in enumerate(rows):
        if unknown := set(row) - known:
            names = f"{sorted(unknown)}; known are {', '.join(sorted(known))}"
            raise ValueError(f"{member}[{number}]: not known are {names}")
    return built(tuple[kind, ...], rows, member)  # type: ignore[valid-type]
