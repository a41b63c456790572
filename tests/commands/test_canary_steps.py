"""What `canary` finds out about a user and an app client, and goes, in this process, without a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.canary.canary import Canary, Request, _refusal, open_canary, undo
from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.option_groups import ReadingRoster
from migrate_mfa.domain.errors import Declined, ExitCode, InputUnusable, PoolNotReady
from migrate_mfa.domain.model import Verdict
from migrate_mfa.domain.reasons import LIFTABLE, Reason
from migrate_mfa.journal.run_dir import lock_lane
from migrate_mfa.settings import Settings
from tests.commands.support import POOL_ID, a_member, phone_of, pool_document, state
from tests.support.fakes import SilentProgress
from tests.support.hosted import hosted
from tests.support.sign_in import Typist

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrate_mfa.canary.steps import Walked, Way
    from migrate_mfa.simulator import Running

PASSWORD, SECRET = "Abcd-1234", "the_secret_of_the_app_client"
FLOWS = ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
USERS = [
    a_member("ann", password=PASSWORD),
    a_member("bob", phone=phone_of(1), verified=True, password=PASSWORD),
    a_member("cem", phone=phone_of(2), password=PASSWORD),
    a_member("odd", phone="+12345", password=PASSWORD),
    a_member("old", phone="+8109012345678", password=PASSWORD),
    a_member("app", UserMFASettingList=["SOFTWARE_TOKEN_MFA"]),
    a_member("key", ConfiguredUserAuthFactors=["PASSWORD", "WEB_AUTHN"]),
]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    config = {
        "AliasAttributes": ["email", "phone_number"],
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}},
    }
    document = pool_document(USERS, config=config)
    document["pools"][0]["clients"] = [
        {"ClientName": "app", "ClientId": "app", "ExplicitAuthFlows": FLOWS, "ClientSecret": SECRET}
    ]
    with hosted(document) as found:
        yield found


@pytest.fixture(autouse=True)
def as_before(running: Running) -> Iterator[None]:
    """Every test finds bob as the pool file has him."""
    yield
    bob: dict[str, Any] = {"Username": "bob", "UserMFASettingList": [], "PreferredMfaSetting": None}
    running.control("users", {"pool": POOL_ID, "upsert": [bob]})


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def _code(running: Running, user: str) -> str:
    return str(running.control(f"outbox?user={user}")["messages"][-1]["code"])


def settings(running: Running, run_dir: Path, phone_country: str | None = None) -> Settings:
    return Settings(
        user_pool_id=POOL_ID,
        run_dir=run_dir,
        aws=Aws(endpoint_url=running.endpoint),
        reading=ReadingRoster(phone_country=phone_country),
    )


class Visit:
    """One canary, gone as far as it goes."""

    def __init__(
        self,
        running: Running,
        run_dir: Path,
        user: str,
        phone: str | None = None,
        *,
        attested: bool = False,
        agrees: bool = True,
        phone_country: str | None = None,
    ) -> None:
        self.person = Typist(lambda: _code(running, user), password=PASSWORD, secret=SECRET)
        self.progress = SilentProgress()
        self.told: list[Walked] = []
        self._agrees = agrees
        self.settings = settings(running, run_dir, phone_country)
        request = Request(user=user, client_id="app", phone=phone, attested=attested)
        with open_canary(self.settings, request, self.progress) as self.canary:
            self.canary.go(self.person, self._confirm, self.told.append)

    def _confirm(self, canary: Canary, way: Way) -> None:
        if not self._agrees:
            raise Declined("Nothing was written.")

    @property
    def refusal(self) -> str:
        """Why the user is left alone."""
        (step,) = self.told
        assert (step.name, step.status) == ("read_user", "failed")
        assert (self.canary.way, self.canary.gone, self.canary.wrote) == (None, False, False)
        return step.says


@pytest.mark.parametrize(
    ("user", "phone", "says"),
    [
        ("nobody", phone_of(9), "user_not_found: Cognito does not find this user"),
        ("ann", None, "phone_missing: This user has no number in the pool: give one with --phone."),
        ("ann", "03-1234-5678", "not_sms_capable: a fixed line."),
        ("ann", "12", "invalid_phone: "),
        ("odd", None, "invalid_phone: "),
        ("old", None, "invalid_phone: "),
        ("ann", phone_of(1), "phone_taken: Another user of the pool has this number."),
        ("bob", phone_of(9), "phone_differs: "),
        ("key", phone_of(9), "has_passkey: "),
        ("app", phone_of(9), "has_totp: The user has an authenticator app"),
    ],
)
def test_who_is_left_alone_and_why(
    running: Running, tmp_path: Path, user: str, phone: str | None, says: str
) -> None:
    visit = Visit(running, tmp_path / "run", user, phone, phone_country="JP")

    assert visit.refusal.startswith(says)
    assert not (tmp_path / "run").exists()
    assert visit.person.asked == []


def test_without_a_number_given_it_is_the_one_in_the_pool_and_back(running: Running, tmp_path: Path) -> None:
    visit = Visit(running, tmp_path / "run", "cem")

    assert (visit.canary.walked, visit.canary.wrote) == (True, True)
    assert [step.operation for step in visit.told][:4] == [
        "AdminGetUser",
        "AdminInitiateAuth",
        "GetUserAttributeVerificationCode",
        "VerifyUserAttribute",
    ]
    assert state(running)["cem"]["PreferredMfaSetting"] == "SMS_MFA"

    assert undo(visit.settings, tmp_path / "run", visit.progress) == "restored"
    now = state(running)["cem"]
    assert (now["Attributes"]["phone_number_verified"], now.get("UserMFASettingList") or []) == ("false", [])


def test_a_secret_that_may_not_be_read_is_asked_for(running: Running, tmp_path: Path) -> None:
    denied = {"kind": "access_denied", "ops": ["DescribeUserPoolClient"]}
    running.control("faults", {"rules": [denied]})
    try:
        visit = Visit(running, tmp_path / "run", "bob")
    finally:
        running.control("faults", {})

    assert visit.canary.walked
    assert visit.person.asked == ["secret", "password", "code"]


@pytest.mark.parametrize(
    ("kind", "code"), [("access_denied", ExitCode.NOT_ALLOWED), ("expired_token", ExitCode.NOT_ALLOWED)]
)
def test_what_concerns_everybody_is_kept_for_the_end(
    running: Running, tmp_path: Path, kind: str, code: ExitCode
) -> None:
    running.control("faults", {"rules": [{"kind": kind, "ops": ["AdminSetUserMFAPreference"]}]})
    try:
        visit = Visit(running, tmp_path / "run", "bob")
    finally:
        running.control("faults", {})

    assert visit.canary.problem is not None
    assert visit.canary.problem.exit_code == code
    assert not visit.canary.walked
    assert visit.told[-1].name == "end_session"


def test_declined_leaves_no_trace(running: Running, tmp_path: Path) -> None:
    visit = Visit(running, tmp_path / "run", "bob", agrees=False)

    assert isinstance(visit.canary.problem, Declined)
    assert not (tmp_path / "run").exists()


def test_a_run_directory_serves_one_canary(running: Running, tmp_path: Path) -> None:
    first = Visit(running, tmp_path / "run", "bob")
    second = Visit(running, tmp_path / "run", "bob")

    assert first.canary.walked
    assert isinstance(second.canary.problem, InputUnusable)
    assert second.person.asked == []


def test_beside_a_run_it_goes_on_and_says_so(running: Running, tmp_path: Path) -> None:
    with open_canary(
        settings(running, tmp_path),
        Request(user="", client_id="app", phone=None, attested=False),
        SilentProgress(),
    ) as other:
        lane = other.session.lane
    lock = lock_lane(lane)
    try:
        visit = Visit(running, tmp_path / "run", "bob")
        assert undo(visit.settings, tmp_path / "run", visit.progress) == "restored"
    finally:
        os.close(lock)

    assert visit.canary.walked
    assert any("only a few calls" in text for text in visit.progress.said)


def test_a_pool_without_sms_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    config = {"SmsConfiguration": None, "MfaConfiguration": "OFF"}
    with hosted(pool_document([a_member("ann")], config=config)) as bare, pytest.raises(PoolNotReady):
        Visit(bare, tmp_path / "run", "ann", phone_of(1))


@pytest.mark.parametrize("reason", sorted(LIFTABLE))
def test_a_user_who_is_refused_is_told_no_option_that_canary_lacks(reason: Reason) -> None:
    told = _refusal(Verdict(reason))

    assert "--" not in told
    assert "take another user" in told or "--" not in reason.sentence
