"""What a fleet prints at its end: the next commands, no more than a terminal holds."""

from __future__ import annotations

import re

import pytest

from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.fleet.document import Line, next_step
from migrate_mfa.fleet.page import as_html
from migrate_mfa.fleet.printed import next_commands
from migrate_mfa.fleet.standing import Found, Standing, end_of, standing_of
from migrate_mfa.fleet.unit import State
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_texts import PageTexts

RUN = "migrate-mfa fleet fleet.toml --verb run --run-dir runs"
DRIFTED = Standing(state=State.FINISHED, exit_code=9, verb="reconcile", found=Found(drift={"mfa_off": 1}))


def line(name: str, standing: Standing, own: str, of_all: str = "") -> Line:
    return Line(
        name=name,
        account=None,
        region="r",
        standing=standing,
        run_dir=f"runs/{name}",
        next_command=own,
        fleet_command=of_all,
    )


def test_targets_that_need_another_command_are_named_up_to_ten_lines() -> None:
    repairs = [line(f"t{number:02}", DRIFTED, f"repair {number}") for number in range(20)]
    waits = line("w", Standing(state=State.WAITING, verb="run"), f"{RUN} --only w", RUN)

    told = next_commands([*repairs, waits], "runs/report/report.html")

    assert told[:2] == [f"Next: {RUN}", "  t00: repair 0"]
    assert told[-1] == "  and those of 12 other targets, in runs/report/report.html"
    assert len(told) == 10


def test_a_repair_is_shown_also_if_there_is_no_command_of_all_targets() -> None:
    one = line("one", DRIFTED, "migrate-mfa reconcile --repair")

    assert next_commands([one], "") == ["Next:", "  one: migrate-mfa reconcile --repair"]
    assert "migrate-mfa reconcile --repair" in as_html([one])


def test_a_target_at_work_needs_no_command() -> None:
    assert not next_commands([line("one", Standing(state=State.RUNNING, verb="run"), RUN, RUN)], "")


def test_a_plan_follows_a_check_unless_something_has_begun() -> None:
    checked = Standing(state=State.FINISHED, exit_code=0, verb="check")

    assert next_step(checked, "run") == "plan"
    assert not next_step(Standing(state=State.FINISHED, exit_code=0, verb="check", account="1"), "run")


def test_a_command_by_hand_ends_with_the_code_of_what_it_found() -> None:
    ended = {"command": "reconcile", "state": "finished", "counts": {"verified": 3, "failed": 1}}
    audited = {"command": "audit", "state": "finished", "total": {"verified": 1, "no_phone": 1}}

    assert end_of(ended) is ExitCode.SOME_FAILED
    assert end_of(ended | {"failed_now": 0}) is ExitCode.DONE
    assert end_of(ended | {"drift": {"mfa_off": 1}}) is ExitCode.NOT_MET
    assert end_of(ended | {"drift": {"user_gone": 1}, "failed_now": 0}) is ExitCode.DONE
    assert end_of(ended | {"drift": {"user_gone": 1}, "drift_new": {"user_gone": 1}}) is ExitCode.NOT_MET
    assert end_of(audited | {"options": {"fail_under": 0.5}}) is ExitCode.DONE
    assert end_of(audited | {"options": {"fail_under": 0.6}}) is ExitCode.NOT_MET


@pytest.mark.parametrize("lang", Lang)
def test_all_that_needs_attention_in_a_summary_is_told_in_both_languages(lang: Lang) -> None:
    half = {"number_stored_mfa_off": 2, "mfa_off_not_given_back": 3}
    summary = {"command": "reconcile", "state": "finished", "half_done": half, "users_not_read": 4}
    summary |= {"waiting_for_max_sms": 5, "recovered_to": "2026-11-20 10:00 UTC", "counts": {"verified": 9}}

    standing = standing_of(None, summary, None)
    one = line("one", standing, "")

    assert one.as_dict()["attention"] == half | {"users_not_read": 4, "waiting_for_max_sms": 5}
    assert one.as_dict()["recovered_to"] == "2026-11-20 10:00 UTC"
    told = " ".join(one.findings(PageTexts(lang)))
    assert re.findall(r"\d+", told.partition("2026")[0]) == ["2", "3", "4", "5"]
    assert "2026-11-20 10:00 UTC" in told
    assert not line("one", standing_of(None, {"command": "run"}, None), "").findings(PageTexts(lang))
