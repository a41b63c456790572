"""What a command notes of its progress now and then, for whoever looks from another process."""

from collections.abc import Mapping
from typing import Any

from migrate_mfa.ports import CategoryPace, ProgressUpdate, RowFailure


def progress_of(noted: Mapping[str, Any]) -> ProgressUpdate:
    """The progress that was noted; an earlier version noted less of it."""
    sms = noted.get("sms")
    return ProgressUpdate(
        stage=noted["stage"],
        done=noted.get("done"),
        total=noted.get("total"),
        outcomes=tuple((name, number) for name, number in noted.get("outcomes", ())),
        failed_by=tuple((name, number) for name, number in noted.get("failed_by", ())),
        failures=tuple(RowFailure(**each) for each in noted.get("failures", ())),
        most_failures=noted.get("most_failures"),
        sms=(sms[0], sms[1]) if sms else None,
        rates=tuple((name, rate) for name, rate in noted.get("rates", ())),
        paces=tuple(CategoryPace(**each) for each in noted.get("paces", ())),
        seconds_left=noted.get("seconds_left"),
        seconds_running=noted.get("seconds_running"),
        credentials_end=noted.get("credentials_end"),
        slowed_by=noted.get("slowed_by", ""),
    )
