"""What the README and the guide list is what the code has: options, tables, policies, members of JSON."""

import json
import re
import subprocess
import sys
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest

from migrate_mfa.checks.findings import Code, Level
from migrate_mfa.checks.iam_policy import permissions_of
from migrate_mfa.commands.guide import TOPICS
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.domain.model import PhoneConflict, VerificationPolicy
from migrate_mfa.domain.prices import Prices
from migrate_mfa.domain.quotas import CATEGORY_OF, PACED, QUOTAS, Category
from migrate_mfa.domain.reasons import LIFTABLE, Outcome, Reason
from migrate_mfa.journal.database import Journal
from migrate_mfa.journal.write_store import WorkStore
from migrate_mfa.main import main
from migrate_mfa.reports.from_journal import status
from migrate_mfa.roster.aliases import ALIASES, meaning_of, names_of
from migrate_mfa.simulator import background
from tests.docs.documents import (
    ALL,
    ENGLISH,
    JAPANESE,
    POOL_ID,
    PROFILE,
    ROOT,
    TRANSLATED,
    a_pool,
    blocks,
    codes,
    commands,
    headings,
    section,
    tables,
    topic,
)
from tests.docs.reference import commands as programs_commands

BOTH = pytest.mark.parametrize("text", [ENGLISH, JAPANESE], ids=["en", "ja"])


def languages(name: str) -> list[str]:
    """A topic in all languages that it has."""
    return [topic(name), *([topic(name, "ja")] if name in TRANSLATED else [])]


def titled(text: str, title: str) -> str:
    """The section of an English heading, in the language of the text."""
    pairs = [(ENGLISH, JAPANESE), *((topic(name), topic(name, "ja")) for name in TRANSLATED)]
    for english, japanese in pairs:
        if text == japanese:
            at = [name for _, name in headings(english)].index(title)
            return section(japanese, headings(japanese)[at][1])
    return section(text, title)


# --- options and commands --------------------------------------------------------------------------------


def options_of(command: str) -> set[str]:
    """The options in `--help`."""
    found = {
        option
        for parameter in programs_commands()[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--") and not parameter.hidden
    }
    return found | {"--help"}


DASKS = {
    "--protocol",
    "--tls-ca-file",
    "--tls-cert",
    "--tls-key",
    "--no-dashboard",
    "--nthreads",
    "--resources",
}
"""The options of `dask scheduler` and `dask worker` in the topic fleet."""


def test_every_option_that_is_named_exists() -> None:
    there = {"--version", "--job-schema", "--install-completion", "--show-completion"} | DASKS
    for command in programs_commands():
        there |= options_of(command)
    for name, text in ALL.items():
        plain = re.sub(r"^\|[-|]+\|$", "", text, flags=re.MULTILINE)
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", plain)) <= there, name


def test_every_option_is_in_the_reference() -> None:
    for command in programs_commands():
        assert options_of(command) <= set(codes(topic("reference"))), command


def test_what_widens_a_run_or_concerns_one_invocation_has_no_variable() -> None:
    named = section(topic("reference"), "Variables").split("These never read a variable")[1].split(".\n")[0]
    without = {each for each in codes(named) if each.startswith("--")}

    assert {
        "--yes",
        "--despite",
        "--phone-conflict",
        "--dry-run",
        "--deep",
        "--fail-under",
        "--repair",
    } <= without
    assert {"--json", "--job", "--show-config", "--user", "--outcome", "--despite-pending"} <= without
    for command in programs_commands().values():
        for parameter in command.params:
            if without & {*parameter.opts, *parameter.secondary_opts}:
                assert not parameter.envvar, parameter.name


@BOTH
def test_the_table_of_commands_names_all_of_them_and_no_others(text: str) -> None:
    rows = tables(titled(text, "Commands"))[0]

    assert sorted(row[0].strip("`").split()[0] for row in rows) == sorted(programs_commands())


# --- tables that the code has too ------------------------------------------------------------------------


@BOTH
def test_the_exit_codes_are_those_of_the_code(text: str) -> None:
    assert [int(row[0]) for row in tables(titled(text, "Exit codes"))[0]] == sorted(ExitCode)


@pytest.mark.parametrize("text", languages("troubleshooting"))
def test_troubleshooting_names_exit_codes_of_the_code(text: str) -> None:
    assert {int(row[0]) for row in tables(text)[0]} <= set(ExitCode)


@pytest.mark.parametrize("text", languages("state"))
def test_the_outcomes_are_those_of_the_code(text: str) -> None:
    assert [row[0] for row in tables(titled(text, "Outcomes"))[0]] == [f"`{each.value}`" for each in Outcome]


def test_the_quotas_are_those_of_the_code() -> None:
    rows = {row[0]: (row[1], row[2]) for row in tables(section(topic("how-it-works"), "How fast"))[0]}

    assert rows.keys() == {each.value for each in PACED}
    for category in PACED:
        calls, rate = rows[category.value]
        assert float(rate) == QUOTAS[category].default_rps
        assert set(calls.split(", ")) == {op for op, counts in CATEGORY_OF.items() if counts is category}


@pytest.mark.parametrize("text", languages("policies"))
def test_policies_and_choices_are_those_of_the_code(text: str) -> None:
    policies, conflicts, lifted = tables(text)

    assert {row[0].strip("`") for row in policies} == set(VerificationPolicy)
    assert {row[0].strip("`") for row in conflicts} == set(PhoneConflict)
    assert {row[0].strip("`") for row in lifted} == {each.value for each in LIFTABLE}


@BOTH
def test_the_readme_has_all_policies(text: str) -> None:
    rows = tables(titled(text, "Choose a verification policy"))[0]

    assert [row[0].strip("`") for row in rows] == list(VerificationPolicy)


@pytest.mark.parametrize("text", languages("columns"))
def test_the_names_of_columns_are_those_of_the_code(text: str) -> None:
    assert [names_of(names) for _, names in tables(text)[0]] == [
        names_of(names) for names in ALIASES.values()
    ]


@pytest.mark.parametrize("text", languages("roster"))
def test_the_usual_names_of_columns_are_known(text: str) -> None:
    usual = [codes(row[1]) for row in tables(text)[0]]

    assert all(map(meaning_of, (name for row in usual for name in row if name not in {"true", "false"})))


@pytest.mark.parametrize("text", languages("check"))
def test_the_findings_of_check_are_those_of_the_code(text: str) -> None:
    levels, findings = tables(text)
    named = [re.sub(r"^(quota|usage)_.*", r"\1_CATEGORY", code) for code in Code]

    assert [row[0].strip("`") for row in levels] == list(Level)
    assert [row[0].strip("`") for row in findings] == list(dict.fromkeys(named))
    assert {level for row in findings for level in row[1].split(", ")} <= set(Level)


def test_the_decision_table_has_twelve_lines() -> None:
    rows = tables(section(topic("how-it-works"), "Which wins"))[0]

    assert [row[0].removesuffix(" *") for row in rows] == [str(number) for number in range(1, 13)]
    named = {code for row in rows for code in codes(row[-1])}
    assert named <= set(Reason)


def test_every_reason_that_is_named_exists() -> None:
    reasons = set(Reason)
    for name in ("troubleshooting", "policies", "how-it-works"):
        for code in codes(topic(name)):
            if re.fullmatch(r"(has|awaiting|phone|user|gave|half|not|no|already)_[a-z_]+", code):
                known = {"phone_number", "phone_number_verified", "phone_number_used", "user_sub"}
                assert code in reasons | known, f"{name}: {code}"


def test_messages_name_topics_that_exist() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "migrate_mfa").rglob("*.py")]
    named = {name for text in sources for name in re.findall(r"migrate-mfa guide ([a-z-]+)", text)}

    assert named, "columns at least"
    assert named <= set(TOPICS)
    assert not [text for text in sources if re.search(r"\b(see|in) the README", text)]


# --- documents that the program prints -------------------------------------------------------------------


def test_the_policy_document_is_what_the_program_prints(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = topic("permissions")
    (command,) = commands(text)
    (document,) = (body for language, body in blocks(text) if language == "json")
    program, *arguments = command.line.replace("\\\n", " ").split()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    assert program == "migrate-mfa"
    assert main(arguments) == 0
    assert capsys.readouterr().out == document


def test_one_policy_is_enough_for_the_commands_that_the_topic_names() -> None:
    enough = {each.action for each in permissions_of("run")}
    said = topic("permissions").split("**Also enough for**")[1].split("Each of these")[0]

    for command in set(codes(said)) - {"--deep"}:
        assert {each.action for each in permissions_of(command, deep=True)} <= enough, command


def test_the_summary_has_the_members_of_the_code(tmp_path: Path, environment: dict[str, str]) -> None:
    told = section(topic("state"), "summary.json")
    (shown,) = (json.loads(body) for language, body in blocks(told) if language == "json")
    with background(a_pool(["a@example.com"])) as running:
        settings = {"MIGRATE_MFA_ENDPOINT_URL": running.endpoint, "AWS_PROFILE": PROFILE}
        done = subprocess.run(
            [sys.executable, "-m", "migrate_mfa", "audit", "--user-pool-id", POOL_ID, "--json"],
            cwd=tmp_path,
            env=environment | settings,
            stdout=subprocess.PIPE,
            check=True,
        )
    summary = json.loads(done.stdout)

    of_audits = {"coverage", "total", "users", "estimated_users", "list_complete"}
    assert list(shown) == [name for name in summary if name not in of_audits]
    assert all(f'`"{name}' in told for name in of_audits)
    assert shown["counts"].keys() == summary["counts"].keys()
    assert shown["version"] == summary["version"]


def test_the_progress_of_a_run_at_work_has_the_members_of_the_code(tmp_path: Path) -> None:
    text = section(topic("state"), "A run at work: status")
    (shown,) = (json.loads(body) for language, body in blocks(text))
    with Journal.create_or_open(tmp_path) as journal:
        WorkStore.begin(journal.database, "run", 1_700_000_000.0)
        told = status(tmp_path)

    assert list(shown["progress"]) == list(told["progress"])


def test_the_bill_is_what_the_prices_make_of_it() -> None:
    text = section(topic("cost"), "A bill for 300,000 users, by policy")
    users = 300_000
    rate = int(QUOTAS[Category.USER_UPDATE].default_rps * 0.5)
    prices = Prices(sms={"JP": Decimal("0.07")}, mau=Decimal("0.0055"))
    codes_now = prices.of_sms({"JP": users}, 1)
    assert prices.mau is not None
    active = users * prices.mau

    for seconds in (users / rate, users / (rate / 2)):
        assert _hours(seconds) in text
    for money in (codes_now, active, codes_now + active, 2 * codes_now):
        assert f"{money:,.0f}" in text


def _hours(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def test_the_versions_of_python_that_are_promised_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    classified = [each.rpartition(" ")[2] for each in project["classifiers"] if ":: 3." in each]
    (promised,) = (row[1] for row in tables(topic("security"))[-1] if row[0] == "Python")

    assert re.findall(r"3\.\d+", promised) == classified
    assert project["requires-python"] == f">={classified[0]}"
