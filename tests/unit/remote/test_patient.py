"""A bucket that does not answer at once."""

import pytest

from migrate_mfa.remote import patient
from migrate_mfa.remote.lease import Waiting
from migrate_mfa.remote.objects import StoreError
from migrate_mfa.remote.patient import ATTEMPTS, PatientObjects
from tests.support.clock import FakeClock
from tests.support.fake_objects import FakeObjects


@pytest.mark.parametrize(("silent_s", "told"), [(0.0, 1), (3600.0, 0)])
def test_a_person_hears_once_what_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, silent_s: float, told: int
) -> None:
    monkeypatch.setattr(patient, "_TELL_AFTER_S", silent_s)
    clock, said = FakeClock(), list[str]()

    def away(method: str, name: str) -> None:
        raise StoreError(f"{method} on {name}: no answer within 10 s")

    objects = FakeObjects(clock, before=away)
    waiting = Waiting(elapsed=clock.monotonic, sleep=clock.sleep, say=said.append)

    waited_for = PatientObjects(objects, waiting)
    for _ in range(2):
        with pytest.raises(StoreError):
            waited_for.get("lock.json")

    text = "Amazon S3 does not answer (get on lock.json: no answer within 10 s)."
    assert said == [f"{text} Trying again, up to {ATTEMPTS} times a call."] * told
