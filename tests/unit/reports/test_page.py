"""The report page: well-formed, self-contained, without a number or an address, true to the journal."""

import re
import tomllib
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Any

import html5lib
import pytest
from jinja2 import UndefinedError

from migrate_mfa.domain.reasons import Outcome, Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.meta import RunMeta
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.reports import from_journal, page
from migrate_mfa.reports.languages import Lang
from migrate_mfa.reports.page_facts import Page, page_of
from migrate_mfa.reports.page_texts import PageTexts
from tests.support.report_runs import (
    A_RUN,
    ARN,
    BEGUN,
    CONTEXT,
    EMAIL,
    META,
    PHONE,
    add_rates,
    make_audits,
    make_run,
)

TEMPLATES = Path(page.__file__).with_name("templates")
XHTML = "{http://www.w3.org/1999/xhtml}"
ORDER = (*("coverage", "outcomes", "rates", "failures", "alone", "cost", "method"),)
pytestmark = pytest.mark.damages_journal
BOTH = pytest.mark.parametrize("lang", Lang)


def html_of(directory: Path, lang: Lang = Lang.EN) -> str:
    return page.as_html(facts_of(directory), lang)


def parsed(text: str) -> Any:
    """The document as a browser reads it; any error in it is raised."""
    return html5lib.HTMLParser(strict=True).parse(text)


def words_of(text: str) -> str:
    return " ".join("".join(parsed(text).find(f"{XHTML}body").itertext()).split())


def facts_of(directory: Path) -> Page:
    with Journal.look_at(directory) as journal:
        return page_of(journal, from_journal._last(journal, RunMeta.read(journal)))


def texts_of(lang: Lang) -> dict[str, dict[str, str]]:
    return tomllib.loads((TEMPLATES / f"{lang}.toml").read_text(encoding="utf-8"))


# --- one file, sound and alone


@BOTH
@pytest.mark.parametrize("make", [make_run, make_audits])
def test_the_page_is_well_formed_and_self_contained(
    tmp_path: Path, make: Callable[[Path], object], lang: Lang
) -> None:
    make(tmp_path)

    text = html_of(tmp_path, lang)

    document = parsed(text)
    assert document.get("lang") == lang
    tags = {element.tag.rpartition("}")[2] for element in document.iter() if isinstance(element.tag, str)}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "form", "image", "use", "a"}
    names = {name for element in document.iter() for name in element.attrib}
    assert not names & {"style", "src", "href", "xlink:href", "srcset", "action"}
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in text
    assert "@import" not in text


def test_its_policy_allows_its_own_style_sheet_alone(tmp_path: Path) -> None:
    make_run(tmp_path)

    text = html_of(tmp_path)

    (sheet,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = b64encode(sha256(sheet.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    told = policy.replace("&#39;", "'")
    assert told == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


@BOTH
def test_it_reads_in_order_without_a_style_sheet(tmp_path: Path, lang: Lang) -> None:
    make_run(tmp_path)

    words = words_of(html_of(tmp_path, lang))

    texts = texts_of(lang)
    headings = [texts[section]["heading"] for section in ORDER]
    places = [words.index(heading) for heading in headings]
    assert places == sorted(places)
    assert words.index("migrate-mfa reconcile") < places[0]
    assert places[-1] < words.index(texts["method"]["how"][:40])
    assert f"{A_RUN['awaiting_code']:,}" in words


# --- nobody's number, nobody's address


@BOTH
@pytest.mark.promise(7)
def test_no_number_and_no_address_is_on_the_page(tmp_path: Path, lang: Lang) -> None:
    make_run(tmp_path, meta={"roster": f"/home/ops/{PHONE} {EMAIL}.csv", "id_column": EMAIL})
    text = html_of(tmp_path, lang) + from_journal.markdown(tmp_path, lang)

    for whole in (PHONE, PHONE[3:], "090-1234-5678", EMAIL, "hanako", "ops.lead", ARN, "sub-1"):
        assert whole not in text
    assert "o…@example.com" in text  # the caller, of whom the domain is enough
    assert "InvalidParameterException" in text


def test_what_came_from_outside_is_text(tmp_path: Path) -> None:
    hostile = '"><script>alert(1)</script><b a="'
    make_run(tmp_path, meta={"pool_name": hostile, "run_id": hostile, "phone_conflict": hostile})

    text = html_of(tmp_path)

    parsed(text)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "\\<script\\>" in from_journal.markdown(tmp_path).splitlines()[0]


# --- what it says


RECONCILE = "migrate-mfa reconcile --run-dir"
PLAN_FAILED = "migrate-mfa plan {dir}/report/failed.csv --user-pool-id ap-northeast-1_AbCdEfGhI"
CASES: dict[str, tuple[dict[str, Any], str, str, str | None]] = {
    # what the directory is, how it bodes, the sentence, the next command
    "pending": ({}, "wait", "pending", f"{RECONCILE} {{dir}}"),
    "failed": ({"rows": {"enrolled": 9, "rejected": 1}}, "wait", "failed", PLAN_FAILED),
    "done": (
        {"rows": {"enrolled": 9}},
        *("good", "done", "migrate-mfa audit --user-pool-id ap-northeast-1_AbCdEfGhI"),
    ),
    "planned": (
        {"rows": {"has_totp": 1}, "command": "plan", "state": "planned", "open_rows": 4},
        *("good", "planned", "migrate-mfa run --run-dir {dir}"),
    ),
    "plan_refused": (
        {"rows": {"bad_row": 3}, "command": "plan", "state": "planned", "meta": {"usable": False}},
        *("bad", "plan_refused", "migrate-mfa plan members.csv --user-pool-id"),
    ),
    "plan_nothing": (
        {"rows": {"already_enrolled": 3}, "command": "plan", "state": "planned"},
        *("good", "plan_nothing", "migrate-mfa audit"),
    ),
    "unplanned": (
        {"rows": {}, "state": "stopped", "meta": {"phase": "planning"}},
        *("bad", "unplanned", "migrate-mfa plan members.csv"),
    ),
    "stopped": (
        {"rows": {"enrolled": 3}, "state": "stopped", "open_rows": 2},
        *("wait", "stopped", "migrate-mfa run --run-dir {dir}"),
    ),
    "drift": (
        {"command": "reconcile", "extra": {"drift": {"mfa_off": 2, "user_gone": 1}}},
        *("bad", "drift", f"{RECONCILE} {{dir}} --repair"),
    ),
    "only gone": (
        {"command": "reconcile", "rows": {"enrolled": 1}, "extra": {"drift": {"user_gone": 1}}},
        *("good", "done", "migrate-mfa audit"),
    ),
    "rolled_back": (
        {"command": "rollback", "rows": {"restored": 5, "changed_by_others": 1}},
        *("wait", "rolled_back", "migrate-mfa purge --run-dir {dir}"),
    ),
    "a rollback was killed before it chose anybody": (
        {"command": "rollback", "rows": {"enrolled": 5}, "state": "interrupted"},
        *("wait", "rolled_back", "migrate-mfa rollback --run-dir {dir}"),
    ),
    "a rollback was killed after others": (
        {"command": "rollback", "rows": {"restored": 2, "enrolled": 3}, "state": "interrupted"},
        *("wait", "rolled_back", "migrate-mfa rollback --run-dir {dir}"),
    ),
    "rolled back in part": (
        {
            "command": "rollback",
            "rows": {"restored": 5, "awaiting_code": 2},
            "options": {"only_chosen": True},
        },
        *("good", "rolled_back", "migrate-mfa reconcile --run-dir {dir}"),
    ),
    "a part of a rollback failed": (
        {"command": "rollback", "rows": {"restored": 5, "gave_up": 2}, "options": {"only_chosen": True}},
        *("wait", "rolled_back", None),
    ),
    "a rollback of some users was stopped": (
        {
            "command": "rollback",
            "rows": {"restored": 5},
            "open_rows": 2,
            "state": "stopped",
            "options": {"only_chosen": True},
        },
        *("wait", "stopped", None),  # without the names of the users it would undo the whole run
    ),
    "disabled": (
        {"command": "disable", "rows": {"mfa_disabled": 5}, "meta": {"kind": "disable"}},
        *("good", "disabled", "migrate-mfa rollback --run-dir {dir}"),
    ),
    "a disable was killed before it chose anybody": (
        {"command": "disable", "rows": {"has_totp": 5}, "state": "interrupted", "meta": {"kind": "disable"}},
        *("wait", "disabled", "migrate-mfa disable --run-dir {dir}"),
    ),
    "disabled with failures": (
        {"command": "disable", "rows": {"mfa_disabled": 5, "gave_up": 1}, "meta": {"kind": "disable"}},
        *("wait", "disabled", "migrate-mfa disable {dir}/report/failed.csv --user-pool-id"),
    ),
    "declined": (
        {"state": "stopped", "rows": {}, "open_rows": 4, "extra": {"ended_unchanged": "declined"}},
        *("wait", "declined", "migrate-mfa run --run-dir {dir}"),
    ),
    "a rollback was declined": (
        {
            "command": "rollback",
            "state": "stopped",
            "rows": {"enrolled": 4},
            "extra": {"ended_unchanged": "declined"},
        },
        *("wait", "declined", "migrate-mfa rollback --run-dir {dir}"),
    ),
    "ended before a write": (
        {
            "state": "interrupted",
            "rows": {"enrolled": 1},
            "open_rows": 3,
            "extra": {"ended_unchanged": "interrupted"},
        },
        *("wait", "unchanged", "migrate-mfa run --run-dir {dir}"),
    ),
    "reconciled before the run": (
        {"command": "reconcile", "rows": {}, "open_rows": 3},
        *("wait", "planned", "migrate-mfa run --run-dir {dir}"),
    ),
    "reconciled between waves": (
        {"command": "reconcile", "rows": {"enrolled": 1, "awaiting_code": 1}, "open_rows": 3},
        *("wait", "left", "migrate-mfa run --run-dir {dir}"),
    ),
    "refused by run": (
        {"rows": {"user_not_found": 5}, "open_rows": 5, "state": "stopped", "meta": {"usable": False}},
        *("bad", "plan_refused", "migrate-mfa plan"),
    ),
    "purged": (
        {"rows": {"enrolled": 5}, "meta": {"phase": "purged", "roster": None}},
        "wait",
        "purged",
        None,
    ),
    "canary_failed": (
        {"command": "canary", "rows": {"enrolled": 1}, "state": "stopped"},
        *("bad", "canary_failed", "migrate-mfa rollback"),
    ),
    "roster named by a number": (
        {"rows": {}, "state": "stopped", "meta": {"phase": "planning", "roster": f"{PHONE}.csv"}},
        *("bad", "unplanned", "migrate-mfa plan ROSTER"),
    ),
    "canary": ({"command": "canary", "rows": {"enrolled": 1}}, "good", "canary", "migrate-mfa rollback"),
}


@pytest.mark.parametrize(("made", "tone", "key", "command"), CASES.values(), ids=CASES)
def test_the_verdict_is_one_sentence_and_the_next_command_filled_in(
    tmp_path: Path, made: dict[str, Any], tone: str, key: str, command: str | None
) -> None:
    make_run(tmp_path, **made)

    facts = facts_of(tmp_path)
    found = facts.headline

    assert (found.tone, found.key) == (tone, key)
    if command is None:
        assert found.command is None
    else:
        assert found.command is not None
        assert found.command.startswith(command.format(dir=tmp_path))
    for lang in Lang:
        parsed(page.as_html(facts, lang))
        assert page.as_markdown(facts, lang)


def test_a_run_elsewhere_is_gone_on_with_there(tmp_path: Path) -> None:
    make_run(tmp_path, meta={"endpoint": "http://127.0.0.1:8791"})

    assert facts_of(tmp_path).headline.command == (
        f"migrate-mfa reconcile --run-dir {tmp_path} --max-sms 2000 --endpoint-url http://127.0.0.1:8791"
    )


def test_a_run_at_work_says_so(tmp_path: Path) -> None:
    with Journal.create_or_open(tmp_path) as journal:
        journal.set_meta(META)
        add_rates(WorkStore.begin(journal.database, "run", BEGUN, CONTEXT))
        found = facts_of(tmp_path)

    assert found.headline.key == "running"
    assert found.passes[0].state == "running"


def test_outcomes_add_up_and_each_has_its_next_command_once(tmp_path: Path) -> None:
    make_run(tmp_path)

    found = {line.outcome: line for line in facts_of(tmp_path).outcomes}

    assert sum(line.rows for line in found.values()) == sum(A_RUN.values())
    assert found[Outcome.PENDING].commands == [f"{RECONCILE} {tmp_path} --max-sms 2000"]
    retry, corrected = sorted(found[Outcome.FAILED].commands, key=len)
    assert retry == f"migrate-mfa run --run-dir {tmp_path} --max-sms 2000"
    assert corrected.startswith(PLAN_FAILED.format(dir=tmp_path))
    assert not found[Outcome.SKIPPED].commands  # to lift a protection is nobody's routine


def test_failures_are_told_by_operation_code_and_country(tmp_path: Path) -> None:
    make_run(tmp_path)

    table = facts_of(tmp_path).failures

    assert table is not None
    assert table.countries[0] == "JP"
    assert sum(line.total for line in table.lines) == sum(
        A_RUN[Reason(name)] for name in A_RUN if Reason(name).outcome is Outcome.FAILED
    )
    found = {(line.operation, line.code, line.reason): line.total for line in table.lines}
    assert found["AdminUpdateUserAttributes", "InvalidParameterException", "rejected"] == A_RUN["rejected"]
    assert found["AdminSetUserMFAPreference", "InternalErrorException", "gave_up"] == A_RUN["gave_up"]
    assert found["", "", "phone_differs"] == A_RUN["phone_differs"]


def test_rates_stay_within_the_share_and_mark_the_throttles(tmp_path: Path) -> None:
    make_run(tmp_path)

    rates = facts_of(tmp_path).rates

    assert rates is not None
    by_name = {each.category: each for each in rates.categories}
    update = by_name["UserUpdate"]
    assert (update.share, update.quota, rates.width) == (12.0, 25.0, 10)
    assert 10 < update.mean < update.peak <= 12
    assert update.throttled == 14
    assert all(400 <= at < 470 or 800 <= at < 850 for at, _ in update.throttles)
    assert html_of(tmp_path).count('class="c-throttle"') == 1 + len(update.throttles)  # and in the legend


def test_what_happened_stands_beside_what_was_foretold(tmp_path: Path) -> None:
    make_run(tmp_path)

    found = {(each.kind, each.category): each for each in facts_of(tmp_path).costs}

    assert found["users", ""].foretold == 11_460
    calls = found["calls", "UserUpdate"].happened
    assert calls is not None
    assert calls > 12_000
    assert found["time", ""].happened == 1260.0
    sms, billed = found["sms", ""], found["billed", ""]
    assert (sms.foretold, sms.happened) == (1560, A_RUN["awaiting_code"])
    written = sum(A_RUN[name] for name in ("enrolled", "awaiting_code", "rejected", "gave_up"))
    assert (found["users", ""].happened, billed.happened) == (written, written + 73)
    money = found["money", ""]
    assert money.foretold == (109.2, 172.23)
    assert money.happened is not None
    assert money.happened == pytest.approx((written + 73) * 0.0055 + 0.06 * A_RUN["awaiting_code"], rel=0.2)


def test_an_audit_is_shown_over_time(tmp_path: Path) -> None:
    make_audits(tmp_path)

    found = facts_of(tmp_path)

    assert found.audit is not None
    assert [then.verified for then in found.audit.history] == [4_900, 5_200, 14_100, 24_300]
    assert (found.headline.key, found.headline.percent) == ("audited", (24_300, 31_000))
    assert "78.4 % of 31,000 enabled local users" in words_of(html_of(tmp_path))


def test_an_audit_that_has_not_ended_speaks_of_no_plan(tmp_path: Path) -> None:
    make_audits(tmp_path, (4_900,))
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "audit", BEGUN + 700_000, CONTEXT)
        at_work = facts_of(tmp_path)
    killed = facts_of(tmp_path)

    assert (at_work.headline.key, killed.headline.key) == ("audit_running", "audit_killed")
    assert "migrate-mfa status --run-dir" in str(at_work.headline.command)
    assert "migrate-mfa audit --run-dir" in str(killed.headline.command)


def test_a_first_audit_is_no_line(tmp_path: Path) -> None:
    make_audits(tmp_path, (4_900,))

    assert "first audit" in words_of(html_of(tmp_path))


def test_a_journal_from_before_has_a_page_without_what_it_did_not_keep(tmp_path: Path) -> None:
    make_run(tmp_path)
    with Journal.create_or_open(tmp_path) as journal, journal.database.transaction() as db:
        db.execute("DROP TABLE call_rates")
        db.execute("DELETE FROM meta WHERE key IN ('forecast', 'pool_facts')")
        db.execute("UPDATE passes SET context = '{}'")

    found = facts_of(tmp_path)

    assert (found.rates, found.costs, found.caller) == (None, [], "")
    assert "has no calls over time" in words_of(html_of(tmp_path))


# --- its words


def test_both_languages_have_the_same_texts_with_the_same_values() -> None:
    english, japanese = texts_of(Lang.EN), texts_of(Lang.JA)

    def values(text: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert {name: list(texts) for name, texts in english.items()} == {
        name: list(texts) for name, texts in japanese.items()
    }
    for section, texts in english.items():
        for name, text in texts.items():
            assert values(text) == values(japanese[section][name]), f"{section}.{name}"


def test_every_text_is_used() -> None:
    used = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.[hm]*"))
    used += "".join(path.read_text(encoding="utf-8") for path in TEMPLATES.parent.glob("*.py"))
    used += "".join(
        path.read_text(encoding="utf-8") for path in (TEMPLATES.parents[1] / "fleet").glob("*.py")
    )
    whole = {  # named by a value: in a template, or where templates and terminal share the sentence
        **{each: f'"{each}." ~' for each in ("state", "alone", "cost", "outcomes", "method", "audit")},
        "fleet_state": '"fleet_state." +',
        "fleet_attention": 'words(f"fleet_attention.{name}"',
        **{each: f'self(f"{each}.{{' for each in ("headline", "next")},
    }
    for section, texts in texts_of(Lang.EN).items():
        for name in texts:
            assert f"{section}.{name}" in used or (section in whole and whole[section] in used), name


def test_a_template_that_names_what_there_is_not_is_a_fault_of_the_page_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_run(tmp_path)
    (tmp_path / "report" / "summary.json").unlink()
    template = page._environment(escaped=True).from_string("{{ page.no_such_thing }}")
    monkeypatch.setattr(page._environment(escaped=True), "get_template", lambda _: template)

    written = from_journal.report(tmp_path)

    assert isinstance(written.fault, UndefinedError)
    assert "no_such_thing" in str(written.fault)
    assert written.summary.as_dict() == made
    assert (tmp_path / "report" / "summary.json").exists()


def test_a_text_that_there_is_not_is_loud() -> None:
    with pytest.raises(KeyError, match="no_such_text"):
        PageTexts(Lang.JA)("page.no_such_text")


def test_markdown_is_short_and_its_tables_hold(tmp_path: Path) -> None:
    make_run(tmp_path, meta={"pool_name": "a|b\nc"})

    text = from_journal.markdown(tmp_path)

    assert len(text.splitlines()) < 70
    assert text.startswith("# MFA migration report: a\\|b c\n")
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.replace("\\|", "").count("|") for line in block.splitlines()}) == 1
    assert f"| Pending | `awaiting_code` | {A_RUN['awaiting_code']} |" in text


@pytest.mark.parametrize("seconds", [31, 60, 61, 119, 600, 1260, 7_300, 90_000, 700_000, 9_000_000])
def test_times_below_a_chart_are_few_and_in_order(seconds: float) -> None:
    ticks = page._time_ticks(seconds)

    assert ticks[0] == 0
    assert ticks[-1] == seconds
    assert ticks == sorted(set(ticks))
    assert 2 <= len(ticks) <= 7
