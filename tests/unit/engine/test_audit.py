from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migrate_mfa.domain.errors import OutOfReach
from migrate_mfa.domain.model import EMAIL_OTP, SMS_MFA, SOFTWARE_TOKEN_MFA, MfaState, UserState
from migrate_mfa.engine.audit import (
    Audit,
    Coverage,
    MfaKind,
    counts,
    coverage_of,
    group_of,
    look_deeper,
    scan,
)
from migrate_mfa.engine.scan import BrokenListError
from migrate_mfa.journal.audit_store import UNVERIFIED, WITHOUT_MFA, AuditStore
from migrate_mfa.journal.database import Journal
from migrate_mfa.stop import Stop, StopCause, Stopped
from tests.support.builders import PHONE, SMS_PREFERRED, a_user, mfa
from tests.support.fakes import GET, LIST, FakeUserPool, SilentProgress


@pytest.mark.parametrize(
    ("changes", "group", "counted"),
    [
        ({}, "CONFIRMED", True),
        ({"status": "FORCE_CHANGE_PASSWORD"}, "FORCE_CHANGE_PASSWORD", True),
        ({"status": "UNCONFIRMED"}, "UNCONFIRMED", True),
        ({"enabled": False}, "DISABLED", False),
        ({"status": "EXTERNAL_PROVIDER"}, "EXTERNAL_PROVIDER", False),
        ({"status": "EXTERNAL_PROVIDER", "enabled": False}, "EXTERNAL_PROVIDER", False),
    ],
)
def test_federated_and_disabled_users_are_shown_and_not_counted(
    changes: dict[str, Any], group: str, counted: bool
) -> None:
    user = a_user(**changes)

    assert group_of(user) == group
    assert counts(user) is counted


@pytest.mark.parametrize(
    ("phone", "verified", "coverage"),
    [
        (PHONE, True, Coverage.VERIFIED),
        (PHONE, False, Coverage.UNVERIFIED),
        (None, False, Coverage.NO_PHONE),
        (None, True, Coverage.NO_PHONE),
    ],
)
def test_coverage_is_what_sms_mfa_could_use(phone: str | None, verified: bool, coverage: Coverage) -> None:
    assert coverage_of(a_user(phone=phone, phone_verified=verified)) is coverage


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AuditStore]:
    with Journal.create_or_open(tmp_path) as journal:
        yield AuditStore(journal.database)


def scanned(
    user_pool: FakeUserPool, store: AuditStore, stop: Stop | None = None, *, deep: bool = False
) -> Audit:
    audit = Audit()
    scan(
        user_pool, store, audit,
        deep=deep, estimated=5, progress=SilentProgress(), stop=stop or Stop(),
    )  # fmt: skip
    return audit


def kept(store: AuditStore, name: str = UNVERIFIED) -> list[tuple[str, str]]:
    return [(user.username, user.why) for user in store.listed(name)]


def test_a_scan_sees_every_user_once_and_makes_nobody_a_billed_user(store: AuditStore) -> None:
    users = [a_user(f"u{number:03}") for number in range(130)]
    user_pool = FakeUserPool(users)

    audit = scanned(user_pool, store)

    assert Counter(user.sub for user in store.listed(UNVERIFIED)) == Counter(user.sub for user in users)
    assert audit.users == 130
    assert user_pool.made() == [LIST] * 3


def test_short_and_empty_pages_do_not_end_a_scan(store: AuditStore) -> None:
    user_pool = FakeUserPool([a_user("ann"), a_user("bob")], page_size=1)
    whole = user_pool.page

    def with_an_empty_page(only: Any, token: str | None) -> Any:
        if token == "1":
            page = whole(only, token)
            return type(page)((), "again")
        return whole(only, "1" if token == "again" else token)

    user_pool.page = with_an_empty_page  # type: ignore[method-assign]

    assert scanned(user_pool, store).users == 2


def test_a_list_that_breaks_off_is_not_counted_on_from_its_beginning(store: AuditStore) -> None:
    user_pool = FakeUserPool([a_user(f"u{number:03}") for number in range(130)])
    user_pool.fail(LIST, "InvalidParameterException", skip=1, status=400)

    with pytest.raises(BrokenListError):
        scanned(user_pool, store)

    assert len(kept(store)) == 60, "whom it has seen"
    assert scanned(user_pool, store).users == len(kept(store)) == 130


def test_a_scan_counts_by_group_and_coverage(store: AuditStore) -> None:
    user_pool = FakeUserPool(
        [
            a_user("a", phone=PHONE, phone_verified=True),
            a_user("b", phone=PHONE),
            a_user("c"),
            a_user("d", enabled=False, phone=PHONE, phone_verified=True),
        ]
    )

    audit = scanned(user_pool, store)

    assert kept(store) == [("b", "unverified"), ("c", "no_phone")]
    assert audit.coverage == {
        ("CONFIRMED", Coverage.VERIFIED): 1,
        ("CONFIRMED", Coverage.UNVERIFIED): 1,
        ("CONFIRMED", Coverage.NO_PHONE): 1,
        ("DISABLED", Coverage.VERIFIED): 1,
    }


def test_a_stop_ends_a_scan_between_pages_and_keeps_whom_it_has_seen(store: AuditStore) -> None:
    stop = Stop()
    stop.request(StopCause.SIGINT)

    with pytest.raises(Stopped):
        scanned(FakeUserPool([a_user(f"u{number:03}") for number in range(130)]), store, stop)

    assert len(kept(store)) == 60


def test_whoever_a_scan_lists_is_committed_a_thousand_at_a_time(
    store: AuditStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[int] = []
    add = store.add

    def counting(users: list[tuple[UserState, str]]) -> None:
        commits.append(len(users))
        add(users)

    monkeypatch.setattr(store, "add", counting)

    scanned(FakeUserPool([a_user(f"u{number:04}") for number in range(2500)]), store)

    assert commits == [1020, 1020, 460]
    assert [user.row for user in store.listed(UNVERIFIED)] == list(range(1, 2501))


def test_only_before_a_deep_look_is_anybody_with_a_verified_phone_kept(store: AuditStore) -> None:
    user_pool = FakeUserPool([a_user("ann", phone=PHONE, phone_verified=True), a_user("bob")])

    scanned(user_pool, store)
    plain = store.count_to_read()
    scanned(user_pool, store, deep=True)

    assert (plain, store.count_to_read()) == (0, 1)
    assert kept(store) == [("bob", "no_phone")]
    store.forget_unlisted()
    assert store.count_to_read() == 0
    assert kept(store) == [("bob", "no_phone")]


def deeper(
    user_pool: FakeUserPool, users: list[UserState], store: AuditStore, stop: Stop | None = None
) -> tuple[Audit, list[str]]:
    audit = Audit()
    store.begin()
    store.add((user, Coverage.VERIFIED) for user in users)
    look_deeper(user_pool, store, audit, progress=SilentProgress(), stop=stop or Stop())
    return audit, [name for name, _ in kept(store, WITHOUT_MFA)]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (SMS_PREFERRED, MfaKind.SMS_MFA),
        (mfa(SMS_MFA), MfaKind.SMS_MFA),
        (mfa(legacy_sms=True), MfaKind.SMS_MFA),
        (mfa(SOFTWARE_TOKEN_MFA, preferred=SOFTWARE_TOKEN_MFA), MfaKind.OTHER_FACTOR),
        (mfa(EMAIL_OTP), MfaKind.OTHER_FACTOR),
        (mfa(), MfaKind.NONE),
    ],
)
def test_a_deep_look_tells_the_kinds_of_mfa_apart(state: MfaState, kind: MfaKind, store: AuditStore) -> None:
    user = a_user(mfa=state)

    audit, without = deeper(FakeUserPool([user]), [user], store)

    assert audit.mfa == {kind: 1}
    assert without == (["ann"] if kind is MfaKind.NONE else [])


def test_a_deep_look_reads_each_user_once_chunk_by_chunk(store: AuditStore) -> None:
    users = [a_user(f"u{number:04}") for number in range(1100)]
    user_pool = FakeUserPool(users)

    audit, without = deeper(user_pool, users, store)

    assert audit.mfa == {MfaKind.NONE: 1100}
    assert without == [user.username for user in users]
    assert user_pool.made() == [GET] * 1100


def test_a_user_who_was_deleted_since_the_scan_is_left_out(store: AuditStore) -> None:
    users = [a_user("ann"), a_user("bob")]

    audit, without = deeper(FakeUserPool(users[1:]), users, store)

    assert audit.mfa == {MfaKind.NONE: 1}
    assert without == ["bob"]


def test_a_user_who_cannot_be_read_is_counted_as_that_and_ends_nothing(store: AuditStore) -> None:
    users = [a_user("ann"), a_user("bob")]
    user_pool = FakeUserPool(users)
    user_pool.fail(GET, "InvalidParameterException", username="ann")

    audit, without = deeper(user_pool, users, store)

    assert audit.mfa == {MfaKind.UNREAD: 1, MfaKind.NONE: 1}
    assert without == ["bob"]


def test_where_one_user_after_another_cannot_be_read_nobody_is_to_blame(store: AuditStore) -> None:
    users = [a_user(f"u{number:02}") for number in range(30)]
    user_pool = FakeUserPool(users)
    user_pool.fail(GET, "InvalidParameterException", times=99, skip=2)

    with pytest.raises(OutOfReach, match="one user after another"):
        deeper(user_pool, users, store)


def test_a_stop_ends_a_deep_look_between_chunks(store: AuditStore) -> None:
    stop = Stop()
    stop.request(StopCause.SIGTERM)

    with pytest.raises(Stopped):
        deeper(FakeUserPool([a_user()]), [a_user()], store, stop)
