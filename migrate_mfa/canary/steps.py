"""The steps of a canary: what is done with the user, asked and reported. `canary.walk` makes them."""

from dataclasses import dataclass
from typing import Protocol

from migrate_mfa.domain.decide import decide
from migrate_mfa.domain.errors import PoolNotReady
from migrate_mfa.domain.model import (
    Candidate,
    MfaMode,
    NumberClaims,
    Phone,
    Plan,
    Policy,
    PoolFacts,
    Position,
    StorePhone,
    UserState,
    Verdict,
    VerificationPolicy,
)
from migrate_mfa.domain.reasons import Reason


class Questions(Protocol):
    """The person at the terminal. A signal during a question raises `Stopped`."""

    def password(self) -> str:
        """The user's password; never blank, never echoed."""
        ...

    def code(self, destination: str) -> str:
        """The code of the SMS that was sent to `destination`; blank if none has arrived."""
        ...

    def agree(self, question: str) -> bool:
        """Yes or no."""
        ...

    def say(self, text: str) -> None:
        """Print information before the next question."""
        ...


@dataclass(frozen=True, slots=True)
class Walked:
    """One step: `ok`, `failed`, `stopped`, or `noted` if it was not possible and does not matter."""

    name: str
    operation: str
    status: str
    seconds: float
    """The time spent in calls, without the time that the person needed to answer."""
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The steps for one user. Without `store`, `prove` and `enable` only the sign-in is tested."""

    state: UserState
    candidate: Candidate
    phone: Phone
    attested: bool
    first_sign_in: bool
    store: bool
    prove: bool
    enable: bool

    @property
    def sms(self) -> int:
        """How many SMS are sent if no code is requested twice."""
        return int(self.prove) + 1

    @property
    def writes(self) -> bool:
        """Whether it changes the user."""
        return self.store or self.prove or self.enable

    @property
    def proves_by_signing_in(self) -> bool:
        """Whether the code of the sign-in itself marks the number verified ("SMS and email message MFA")."""
        return not self.writes and not self.state.phone_verified

    @property
    def path(self) -> str:
        """Its name in the JSON output."""
        if not self.writes:
            return "sign-in only"
        return "attested" if self.attested else "by code"


def policy_of(*, attested: bool) -> Policy:
    """The verification policy by which the user is decided."""
    return Policy(verification=VerificationPolicy.ATTESTED if attested else VerificationPolicy.BY_CODE)


def find_way(
    state: UserState, phone: Phone, *, pool: PoolFacts, attested: bool, claims: NumberClaims | None = None
) -> Way | Verdict:
    """Decide about the user as `plan` would, and choose the steps by hand.

    Raises:
        PoolNotReady: MFA is required here, so the user cannot sign in to set a number.
    """
    at = Position(row=1, first_line=1, last_line=1)
    candidate = Candidate(at=at, sub=state.sub, username=state.username, phone=phone)
    policy = policy_of(attested=attested)
    decision = decide(candidate, state, pool=pool, policy=policy, claims=claims)
    if isinstance(decision, Verdict) and decision.reason not in _WALKED:
        return decision
    challenged = pool.mfa is MfaMode.ON or bool(state.mfa and state.mfa.sms_in_effect)
    by_code = state.proven_phone != phone.e164 and not (attested or challenged)
    if challenged and not attested and state.phone != phone.e164:
        raise PoolNotReady(
            f"Pool {pool.name} requires MFA: without a factor the user cannot sign in to set a number.",
            "Use --attested: an administrator sets the number then.",
        )
    steps = decision.steps if isinstance(decision, Plan) else ()
    return Way(
        state=state,
        candidate=candidate,
        phone=phone,
        attested=attested,
        first_sign_in=not challenged,
        store=any(isinstance(step, StorePhone) for step in steps),
        prove=by_code,
        enable=not challenged,
    )


_WALKED = frozenset({Reason.ALREADY_ENROLLED, Reason.AWAITING_CODE, Reason.ENROLLED})
