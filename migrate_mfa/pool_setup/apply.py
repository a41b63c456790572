"""setup-pool: make a pool ready for SMS MFA, with SetUserPoolMfaConfig only; all other settings stay.

It can be repeated after any end: it finds the role by its name, reads the configuration before each attempt
to write it, and does not repeat what is already done.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from migrate_mfa.checks.preflight import require_settable_phone, require_sms_mfa
from migrate_mfa.checks.trust import SOURCE_ACCOUNT, SOURCE_ARN, external_ids
from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, OutOfReach, PoolNotReady, UsageError
from migrate_mfa.domain.failure import ApiError, Effect, run_problem
from migrate_mfa.domain.model import MfaMode
from migrate_mfa.domain.privacy import scrub
from migrate_mfa.pacing.retry import READS, retrying
from migrate_mfa.pool_setup.plan import (
    EUMS,
    MODE,
    PATH,
    SMS,
    SNS_ROLE,
    Change,
    Members,
    PoolMfa,
    PoolSettings,
    SetupPlan,
    SmsOptions,
    differences,
)
from migrate_mfa.pool_setup.role import POLICY_NAME, SmsRole, SmsRoles, adopt, role_for, role_name
from migrate_mfa.ports import Clock
from migrate_mfa.stop import Stop

T = TypeVar("T")

ROLE_PATIENCE_S = 120.0
"""How long Cognito may refuse a new role; IAM usually needs about ten seconds."""
_FIRST_NAP_S, _LONGEST_NAP_S = 1.0, 5.0
_READS_BACK = 5
_NOT_SEEN_YET = frozenset(
    {"InvalidSmsRoleTrustRelationshipException", "InvalidSmsRoleAccessPolicyException", "NoSuchEntity"}
)
_CLIENT_ERRORS = range(400, 500)
_RUN_AGAIN = "Run the same command again. It reads the pool again and continues."


class Refused(Exception):
    """A refusal that a retry cannot change."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.code)
        self.error = error


def needs_role(pool: PoolMfa, options: SmsOptions) -> bool:
    """Whether there is no role for sending: the pool has none, and none was given."""
    return not pool.path and options.sms_role_arn is None


def make_plan(pool: PoolMfa, options: SmsOptions, role: SmsRole | None) -> SetupPlan:
    """The whole configuration that would be written: the pool's own, with MFA OPTIONAL and an SMS path.

    Args:
        pool: the present pool.
        options: the operator's choices.
        role: the role to make or to reuse, if `needs_role`.

    Raises:
        PoolNotReady: this command cannot make the pool ready.
        UsageError: the options contradict each other or do not fit the pool.
    """
    require_possible(pool, options)
    path = dict(pool.sms.get(PATH) or {})
    if role is not None:
        path |= {SNS_ROLE: role.arn, "ExternalId": role.external_id}
    elif options.sms_role_arn is not None:
        path[SNS_ROLE] = options.sms_role_arn
    if options.external_id is not None:
        path["ExternalId"] = options.external_id
    if options.sns_region is not None:
        path["SnsRegion"] = options.sns_region
    after = {**pool.config, MODE: MfaMode.OPTIONAL.value, SMS: {**pool.sms, PATH: path}}
    plan = SetupPlan(pool, after, role)
    if not plan.changes:
        require_sms_mfa(pool.facts)
    return plan


def require_possible(pool: PoolMfa, options: SmsOptions) -> None:
    """Refuse a pool that this command cannot make ready, or would have to weaken.

    Raises:
        PoolNotReady, UsageError: as `make_plan`.
    """
    facts, given = pool.facts, options.sms_role_arn
    require_settable_phone(facts)
    if facts.mfa is MfaMode.ON:
        with_sms = "with SMS" if facts.sms_configured else "without SMS"
        raise PoolNotReady(
            f"Pool {facts.name} ({facts.id}) requires MFA (ON, {with_sms}): setup-pool leaves it as it is.",
            "It would have to make MFA optional for everybody, and that is your decision. In a pool with MFA "
            "ON and SMS, plan and run work with --verification attested or at-sign-in.",
        )
    if pool.path.get(EUMS) and options != SmsOptions():
        raise UsageError(
            "This pool sends text messages by AWS End User Messaging, not by SNS.",
            "setup-pool keeps that path: leave out --sms-role-arn, --external-id and --sns-region.",
        )
    if options.external_id is not None and given is None:
        raise UsageError("--external-id needs --sms-role-arn.", "It is the one in that role's trust policy.")
    if given is not None and (theirs := given.split(":")[1]) != (ours := pool.arn.split(":")[1]):
        raise UsageError(
            f"--sms-role-arn is of the partition {theirs}, and the pool of {ours}.",
            f"It begins with arn:{ours}:iam::",
        )


def needs_external_id(pool: PoolMfa, options: SmsOptions) -> bool:
    """Whether a role was given, but its external id comes neither from an option nor from the pool."""
    given = options.sms_role_arn
    return given is not None and options.external_id is None and pool.path.get(SNS_ROLE) != given


class PoolSetup:
    """Plans one setup and applies it."""

    def __init__(
        self,
        settings: PoolSettings,
        roles: SmsRoles,
        *,
        clock: Clock,
        stop: Stop,
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._roles = roles
        self._clock = clock
        self._stop = stop
        self._say = say
        self.created: str | None = None
        """The ARN of the role that was made, or None."""

    def plan(self, options: SmsOptions, *, read_only: bool = False) -> SetupPlan:
        """Read the pool, and decide what would be written.

        Args:
            options: the operator's choices.
            read_only: nothing will be written, so the caller need not be allowed to read IAM.

        Raises:
            MigrateMfaError: this pool cannot be made ready, or AWS does not answer.
        """
        pool = self._do(self._settings.read)
        require_possible(pool, options)
        if needs_external_id(pool, options):
            options = replace(options, external_id=self._external_id(pool, options.sms_role_arn or ""))
        role = None
        if needs_role(pool, options):
            role = self._role(pool, read_only=read_only) or role_for(pool.arn)
        return make_plan(pool, options, role)

    def apply(self, plan: SetupPlan) -> Members:
        """Make the role if one is needed, write the configuration, and read it back.

        Returns:
            The present configuration.

        Raises:
            MigrateMfaError: it was refused, or the pool is not as intended.
            Stopped: a signal came before the write or during a wait.
        """
        if plan.role is not None:
            self._ensure(plan.role, plan.pool.arn)
        patience = 0.0 if plan.role is None else ROLE_PATIENCE_S
        self._do(lambda: self._write(plan), patience_s=patience)
        return self._read_back(plan)

    def _role(self, pool: PoolMfa, *, read_only: bool) -> SmsRole | None:
        try:
            found = self._do(lambda: self._roles.find(role_name(pool.facts.id)))
        except NotAllowed:
            if read_only:
                return None
            raise
        return None if found is None else adopt(found, pool.arn)

    def _external_id(self, pool: PoolMfa, role_arn: str) -> str:
        """The external id that the role's trust policy has for this pool.

        Raises:
            UsageError: it cannot be read, or there is none, or there are several.
        """
        try:
            trust = self._do(lambda: self._roles.trust(role_arn))
        except NotAllowed as error:
            raise _asking(f"this caller may not read it in the role ({error.message})") from error
        if trust is None:
            raise _asking(f"there is no role {role_arn} to read it from")
        account = pool.arn.split(":")[4]
        found = external_ids(trust, {SOURCE_ACCOUNT: account, SOURCE_ARN: pool.arn})
        if len(found) != 1:
            several = f"has {len(found)} of them" if found else "has none"
            raise _asking(f"the role's trust policy {several} for Cognito and this pool")
        return found.pop()

    def _ensure(self, role: SmsRole, pool_arn: str) -> None:
        """Make the role, or the missing part of it."""
        self._stop.check()
        found = self._do(lambda: self._roles.find(role.name))
        if found is None:
            if not self._do(lambda: self._roles.create(role)):
                # It is ours if the answer to an earlier attempt was lost; otherwise somebody else has just
                # made it.
                found = self._do(lambda: self._roles.find(role.name))
            self.created = role.arn
        if found is not None and adopt(found, pool_arn) != role:
            raise PoolNotReady(f"The role {role.name} was made by somebody else just now.", _RUN_AGAIN)
        if found is None or POLICY_NAME not in found.inline:
            self._do(lambda: self._roles.allow_publish(role), patience_s=ROLE_PATIENCE_S)

    def _write(self, plan: SetupPlan) -> None:
        """One attempt. The configuration is replaced only if it is still the one that was planned from."""
        self._stop.check()
        now = self._settings.read()
        if not differences(now.config, plan.after):
            return
        changed = differences(plan.pool.config, now.config) or differences(plan.pool.sms, now.sms)
        if changed:
            raise PoolNotReady(
                f"Somebody else has changed the pool meanwhile, so it was not written: {_listed(changed)}.",
                _RUN_AGAIN,
            )
        self._settings.write(plan.after)

    def _read_back(self, plan: SetupPlan) -> Members:
        now = self._do(self._settings.read).config
        for _ in range(_READS_BACK):
            if not differences(plan.after, now):
                return now
            self._stop.sleep(self._clock, _FIRST_NAP_S)
            now = self._do(self._settings.read).config
        raise PoolNotReady(
            "SetUserPoolMfaConfig was accepted, but the pool is not as it was written: "
            f"{_listed(differences(plan.after, now))}.",
            "Check the pool in the console before you continue.",
        )

    def _do(self, attempt: Callable[[], T], *, patience_s: float = 0.0) -> T:
        """Repeat a call while that can help; for `patience_s` also while AWS does not yet see a new role."""
        until, nap = self._clock.monotonic() + patience_s, _FIRST_NAP_S
        while True:
            try:
                return self._repeat(attempt)
            except Refused as refused:
                seen = refused.error.code not in _NOT_SEEN_YET
                if seen or self._clock.monotonic() + nap > until:
                    raise _problem(refused.error) from refused.error
            if nap == _FIRST_NAP_S:
                self._say("AWS does not see the new role yet, which takes some seconds; trying again …")
            self._stop.sleep(self._clock, nap)
            nap = min(2 * nap, _LONGEST_NAP_S)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        # All calls here may be repeated: the write first checks whether it is already done.
        controller = retrying(READS, self._clock, self._stop)
        try:
            answer: T = controller(_or_refused, attempt)
        except ApiError as error:
            raise OutOfReach(f"AWS does not answer {error.operation} ({error.code}).", _RUN_AGAIN) from error
        return answer


def _asking(why: str) -> UsageError:
    return UsageError(
        f"--sms-role-arn needs --external-id: {why}.", "It is the one in that role's trust policy."
    )


def _or_refused(attempt: Callable[[], T]) -> T:
    try:
        return attempt()
    except ApiError as error:
        again = error.effect in {Effect.THROTTLED, Effect.NOT_EXECUTED}
        unknown = error.effect is Effect.UNKNOWN and error.status not in _CLIENT_ERRORS
        if again or unknown:
            raise
        raise Refused(error) from error


def _problem(error: ApiError) -> MigrateMfaError:
    said = f" AWS says: {scrub(error.message)}" if error.message else ""
    if error.effect is Effect.FATAL:
        problem = run_problem(error)
        return type(problem)(f"{problem.message}{said}", problem.hint)
    return PoolNotReady(f"{error.operation} was refused ({error.code}).{said}", _RUN_AGAIN)


def _listed(changes: tuple[Change, ...]) -> str:
    return "; ".join(map(str, changes))
