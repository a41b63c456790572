"""setup-pool against a pool and an IAM of our own, on a clock of our own."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from migrate_mfa.domain.errors import MigrateMfaError, NotAllowed, OutOfReach, PoolNotReady, UsageError
from migrate_mfa.domain.failure import ApiError
from migrate_mfa.domain.model import MfaMode, PoolFacts
from migrate_mfa.pool_setup.apply import ROLE_PATIENCE_S, PoolSetup
from migrate_mfa.pool_setup.plan import Members, PoolMfa, SmsOptions
from migrate_mfa.pool_setup.role import POLICY_NAME, PUBLISH, FoundRole, SmsRole, role_for
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.builders import a_pool
from tests.support.clock import FakeClock

ARN = "arn:aws:cognito-idp:ap-northeast-1:123456789012:userpool/ap-northeast-1_Test00001"
ROLE = role_for(ARN)
OWN = {"SnsCallerArn": "arn:aws:iam::123456789012:role/own", "ExternalId": "own-id"}
OTHER_ARN = "arn:aws:iam::123456789012:role/other"
TOTP: dict[str, Any] = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
REST: dict[str, Any] = {
    **TOTP,
    "EmailMfaConfiguration": {"Message": "Code {####}", "Subject": "Hello"},
    "WebAuthnConfiguration": {"RelyingPartyId": "example.com", "UserVerification": "required"},
}
TRUST_ERROR = "InvalidSmsRoleTrustRelationshipException"
Faults = dict[str, list[str | Callable[[], None]]]


@dataclass
class World:
    """A pool and its account's roles. `faults`: by operation, what the next attempts meet."""

    config: dict[str, Any] = field(default_factory=lambda: {"MfaConfiguration": "OFF"})
    sms: dict[str, Any] = field(default_factory=dict)
    facts: PoolFacts = field(default_factory=a_pool)
    roles: dict[str, FoundRole] = field(default_factory=dict)
    faults: Faults = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    written: list[dict[str, Any]] = field(default_factory=list)
    spoil: Callable[[dict[str, Any]], None] = lambda _: None

    def _meet(self, operation: str) -> None:
        self.made.append(operation)
        waiting = self.faults.get(operation)
        fault = waiting.pop(0) if waiting else ""
        if callable(fault):
            fault()
        elif fault:
            code, _, status = fault.partition(":")
            raise ApiError(operation=operation, code=code, status=int(status or 400))

    def read(self) -> PoolMfa:
        self._meet("Get")
        mode = MfaMode(self.config["MfaConfiguration"])
        sms = self.sms | self.config.get("SmsMfaConfiguration", {})
        facts = replace(self.facts, mfa=mode, sms_configured=bool(self.config.get("SmsMfaConfiguration")))
        return PoolMfa(facts, ARN, copy.deepcopy(self.config), sms)

    def write(self, members: Members) -> None:
        self._meet("Set")
        self.config = copy.deepcopy(dict(members))
        self.written.append(copy.deepcopy(self.config))
        self.spoil(self.config)

    def find(self, name: str) -> FoundRole | None:
        self._meet("GetRole")
        return self.roles.get(name)

    def trust(self, arn: str) -> Members | None:
        self._meet("GetRole")
        found = self.roles.get(arn.rpartition("/")[2])
        return found.trust if found else None

    def create(self, role: SmsRole) -> bool:
        self._meet("CreateRole")
        if role.name in self.roles:
            return False
        self.roles[role.name] = FoundRole(role.trust, {})
        return True

    def allow_publish(self, role: SmsRole) -> None:
        self._meet("PutRolePolicy")
        self.roles[role.name] = replace(self.roles[role.name], inline={POLICY_NAME: PUBLISH})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stop() -> Stop:
    return Stop()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def open_setup(clock: FakeClock, stop: Stop, said: list[str]) -> Callable[[World], PoolSetup]:
    return lambda world: PoolSetup(world, world, clock=clock, stop=stop, say=said.append)


@pytest.fixture
def set_up(open_setup: Callable[[World], PoolSetup]) -> Callable[..., PoolSetup]:
    """Plan and apply at once."""

    def both(world: World, **options: str) -> PoolSetup:
        setup = open_setup(world)
        setup.apply(setup.plan(SmsOptions(**options)))
        return setup

    return both


SetUp = Callable[..., PoolSetup]
Open = Callable[[World], PoolSetup]


# --- the plan --------------------------------------------------------------------------------------------


def test_a_pool_without_sms_gets_optional_and_a_role(open_setup: Open) -> None:
    plan = open_setup(World()).plan(SmsOptions())

    path = {"SnsCallerArn": ROLE.arn, "ExternalId": ROLE.external_id}
    assert plan.after == {
        "MfaConfiguration": "OPTIONAL",
        "SmsMfaConfiguration": {"SmsConfiguration": path},
    }
    assert plan.role == ROLE
    assert str(plan.changes[0]) == "MfaConfiguration: OFF → OPTIONAL"


@pytest.mark.parametrize("mode", ["OFF", "OPTIONAL"])
def test_every_other_block_is_kept(set_up: SetUp, mode: str) -> None:
    world = World({"MfaConfiguration": mode, **REST})

    set_up(world)

    assert {name: block for name, block in world.config.items() if name in REST} == REST
    assert world.config["MfaConfiguration"] == "OPTIONAL"


def test_the_pool_s_own_role_and_message_are_used_also_when_mfa_does_not_show_them(set_up: SetUp) -> None:
    world = World(sms={"SmsConfiguration": OWN, "SmsAuthenticationMessage": "Your {####}"})

    set_up(world)

    assert world.config["SmsMfaConfiguration"] == world.sms
    assert set(world.made) == {"Get", "Set"}


def test_a_pool_on_end_user_messaging_stays_on_it(set_up: SetUp) -> None:
    path = {"EumsSms": {"CallerArn": OTHER_ARN, "ExternalId": "x", "OriginationIdentity": "o"}}
    world = World(sms={"SmsConfiguration": path})

    set_up(world)

    assert world.config["SmsMfaConfiguration"] == {"SmsConfiguration": path}
    assert not world.roles


def test_a_role_that_is_given_is_used_and_the_rest_of_the_path_is_kept(set_up: SetUp) -> None:
    world = World(sms={"SmsConfiguration": {**OWN, "SnsRegion": "ap-northeast-1"}})

    set_up(world, sms_role_arn=OTHER_ARN, external_id="other-id")

    path = world.config["SmsMfaConfiguration"]["SmsConfiguration"]
    assert path == {"SnsCallerArn": OTHER_ARN, "ExternalId": "other-id", "SnsRegion": "ap-northeast-1"}
    assert not world.roles


def test_the_region_of_sns_is_written_where_it_is_given(set_up: SetUp) -> None:
    world = World()

    set_up(world, sns_region="ap-northeast-1")

    assert world.config["SmsMfaConfiguration"]["SmsConfiguration"]["SnsRegion"] == "ap-northeast-1"


def ready() -> World:
    sms = {"SmsConfiguration": OWN}
    return World({"MfaConfiguration": "OPTIONAL", "SmsMfaConfiguration": sms, **REST})


@pytest.mark.parametrize("options", [SmsOptions(), SmsOptions(sms_role_arn=OWN["SnsCallerArn"])])
def test_a_pool_that_is_ready_has_no_changes(open_setup: Open, options: SmsOptions) -> None:
    assert open_setup(ready()).plan(options).changes == ()


def test_a_pool_whose_role_does_not_work_is_not_ready(open_setup: Open) -> None:
    world = ready()
    world.facts = a_pool(sms_failure="InvalidSmsRoleAccessPolicyException")

    with pytest.raises(PoolNotReady, match="cannot send SMS"):
        open_setup(world).plan(SmsOptions())


@pytest.mark.parametrize("sms", [{}, {"SmsMfaConfiguration": {"SmsConfiguration": OWN}}])
def test_a_pool_that_requires_mfa_is_left_as_it_is(open_setup: Open, sms: dict[str, Any]) -> None:
    world = World({"MfaConfiguration": "ON", **sms, **TOTP})

    with pytest.raises(PoolNotReady, match=r"requires MFA \(ON, with(out)? SMS\)"):
        open_setup(world).plan(SmsOptions())


def test_a_pool_in_which_no_number_can_be_set_gets_no_sms(open_setup: Open) -> None:
    with pytest.raises(PoolNotReady, match="phone_number cannot be changed"):
        open_setup(World(facts=a_pool(phone_mutable=False))).plan(SmsOptions())


@pytest.mark.parametrize(
    ("sms", "options", "message"),
    [
        ({}, SmsOptions(external_id="x"), "--external-id needs --sms-role-arn"),
        ({}, SmsOptions(sms_role_arn=OTHER_ARN), "--sms-role-arn needs --external-id"),
        ({"SmsConfiguration": OWN}, SmsOptions(sms_role_arn=OTHER_ARN), "--sms-role-arn needs"),
        ({"SmsConfiguration": {"EumsSms": {"CallerArn": "a"}}}, SmsOptions(sns_region="x"), "End User"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    open_setup: Open, sms: dict[str, Any], options: SmsOptions, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        open_setup(World(sms=sms)).plan(options)


def trusting(*external_ids: str, **more: Any) -> FoundRole:
    """A role that lets Cognito in, with a statement for each external id."""
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": "cognito-idp.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": each}} | more,
        }
        for each in external_ids
    ]
    return FoundRole({"Version": "2012-10-17", "Statement": statements}, {})


def test_the_external_id_of_a_given_role_is_read_from_its_trust_policy(set_up: SetUp) -> None:
    world = World(roles={"other": trusting("theirs")})

    set_up(world, sms_role_arn=OTHER_ARN)

    path = {"SnsCallerArn": OTHER_ARN, "ExternalId": "theirs"}
    assert world.written[-1]["SmsMfaConfiguration"] == {"SmsConfiguration": path}
    assert set(world.made) & {"CreateRole", "PutRolePolicy"} == set()


def test_an_external_id_that_is_given_is_not_looked_for(set_up: SetUp) -> None:
    world = World(roles={"other": trusting("theirs")})

    set_up(world, sms_role_arn=OTHER_ARN, external_id="mine")

    assert "GetRole" not in world.made
    assert world.written[-1]["SmsMfaConfiguration"]["SmsConfiguration"]["ExternalId"] == "mine"


def test_another_pools_external_id_is_not_taken(open_setup: Open) -> None:
    other = {"ArnLike": {"aws:SourceArn": ARN.replace("Test00001", "Other0001")}}
    mixed = [*trusting("theirs").trust["Statement"], *trusting("of-another", **other).trust["Statement"]]
    world = World(roles={"other": FoundRole({"Statement": mixed}, {})})

    plan = open_setup(world).plan(SmsOptions(sms_role_arn=OTHER_ARN))

    assert plan.after["SmsMfaConfiguration"]["SmsConfiguration"]["ExternalId"] == "theirs"


@pytest.mark.parametrize(
    ("roles", "faults", "why"),
    [
        ({}, {}, "there is no role"),
        ({"other": trusting()}, {}, "has none"),
        ({"other": trusting("*")}, {}, "has none"),
        ({"other": trusting("a", "b")}, {}, "has 2 of them"),
        ({"other": trusting("a")}, {"GetRole": ["AccessDenied:403"]}, "may not read it"),
    ],
)
def test_the_external_id_is_asked_for_only_where_it_cannot_be_read(
    open_setup: Open, roles: dict[str, FoundRole], faults: Faults, why: str
) -> None:
    world = World(roles=roles, faults=faults)

    with pytest.raises(UsageError, match=f"--sms-role-arn needs --external-id: .*{why}"):
        open_setup(world).plan(SmsOptions(sms_role_arn=OTHER_ARN))

    assert world.written == []


def test_a_role_of_another_partition_is_refused(open_setup: Open) -> None:
    with pytest.raises(UsageError, match="partition aws-cn, and the pool of aws"):
        open_setup(World()).plan(SmsOptions(sms_role_arn=OTHER_ARN.replace("arn:aws:", "arn:aws-cn:")))


# --- the act ---------------------------------------------------------------------------------------------


def test_the_role_comes_first_then_one_write_then_a_look(set_up: SetUp) -> None:
    world = World()

    setup = set_up(world)

    order = ["Get", "GetRole", "GetRole", "CreateRole", "PutRolePolicy", "Get", "Set", "Get"]
    assert world.made == order
    assert world.roles == {ROLE.name: FoundRole(ROLE.trust, {POLICY_NAME: PUBLISH})}
    assert setup.created == ROLE.arn


@pytest.mark.parametrize("inline", [{}, {POLICY_NAME: PUBLISH}])
def test_a_role_of_an_earlier_try_is_gone_on_with(set_up: SetUp, inline: dict[str, Any]) -> None:
    world = World(roles={ROLE.name: FoundRole(role_for(ARN, "earlier").trust, inline)})

    set_up(world)

    assert "CreateRole" not in world.made
    assert ("PutRolePolicy" in world.made) == (not inline)
    assert world.config["SmsMfaConfiguration"]["SmsConfiguration"]["ExternalId"] == "earlier"


def test_a_role_with_our_name_that_is_not_ours_is_refused_before_any_write(open_setup: Open) -> None:
    attached = ("arn:aws:iam::aws:policy/AdministratorAccess",)
    world = World(roles={ROLE.name: FoundRole(ROLE.trust, {}, attached)})

    with pytest.raises(PoolNotReady, match="attached policies"):
        open_setup(world).plan(SmsOptions())


def test_a_role_that_somebody_else_makes_at_this_moment_is_not_used(set_up: SetUp) -> None:
    world = World()
    theirs = {ROLE.name: FoundRole(role_for(ARN, "theirs").trust, {})}
    world.faults = {"CreateRole": [lambda: world.roles.update(theirs)]}

    with pytest.raises(PoolNotReady, match="somebody else"):
        set_up(world)
    assert not world.written


def test_a_lost_answer_to_createrole_does_not_hide_that_the_role_is_ours(set_up: SetUp) -> None:
    world = World()

    def executed_and_lost() -> None:
        world.roles[ROLE.name] = FoundRole(ROLE.trust, {})
        raise ApiError(operation="CreateRole", code="ConnectionLost")

    world.faults = {"CreateRole": [executed_and_lost]}

    set_up(world)

    assert world.made.count("CreateRole") == 2
    assert world.config["MfaConfiguration"] == "OPTIONAL"


@pytest.mark.parametrize("code", [TRUST_ERROR, "InvalidSmsRoleAccessPolicyException"])
def test_the_seconds_in_which_a_new_role_is_refused_are_waited_out(
    set_up: SetUp, clock: FakeClock, said: list[str], code: str
) -> None:
    world = World(faults={"Set": [code] * 5, "PutRolePolicy": ["NoSuchEntity:404"]})

    set_up(world)

    assert world.config["MfaConfiguration"] == "OPTIONAL"
    assert 10 <= sum(clock.naps) <= ROLE_PATIENCE_S
    assert len(said) == 2


def test_patience_with_a_new_role_ends(set_up: SetUp, clock: FakeClock) -> None:
    world = World(faults={"Set": [TRUST_ERROR] * 1000})

    with pytest.raises(PoolNotReady, match=TRUST_ERROR):
        set_up(world)

    assert ROLE_PATIENCE_S - 6 < sum(clock.naps) <= ROLE_PATIENCE_S


def test_a_role_that_was_given_is_refused_at_once(set_up: SetUp, clock: FakeClock) -> None:
    world = World(faults={"Set": [TRUST_ERROR] * 1000})

    with pytest.raises(PoolNotReady, match="SMS role does not work"):
        set_up(world, sms_role_arn=OTHER_ARN, external_id="x")

    assert clock.naps == []


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "ConcurrentModificationException", "InternalErrorException:500"]
)
def test_faults_that_pass_are_waited_out(set_up: SetUp, code: str) -> None:
    world = World(faults={"Get": [code], "CreateRole": [code], "Set": [code, code]})

    set_up(world)

    assert world.config["MfaConfiguration"] == "OPTIONAL"


def test_a_lost_answer_to_the_write_is_looked_at_and_not_written_twice(set_up: SetUp) -> None:
    world = World(sms={"SmsConfiguration": OWN})

    def lose(_: dict[str, Any]) -> None:
        world.spoil = lambda _: None
        raise ApiError(operation="SetUserPoolMfaConfig", code="ConnectionLost")

    world.spoil = lose

    set_up(world)

    assert len(world.written) == 1


@pytest.mark.parametrize(
    ("operation", "code", "error"),
    [
        ("Get", "AccessDeniedException", NotAllowed),
        ("GetRole", "AccessDenied", NotAllowed),
        ("CreateRole", "AccessDenied:403", NotAllowed),
        ("Set", "AccessDeniedException", NotAllowed),
        ("Set", "InvalidParameterException", PoolNotReady),
        ("Set", "FeatureUnavailableInTierException", PoolNotReady),
        ("CreateRole", "LimitExceeded:409", PoolNotReady),
        ("Get", "ResourceNotFoundException", PoolNotReady),
        ("Get", "OperationNotEnabledException", PoolNotReady),
    ],
)
def test_a_refusal_is_not_repeated(
    set_up: SetUp, operation: str, code: str, error: type[MigrateMfaError]
) -> None:
    world = World(faults={operation: [code] * 3})

    with pytest.raises(error):
        set_up(world)

    assert len(world.faults[operation]) == 2
    assert not world.written


def test_an_aws_that_stays_silent_is_out_of_reach(set_up: SetUp) -> None:
    with pytest.raises(OutOfReach, match="does not answer"):
        set_up(World(faults={"Get": ["ConnectionLost:0"] * 100}))


def test_a_role_that_was_made_is_known_when_a_later_step_fails(open_setup: Open) -> None:
    setup = open_setup(World(faults={"Set": ["AccessDeniedException"]}))

    with pytest.raises(NotAllowed):
        setup.apply(setup.plan(SmsOptions()))

    assert setup.created == ROLE.arn


def test_a_pool_that_somebody_changes_between_read_and_write_is_not_written(open_setup: Open) -> None:
    world = World(sms={"SmsConfiguration": OWN})
    setup = open_setup(world)
    plan = setup.plan(SmsOptions())
    world.config |= TOTP

    with pytest.raises(PoolNotReady, match=r"changed the pool meanwhile.*SoftwareTokenMfaConfiguration"):
        setup.apply(plan)
    assert not world.written


def test_a_change_between_two_attempts_to_write_is_seen_too(set_up: SetUp) -> None:
    world = World(faults={"Set": [TRUST_ERROR, TRUST_ERROR]})
    world.faults["Get"] = ["", "", "", lambda: world.config.update(TOTP)]

    with pytest.raises(PoolNotReady, match="meanwhile"):
        set_up(world)
    assert not world.written


def test_another_path_that_somebody_gives_the_pool_meanwhile_is_not_replaced(open_setup: Open) -> None:
    world = World()
    setup = open_setup(world)
    plan = setup.plan(SmsOptions())
    world.sms = {"SmsConfiguration": OWN}

    with pytest.raises(PoolNotReady, match="meanwhile"):
        setup.apply(plan)
    assert not world.written


def test_what_reads_back_otherwise_is_an_error_that_says_what_differs(set_up: SetUp) -> None:
    world = World(
        {"MfaConfiguration": "OFF", **REST}, spoil=lambda config: config.pop("EmailMfaConfiguration")
    )

    with pytest.raises(PoolNotReady, match="was accepted, but") as caught:
        set_up(world)

    assert "EmailMfaConfiguration.Subject: Hello → (none)" in caught.value.message
    assert "WebAuthn" not in caught.value.message


def test_a_look_that_lags_is_repeated(set_up: SetUp) -> None:
    world = World(sms={"SmsConfiguration": OWN})
    late: list[dict[str, Any]] = []

    def hide(config: dict[str, Any]) -> None:
        late.append(config)
        world.config = {"MfaConfiguration": "OFF"}
        world.faults["Get"] = ["", "", lambda: setattr(world, "config", late[0])]

    world.spoil = hide

    set_up(world)

    assert len(world.written) == 1


def test_a_second_setup_finds_nothing_to_do(set_up: SetUp, open_setup: Open) -> None:
    world = World()
    set_up(world)

    assert open_setup(world).plan(SmsOptions()).changes == ()


def test_a_signal_ends_the_waiting(open_setup: Open, stop: Stop) -> None:
    world = World(faults={"Set": [TRUST_ERROR] * 9})
    world.faults["Get"] = ["", "", lambda: stop.request(StopCause.SIGINT)]
    setup = open_setup(world)

    with pytest.raises(Stopped):
        setup.apply(setup.plan(SmsOptions()))
    assert setup.created == ROLE.arn
    assert not world.written


@pytest.mark.parametrize("sms", [{}, {"SmsConfiguration": OWN}])
def test_a_signal_before_the_first_write_ends_it_without_one(
    open_setup: Open, stop: Stop, sms: dict[str, Any]
) -> None:
    world = World(sms=sms)
    setup = open_setup(world)
    plan = setup.plan(SmsOptions())
    stop.request(StopCause.SIGINT)

    with pytest.raises(Stopped):
        setup.apply(plan)
    assert not world.written
    assert not world.roles


def test_who_only_prints_need_not_see_iam(open_setup: Open) -> None:
    world = World(faults={"GetRole": ["AccessDenied"]})

    plan = open_setup(world).plan(SmsOptions(), read_only=True)

    assert plan.role == ROLE
