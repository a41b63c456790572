"""reconcile: what a later look at the pool finds out, and at what cost."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from migrate_mfa.domain.decide import decide, decide_again
from migrate_mfa.domain.model import (
    SMS_MFA,
    SOFTWARE_TOKEN_MFA,
    Decision,
    MfaMode,
    Phone,
    PhoneSignIn,
    PoolFacts,
    UserState,
)
from migrate_mfa.domain.reasons import Reason
from migrate_mfa.domain.rows import PlannedBy, PlannedRow, Revisited
from migrate_mfa.engine.apply_row import apply_row
from migrate_mfa.engine.reconcile import REPAIR, DriftKind, Reconciler, drift_kind
from migrate_mfa.journal.reconcile_store import ReconcileStore
from migrate_mfa.stop import StopCause, Stopped
from tests.support.builders import (
    AT_SIGN_IN,
    BY_CODE,
    OTHER_PHONE,
    PHONE,
    SMS_PREFERRED,
    THIRD_PHONE,
    a_candidate,
    a_policy,
    a_pool,
    a_user,
    mfa,
)
from tests.support.fakes import GET, LIST, MFA, UPDATE, FakeClock, FakeUserPool
from tests.support.scene import Scene

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator
    from pathlib import Path

    from migrate_mfa.domain.model import VerificationPolicy

SMALL = a_pool(estimated_users=10)
DAY_S = 86_400.0


class Nights(Scene):
    """A run directory after its run, and reconcile as often as a test wants it."""

    sms_left = 1000
    held_back = 0
    unread = 0

    @property
    def reconcile_store(self) -> ReconcileStore:
        return ReconcileStore(self.journal.database)

    def reconciler(self) -> Reconciler:
        return Reconciler(
            self.reconcile_store,
            self.user_pool,
            pool=self.user_pool.pool,
            decide=self._again,
            clock=self.clock,
            progress=self.progress,
            stop=self.stop,
        )

    def reconcile(self, *, deep: bool = False, repair: bool = False) -> Counter[Reason]:
        """One night, as the command puts the parts together."""
        self.clock.sleep(DAY_S)
        self.user_pool.calls.clear()
        self.reconcile_store.settle_repairs()
        reconciler = self.reconciler()
        reconciler.look()
        ended = reconciler.reopen_pending(self.sms_left)
        self.held_back = reconciler.held_back
        reconciler.find_drift(deep=deep)
        self.unread = reconciler.unread
        self.reconcile_store.forget_looks()
        if repair:
            for each in self.reconcile_store.drifts("", 1000):
                if each.kind == DriftKind.MFA_OFF:
                    self.reconcile_store.reopen([each.row], REPAIR, PlannedBy.REPAIR)
        for work in self.store.claim((PlannedBy.RECONCILE, PlannedBy.REPAIR), 0, 1000):
            apply_row(work, replace(self.context(), decide=self._work_again))
        self.reconcile_store.settle_repairs()
        return ended

    def _again(self, each: Revisited, state: UserState) -> Decision:
        return decide_again(
            each.candidate,
            state,
            was=each.was,
            pool=self.user_pool.pool,
            policy=self.policy,
            claims=each.claims,
        )

    def _work_again(self, work: PlannedRow, state: UserState) -> Decision:
        pool, claims = self.user_pool.pool, work.claims
        if work.verb is PlannedBy.RECONCILE:
            return decide_again(
                work.candidate, state, was=work.was, pool=pool, policy=self.policy, claims=claims
            )
        return decide(work.numberless(), state, pool=pool, policy=self.policy, claims=claims)

    def change(self, name: str, **changes: object) -> None:
        """Somebody changes a user, and the date of the last change moves."""
        user = self.user_pool.true_state(name)
        self.user_pool.put(replace(user, modified=user.modified + 10, **changes))  # type: ignore[arg-type]

    def change_unseen(self, name: str, **changes: object) -> None:
        """Somebody changes a user, and the date stays as it was."""
        self.user_pool.put(replace(self.user_pool.true_state(name), **changes))  # type: ignore[arg-type]

    @property
    def drift(self) -> dict[str, int]:
        return self.reconcile_store.drift_kinds()


@contextmanager
def nights(
    path: Path,
    *users: UserState,
    policy: VerificationPolicy | None = None,
    pool: PoolFacts = SMALL,
    despite: tuple[Reason, ...] = (),
) -> Iterator[Nights]:
    """A finished run over these users, each of whom was to get PHONE."""
    user_pool = FakeUserPool(users or (a_user(),), pool)
    made = Nights(path, user_pool, policy=a_policy(*([policy] if policy else []), despite=despite))
    try:
        names = [user.username for user in users] or ["ann"]
        made.plan(a_candidate(name, row=row) for row, name in enumerate(names, 1))
        made.settle_open()
        yield made
    finally:
        made.close()


def journal(scene: Nights) -> list[tuple[object, ...]]:
    tables = ("rows", "users", "before_images", "writes", "drift", "seen")
    return [tuple(row) for table in tables for row in scene.journal.database.query(f"SELECT * FROM {table}")]  # noqa: S608


# When nothing has changed


@pytest.mark.parametrize("policy", [None, BY_CODE, AT_SIGN_IN])
def test_a_night_on_which_nothing_changed_costs_the_scan_and_writes_nothing(
    tmp_path: Path, policy: VerificationPolicy | None
) -> None:
    users = [a_user(f"user{number}") for number in range(10)]
    with nights(tmp_path, *users, policy=policy) as scene:
        before = journal(scene)

        scene.reconcile()
        scene.reconcile()

        assert scene.user_pool.made() == [LIST]
        assert journal(scene) == before


def test_the_pool_is_scanned_only_where_that_is_cheaper_than_look_ups(tmp_path: Path) -> None:
    with nights(tmp_path, pool=a_pool(estimated_users=1_000_000)) as scene:
        scene.reconcile()

        assert [call.value for call in scene.user_pool.calls] != [None]
        assert len(scene.user_pool.made(LIST)) == 1


def test_numbers_that_sign_people_in_cost_no_second_look_up(tmp_path: Path) -> None:
    pool = a_pool(estimated_users=100, phone_sign_in=PhoneSignIn.ALIAS)
    with nights(tmp_path, pool=pool) as scene:
        scene.reconcile()

        assert len(scene.user_pool.made()) == 1


def test_a_list_that_is_older_than_our_last_look_is_no_news(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        stale = replace(a_user(), modified=0.5, mfa=None)
        scene.reconcile_store.see([stale])

        found = next(iter(scene.reconcile_store.revisited(0, 10)))

        assert found.new == stale
        assert not found.changed


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"modified": 9.0},
        {"modified": 0.5, "email": None},
        {"phone": "+819000000000"},
        {"email": None},
        {"email": "other@example.com"},
        {"email_verified": False},
        {"phone_verified": True},
        {"status": "RESET_REQUIRED"},
        {"enabled": False},
        {"username": "Ann"},
    ],
    ids=str,
)
def test_the_journal_itself_finds_who_has_changed(tmp_path: Path, change: dict[str, Any]) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        was = next(iter(scene.reconcile_store.revisited(0, 10))).old
        scene.reconcile_store.see([replace(was, **change)])

        [found] = scene.reconcile_store.revisited(0, 10)

        assert found.changed == bool(change and change.get("modified", 9.0) == 9.0)
        assert scene.reconcile_store.revisited(0, 10, unchanged=False) == [found] * found.changed


# Who has proved a number


@pytest.mark.parametrize("policy", [BY_CODE, AT_SIGN_IN])
def test_who_has_proved_the_number_is_promoted(tmp_path: Path, policy: VerificationPolicy) -> None:
    with nights(tmp_path, a_user("ann"), a_user("bob"), policy=policy) as scene:
        scene.change("ann", phone_verified=True)

        scene.reconcile()

        assert scene.row(1) == ("verified", "promoted")
        assert scene.row(2)[0] == "pending"
        assert scene.user_pool.true_state("ann").mfa == SMS_PREFERRED
        assert scene.user_pool.made(UPDATE) == []


def test_who_has_proved_another_number_differs_and_keeps_it(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", phone=OTHER_PHONE, phone_verified=True)

        ended = scene.reconcile()

        assert scene.row() == ("failed", "phone_differs")
        assert ended == {Reason.PHONE_DIFFERS: 1}
        assert scene.user_pool.writes == []


@pytest.mark.parametrize("phone", [OTHER_PHONE, None])
def test_a_number_that_somebody_changed_since_is_not_stored_again(tmp_path: Path, phone: str | None) -> None:
    with nights(tmp_path, policy=BY_CODE, pool=replace(SMALL, phone_auto_verified=True)) as scene:
        scene.change("ann", phone=phone, phone_verified=False)

        scene.reconcile()
        scene.reconcile()

        assert scene.row() == ("pending", "awaiting_code")
        assert scene.user_pool.true_state("ann").phone == phone
        assert scene.user_pool.sms["ann"] == 1


def test_a_number_that_changes_between_the_list_and_the_write_is_not_stored_again(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", phone_verified=True)
        scene.user_pool.hook = lambda call: (
            scene.change("ann", phone=OTHER_PHONE, phone_verified=False)
            if call.operation == GET and scene.user_pool.true_state("ann").phone == PHONE
            else None
        )

        scene.reconcile()

        assert scene.row() == ("pending", "awaiting_code")
        assert scene.user_pool.writes == []


def test_who_has_proved_another_number_after_waiting_with_it_differs_at_last(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", phone=OTHER_PHONE, phone_verified=False)
        scene.reconcile()
        scene.change("ann", phone_verified=True)

        scene.reconcile()

        assert scene.row() == ("failed", "phone_differs")


def test_who_was_not_confirmed_gets_the_number_once_that_is_done(tmp_path: Path) -> None:
    with nights(tmp_path, a_user(status="UNCONFIRMED"), policy=BY_CODE) as scene:
        waited = scene.row()
        scene.change("ann", status="CONFIRMED")

        scene.reconcile()

        assert waited == ("pending", "awaiting_confirmation")
        assert scene.row() == ("pending", "awaiting_code")
        assert scene.user_pool.true_state("ann").phone == PHONE


def test_who_needs_more_codes_than_are_allowed_waits_on_and_nobody_else_does(tmp_path: Path) -> None:
    names = ["ann", "bob", "cat"]
    users = [a_user(name, status="UNCONFIRMED") for name in names[:2]] + [a_user("cat")]
    pool = replace(SMALL, phone_auto_verified=True)
    with nights(tmp_path, *users, policy=BY_CODE, pool=pool) as scene:
        scene.user_pool.sms.clear()
        for name in names[:2]:
            scene.change(name, status="CONFIRMED")
        scene.change("cat", phone_verified=True)
        found = []
        for scene.sms_left in (-1, 1, 1):
            scene.reconcile()
            found.append((scene.held_back, [scene.row(row)[1] for row in (1, 2, 3)]))

        waiting, asked = "awaiting_confirmation", "awaiting_code"
        assert found == [
            (2, [waiting, waiting, "promoted"]),
            (1, [asked, waiting, "promoted"]),
            (0, [asked, asked, "promoted"]),
        ]
        assert scene.user_pool.sms == {"ann": 1, "bob": 1}


def test_who_was_disabled_for_a_while_is_looked_at_again(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE, pool=replace(SMALL, phone_auto_verified=True)) as scene:
        found = []
        for changes in ({"enabled": False}, {}, {"enabled": True}, {"phone_verified": True}):
            if changes:
                scene.change("ann", **changes)
            before = journal(scene)
            scene.reconcile()
            found.append((scene.row()[1], journal(scene) == before))

        assert found == [
            ("disabled_user", False),
            ("disabled_user", True),
            ("awaiting_code", False),
            ("promoted", False),
        ]
        assert scene.user_pool.sms == {"ann": 1}


def test_a_number_that_went_while_its_user_was_disabled_is_not_stored_again(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE, pool=replace(SMALL, phone_auto_verified=True)) as scene:
        scene.change("ann", enabled=False, phone=None)
        scene.reconcile()
        scene.change("ann", enabled=True)
        scene.reconcile()

        assert scene.row() == ("pending", "awaiting_code")
        assert scene.user_pool.sms == {"ann": 1}


def test_who_proved_the_number_while_disabled_is_promoted_once_enabled(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", enabled=False, phone_verified=True)
        scene.reconcile()
        scene.change("ann", enabled=True)
        scene.reconcile()

        assert scene.row() == ("verified", "promoted")


def test_a_user_who_was_deleted_is_not_waited_for_any_more(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.user_pool.remove("ann")

        ended = scene.reconcile()

        assert scene.row() == ("failed", "user_not_found")
        assert ended == {Reason.USER_NOT_FOUND: 1}


def test_who_was_given_up_is_decided_again_though_nothing_changed(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.journal.database.query("UPDATE rows SET outcome = 'failed', reason = 'gave_up'")
        scene.user_pool.put(replace(a_user(), modified=scene.user_pool.true_state("ann").modified))

        scene.reconcile()

        assert scene.row() == ("verified", "enrolled")
        assert scene.user_pool.true_state("ann").proven_phone == PHONE


def test_a_promotion_that_was_refused_is_tried_again_the_next_night(tmp_path: Path) -> None:
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", phone_verified=True)
        scene.user_pool.fail(MFA, "NotAuthorizedException")

        scene.reconcile()
        refused = scene.row()
        scene.reconcile()

        assert refused == ("failed", "rejected")
        assert scene.row() == ("verified", "promoted")


@pytest.mark.parametrize("code", ["NotAuthorizedException", "LimitExceededException"])
def test_a_number_that_is_gone_after_a_failed_promotion_is_not_stored_again(
    tmp_path: Path, code: str
) -> None:
    with nights(tmp_path, policy=BY_CODE, pool=replace(SMALL, phone_auto_verified=True)) as scene:
        scene.change("ann", phone_verified=True)
        scene.user_pool.fail(MFA, code)
        scene.reconcile()
        scene.change("ann", phone=None, phone_verified=False)

        scene.reconcile()

        assert scene.row() == ("pending", "awaiting_code")
        assert scene.user_pool.sms == {"ann": 1}


def test_who_took_totp_meanwhile_is_not_promoted_over_it(tmp_path: Path) -> None:
    totp = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    with nights(tmp_path, policy=BY_CODE) as scene:
        scene.change("ann", phone_verified=True, mfa=totp)

        scene.reconcile()

        assert scene.row() == ("skipped", "has_totp")
        assert scene.user_pool.writes == []


class TotpIsLost(FakeUserPool):
    """Leaving out a factor's block switches that factor off: the other reading of the API reference."""

    def set_sms_mfa(self, username: str, *, enabled: bool, preferred: bool) -> None:
        super().set_sms_mfa(username, enabled=enabled, preferred=preferred)
        user = self.true_state(username)
        assert user.mfa is not None
        left = user.mfa.enabled - {SOFTWARE_TOKEN_MFA}
        first = user.mfa.preferred if user.mfa.preferred in left else None
        self.put(replace(user, mfa=replace(user.mfa, enabled=left, preferred=first)))

    def prefer_factor(self, username: str, factor: str) -> None:
        """The user is still registered with it."""
        user = self.true_state(username)
        assert user.mfa is not None
        self.put(replace(user, mfa=replace(user.mfa, enabled=user.mfa.enabled | {factor}, preferred=factor)))


def test_a_factor_that_a_promotion_took_is_given_back(tmp_path: Path) -> None:
    totp = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    with nights(tmp_path, a_user(mfa=totp), policy=BY_CODE, despite=(Reason.HAS_TOTP,)) as scene:
        proved = replace(scene.user_pool.true_state("ann"), phone_verified=True, modified=99)
        scene.user_pool = lossy = TotpIsLost([proved], SMALL)

        scene.reconcile()

        assert scene.row() == ("verified", "promoted")
        assert lossy.true_state("ann").mfa == mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)


def test_a_factor_that_a_user_gave_up_between_run_and_reconcile_stays_given_up(tmp_path: Path) -> None:
    totp = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    with nights(tmp_path, a_user(mfa=totp), policy=BY_CODE, despite=(Reason.HAS_TOTP,)) as scene:
        scene.change("ann", phone_verified=True, mfa=mfa())

        scene.reconcile()

        assert scene.user_pool.true_state("ann").mfa == SMS_PREFERRED


# Drift


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (None, DriftKind.USER_GONE),
        (a_user(sub="another", phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED), DriftKind.USER_GONE),
        (a_user(mfa=SMS_PREFERRED), DriftKind.NO_PHONE),
        (a_user(phone=PHONE, mfa=SMS_PREFERRED), DriftKind.PHONE_UNVERIFIED),
        (a_user(phone=PHONE, phone_verified=True), DriftKind.MFA_OFF),
        (a_user(phone=PHONE, phone_verified=True, mfa=mfa(SMS_MFA)), DriftKind.MFA_OFF),
        (a_user(phone=PHONE, phone_verified=True, mfa=None), DriftKind.MFA_OFF),
        (a_user(phone=PHONE, phone_verified=True, mfa=SMS_PREFERRED), None),
        (a_user(phone=OTHER_PHONE, phone_verified=True, mfa=SMS_PREFERRED), None),
        (a_user(phone=PHONE, phone_verified=True, mfa=mfa(legacy_sms=True)), None),
        (
            a_user(
                phone=PHONE,
                phone_verified=True,
                mfa=mfa(SMS_MFA, SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA),
            ),
            None,
        ),
    ],
)
def test_who_is_protected_and_who_is_not(state: UserState | None, kind: DriftKind | None) -> None:
    assert drift_kind(state, "sub-ann", SMALL) is kind


def test_where_mfa_is_required_a_verified_number_protects() -> None:
    state = a_user(phone=PHONE, phone_verified=True, mfa=mfa())

    assert drift_kind(state, "sub-ann", replace(SMALL, mfa=MfaMode.ON)) is None


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"mfa": mfa()}, DriftKind.MFA_OFF),
        ({"phone_verified": False}, DriftKind.PHONE_UNVERIFIED),
        ({"phone": None, "phone_verified": False}, DriftKind.NO_PHONE),
    ],
)
def test_drift_is_reported_each_night_until_it_is_over(
    tmp_path: Path, changes: dict[str, object], kind: DriftKind
) -> None:
    with nights(tmp_path) as scene:
        enrolled = scene.user_pool.true_state("ann")
        scene.change("ann", **changes)

        scene.reconcile()
        scene.reconcile()
        found = scene.drift
        scene.change("ann", phone=PHONE, phone_verified=True, mfa=enrolled.mfa)
        scene.reconcile()

        assert found == {kind: 1}
        assert scene.drift == {}
        assert scene.user_pool.writes == []
        assert scene.row() == ("verified", "enrolled")


def test_only_changed_users_are_read(tmp_path: Path) -> None:
    users = [a_user(f"user{number}") for number in range(20)]
    with nights(tmp_path, *users) as scene:
        scene.change("user7", email="new@example.com")

        scene.reconcile()

        assert [call.username for call in scene.user_pool.calls if call.operation == GET] == ["user7"]
        assert scene.drift == {}


def test_mfa_that_was_switched_off_without_a_trace_is_found_only_by_a_deep_look(tmp_path: Path) -> None:
    with nights(tmp_path, a_user("ann"), a_user("bob")) as scene:
        scene.change_unseen("ann", mfa=mfa())

        scene.reconcile()
        shallow = scene.drift
        scene.reconcile(deep=True)

        assert shallow == {}
        assert scene.drift == {DriftKind.MFA_OFF: 1}
        assert len(scene.user_pool.made(GET)) == 2


def test_how_many_a_deep_look_would_read_is_known_before(tmp_path: Path) -> None:
    with nights(tmp_path, a_user("ann"), a_user("bob"), a_user("cyd", status="UNCONFIRMED")) as scene:
        scene.reconciler().look()

        counted = scene.reconciler().count_suspects(deep=True)

        assert counted == 2
        assert scene.reconciler().count_suspects(deep=False) == 0


def test_a_user_with_another_verified_number_chose_it_and_does_not_drift(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", phone=THIRD_PHONE, phone_verified=True)
        reconciler = scene.reconciler()
        reconciler.look()

        found = reconciler.find_drift(deep=False)

        assert found == (1, 1)
        assert scene.drift == {}


def test_a_deleted_user_drifts_and_costs_no_read(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.user_pool.remove("ann")

        scene.reconcile()

        assert scene.drift == {DriftKind.USER_GONE: 1}
        assert scene.user_pool.made(GET) == []


def test_a_user_who_is_deleted_between_the_list_and_the_read_drifts(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", email="new@example.com")
        scene.user_pool.fail(GET, "UserNotFoundException")

        scene.reconcile()

        assert scene.drift == {DriftKind.USER_GONE: 1}


def test_a_user_who_cannot_be_read_is_counted_and_looked_at_again_the_next_night(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", email="new@example.com", mfa=mfa())
        scene.user_pool.fail(GET, "NotAuthorizedException")

        scene.reconcile()
        first = (scene.unread, dict(scene.drift))
        scene.reconcile()

        assert first == (1, {})
        assert (scene.unread, scene.drift) == (0, {DriftKind.MFA_OFF: 1})


def test_a_look_that_is_interrupted_writes_nothing_down_as_drift(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.user_pool.remove("ann")
        scene.stop.request(StopCause.SIGINT)

        with pytest.raises(Stopped):
            scene.reconcile()

        assert scene.drift == {}


# Repair


def test_a_repair_switches_mfa_on_again_and_drift_is_over(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa())

        scene.reconcile(repair=True)

        assert scene.user_pool.writes == [MFA]
        assert scene.user_pool.true_state("ann").mfa == SMS_PREFERRED
        assert scene.row() == ("verified", "enrolled")
        assert scene.drift == {}


def test_a_repair_is_for_the_number_that_is_verified_now(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", phone=THIRD_PHONE, phone_verified=True, mfa=mfa())

        scene.reconcile(repair=True)

        assert scene.user_pool.writes == [MFA]
        assert scene.user_pool.true_state("ann").proven_phone == THIRD_PHONE


@pytest.mark.parametrize(
    "changes",
    [
        {"phone": None, "phone_verified": False},
        {"phone_verified": False},
        {"phone": OTHER_PHONE, "phone_verified": False},
    ],
)
def test_a_repair_never_writes_a_number(tmp_path: Path, changes: dict[str, object]) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa(), **changes)

        scene.reconcile(repair=True)

        assert scene.user_pool.writes == []
        assert scene.drift.keys() <= {DriftKind.NO_PHONE, DriftKind.PHONE_UNVERIFIED}
        assert scene.drift


def test_a_number_that_goes_away_before_the_repair_writes_leaves_the_user_alone(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa())
        reads: list[str] = []

        def lose_the_number(call: object) -> None:
            if getattr(call, "operation", "") == GET:
                reads.append(GET)
                if len(reads) == 2:
                    scene.change("ann", phone=None, phone_verified=False)

        scene.user_pool.hook = lose_the_number

        scene.reconcile(repair=True)

        assert scene.user_pool.writes == []
        assert scene.row() == ("failed", "phone_missing")


def test_mfa_that_is_switched_off_again_after_a_repair_drifts_again(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa())
        scene.reconcile(repair=True)
        scene.change("ann", mfa=mfa())

        scene.reconcile()

        assert scene.drift == {DriftKind.MFA_OFF: 1}
        assert scene.user_pool.writes == []


@pytest.mark.parametrize(
    ("code", "reason"), [("LimitExceededException", "gave_up"), ("NotAuthorizedException", "rejected")]
)
def test_a_repair_that_fails_leaves_drift_and_is_not_taken_up_without_repair(
    tmp_path: Path, code: str, reason: str
) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa())
        scene.user_pool.fail(MFA, code)

        scene.reconcile(repair=True)
        failed = scene.row()
        scene.reconcile()
        later = list(scene.user_pool.writes)
        drift = scene.drift
        scene.reconcile(repair=True)

        assert failed == ("failed", reason)
        assert later == []
        assert drift == {DriftKind.MFA_OFF: 1}
        assert scene.row() == ("verified", "enrolled")
        assert scene.drift == {}


def test_who_has_totp_instead_is_not_repaired_and_drifts_no_more(tmp_path: Path) -> None:
    totp = mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA)
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=totp)

        scene.reconcile(repair=True)

        assert scene.user_pool.writes == []
        assert scene.row() == ("skipped", "has_totp")
        assert scene.drift == {}


def test_a_clock_that_was_set_back_makes_no_drift_old_and_no_repair_undone(tmp_path: Path) -> None:
    with nights(tmp_path, a_user("ann"), a_user("bob")) as scene:
        told = scene.store.pass_id
        scene.change("ann", mfa=mfa())
        scene.reopen()
        scene.reconcile()
        assert scene.reconcile_store.drift_kinds(after_pass=told) == {DriftKind.MFA_OFF: 1}
        told = scene.store.pass_id
        assert isinstance(scene.clock, FakeClock)
        scene.clock.back(86_400.0)
        scene.change("bob", phone=None, phone_verified=False)
        scene.reopen()

        scene.reconcile(repair=True)

        assert scene.reconcile_store.drift_kinds(after_pass=told) == {DriftKind.NO_PHONE: 1}, "bob's is news"
        assert scene.drift == {DriftKind.NO_PHONE: 1}, "and ann's is over"


def test_drift_that_a_rollback_made_pointless_is_forgotten(tmp_path: Path) -> None:
    with nights(tmp_path) as scene:
        scene.change("ann", mfa=mfa())
        scene.reconcile()
        scene.journal.database.query(
            "UPDATE rows SET outcome = 'skipped', reason = 'restored', verb = 'rollback'"
        )

        scene.reconcile()

        assert scene.drift == {}


def test_the_number_in_the_row_is_no_matter_of_a_repair() -> None:
    work = PlannedRow(a_candidate(phone=PHONE), "sub-ann", "ann", claims=None, wrote=True)  # type: ignore[arg-type]

    assert work.candidate.phone == Phone(PHONE)
    assert work.numberless().phone is None
