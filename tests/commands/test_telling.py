"""Told without anybody looking: a file for Prometheus, a message to an SNS topic; neither changes the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.sns.models import sns_backends
from prometheus_client.parser import text_string_to_metric_families

from migrate_mfa.cli.option_groups import Telling
from migrate_mfa.domain.errors import Declined, PoolNotReady
from migrate_mfa.settings import Settings
from migrate_mfa.workflows.telling import tell_failure
from tests.commands.support import (
    POOL_ID,
    assert_code,
    members_of,
    phone_of,
    roster_of,
    write_roster,
)
from tests.support.moto_server import moto_on_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.commands.conftest import Site

ATTESTED = ("--verification", "attested")
REGION = "us-west-2"


class Topic:
    """A topic of another Region than the pool's, and what it was told."""

    def __init__(self, endpoint: str) -> None:
        make: Any = boto3.client
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        sns = make("sns", region_name=REGION, endpoint_url=endpoint, **keys)
        self.arn: str = sns.create_topic(Name="migrate-mfa")["TopicArn"]
        self.endpoint = endpoint

    def told(self) -> list[tuple[str, str]]:
        """Subject and text of each message."""
        sent = sns_backends["123456789012"][REGION].topics[self.arn].sent_notifications
        return [(str(subject), text) for _, text, subject, *_ in sent]


@pytest.fixture
def topic() -> Iterator[Topic]:
    with moto_on_loopback() as endpoint:
        yield Topic(endpoint)
    sns_backends.reset()


def a_site(raise_site: Callable[..., Site], users: int = 6) -> tuple[Site, Path]:
    names = [f"user{number}" for number in range(users)]
    site = raise_site(members_of(names))
    return site, roster_of(site.folder, names)


def samples(file: Path) -> dict[str, float]:
    """Every sample by name and labels, without command and pool."""
    found = {}
    for family in text_string_to_metric_families(file.read_text()):
        for each in family.samples:
            own = [value for name, value in each.labels.items() if name not in {"command", "pool"}]
            found[" ".join([each.name.removeprefix("migrate_mfa_"), *own])] = each.value
    return found


def test_a_run_tells_its_topic_and_its_file_how_it_ended(
    raise_site: Callable[..., Site], topic: Topic
) -> None:
    site, roster = a_site(raise_site)
    site.cli.environment["AWS_ENDPOINT_URL_SNS"] = topic.endpoint
    told = ("--notify-topic-arn", topic.arn, "--metrics-file", site.folder / "run.prom")

    wave = site.cli.run(roster, site.folder / "run", *ATTESTED, "--max-users", 2, *told)
    first = samples(site.folder / "run.prom")
    done = site.cli.run(roster, site.folder / "run", *ATTESTED, *told)

    assert_code(wave, 10)
    assert_code(done, 0)
    assert (first["exit_code"], first["rows verified enrolled"], first["rows unprocessed "]) == (10, 2, 4)
    last = samples(site.folder / "run.prom")
    assert (last["exit_code"], last["rows verified enrolled"]) == (0, 6)
    assert last["calls_sent UserUpdate"] == 4
    assert last["last_success_timestamp_seconds"] > first["last_success_timestamp_seconds"]
    (subject, text), (_, end) = topic.told()
    assert subject == f"migrate-mfa run {POOL_ID}: exit code 10"
    lines = text.splitlines()
    assert lines[0].startswith(f"migrate-mfa run, pool {POOL_ID}: ")
    assert lines[0].endswith("(exit code 10)")
    assert lines[1] == "verified 2, pending 0, failed 0, skipped 0, unprocessed 4"
    assert any(line.startswith("migrate-mfa run --run-dir") for line in lines), "the next command"
    assert "verified 6" in end


def test_neither_holds_anything_of_a_user(raise_site: Callable[..., Site], topic: Topic) -> None:
    site = raise_site(members_of(["ann"]))
    site.cli.environment["AWS_ENDPOINT_URL_SNS"] = topic.endpoint
    rows = [("ann@example.com", phone_of(1)), ("nobody@example.com", phone_of(2)), ("ann@example.com", "12")]
    write_roster(site.folder / "roster.csv", rows)
    told = ("--notify-topic-arn", topic.arn, "--metrics-file", site.folder / "run.prom")

    done = site.cli.run("roster.csv", site.folder / "run", *ATTESTED, "--max-failures", "100%", *told)

    assert_code(done, 7)
    ((_, text),) = topic.told()
    for secret in ("ann", "nobody", "example.com", phone_of(1), phone_of(1)[3:], phone_of(2)[3:]):
        assert secret not in text
        assert secret not in (site.folder / "run.prom").read_text()


def test_a_command_that_is_stopped_tells_why(raise_site: Callable[..., Site], topic: Topic) -> None:
    site, roster = a_site(raise_site)
    site.cli.environment["AWS_ENDPOINT_URL_SNS"] = topic.endpoint
    told = ("--notify-topic-arn", topic.arn, "--metrics-file", site.folder / "run.prom")
    assert_code(site.cli.run(roster, site.folder / "run", *ATTESTED), 0)
    site.running.control("faults", {"rules": [{"kind": "access_denied", "ops": ["DescribeUserPool"]}]})

    refused = site.cli("reconcile", "--run-dir", site.folder / "run", "--yes", *told)

    assert_code(refused, 5)
    ((subject, text),) = topic.told()
    assert subject == f"migrate-mfa reconcile {POOL_ID}: exit code 5"
    assert "DescribeUserPool" in text.splitlines()[0]
    assert samples(site.folder / "run.prom")["exit_code"] == 5


@pytest.mark.parametrize("trouble", ["gone", "refused", "credentials"])
def test_a_topic_that_cannot_be_told_changes_no_exit_code(
    raise_site: Callable[..., Site], topic: Topic, trouble: str
) -> None:
    site, roster = a_site(raise_site)
    arn = topic.arn if trouble != "refused" else f"{topic.arn}-of-nobody"
    endpoint = "http://127.0.0.1:9" if trouble == "gone" else topic.endpoint
    site.cli.environment["AWS_ENDPOINT_URL_SNS"] = endpoint
    if trouble == "credentials":
        site.cli.environment |= {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}

    done = site.cli.run(roster, site.folder / "run", *ATTESTED, "--notify-topic-arn", arn)

    assert_code(done, 5 if trouble == "credentials" else 0)
    assert f"The topic {arn} could not be notified" in done.err.replace("\n", " ")
    assert topic.told() == []


def test_a_file_that_cannot_be_written_changes_no_exit_code(raise_site: Callable[..., Site]) -> None:
    site, roster = a_site(raise_site)

    done = site.cli.run(
        roster, site.folder / "run", *ATTESTED, "--metrics-file", site.folder / "none" / "run.prom"
    )

    assert_code(done, 0)
    assert "The metrics file" in done.err
    assert "cannot be written (No such file or directory)" in done.err


@pytest.mark.parametrize("command", ["plan", "audit", "rollback", "disable"])
def test_the_other_commands_have_them_too(
    raise_site: Callable[..., Site], topic: Topic, command: str
) -> None:
    site, roster = a_site(raise_site, 2)
    site.cli.environment["AWS_ENDPOINT_URL_SNS"] = topic.endpoint
    assert_code(site.cli.run(roster, site.folder / "run", *ATTESTED), 0)
    line: dict[str, tuple[object, ...]] = {
        "plan": (roster, "--user-pool-id", POOL_ID, *ATTESTED, "--run-dir", site.folder / "new"),
        "audit": ("--user-pool-id", POOL_ID),
        "rollback": ("--run-dir", site.folder / "run", "--yes"),
        "disable": (roster, "--user-pool-id", POOL_ID, "--yes"),
    }
    told = ("--notify-topic-arn", topic.arn, "--metrics-file", site.folder / "it.prom")

    done = site.cli(command, *line[command], *told)

    assert_code(done, 0)
    assert len(topic.told()) == 1
    found = samples(site.folder / "it.prom")
    assert found["exit_code"] == 0
    if command == "audit":
        assert found["users verified"] == 2


def test_the_policy_has_the_topic_where_there_is_one(raise_site: Callable[..., Site], topic: Topic) -> None:
    site = raise_site()
    line = ("--user-pool-id", POOL_ID, "--account", "123456789012", "--notify-topic-arn", topic.arn)

    run, check = (site.cli("iam-policy", command, *line).json() for command in ("run", "check"))
    without = site.cli("iam-policy", "run", *line[:-2]).json()

    assert run["Statement"][-1] == {
        "Sid": "Notify",
        "Effect": "Allow",
        "Action": ["sns:Publish"],
        "Resource": topic.arn,
    }
    assert run["Statement"][:-1] == without["Statement"]
    assert "Publish" not in str(check)


def test_a_topic_is_named_by_its_arn(raise_site: Callable[..., Site]) -> None:
    site, roster = a_site(raise_site)

    done = site.cli.run(roster, site.folder / "run", *ATTESTED, "--notify-topic-arn", "alarms")

    assert_code(done, 2)
    assert "--notify-topic-arn 'alarms' is not a standard topic's ARN" in done.err


def test_whoever_says_no_needs_no_message_and_an_error_has_no_number_in_it(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", topic.endpoint)
    settings = Settings(user_pool_id=POOL_ID, telling=Telling(notify_topic_arn=topic.arn))

    tell_failure("run", settings, None, Declined("No."))
    tell_failure("run", settings, None, PoolNotReady("MFA is off for +81 90-1234-5678."))

    ((_, text),) = topic.told()
    assert text == f"migrate-mfa run, pool {POOL_ID}: MFA is off for [number]. (exit code 4)\n"


def test_a_run_directory_in_a_bucket_that_cannot_be_had_is_told_too(
    raise_site: Callable[..., Site], topic: Topic
) -> None:
    site = raise_site()
    site.cli.environment |= {"AWS_ENDPOINT_URL_SNS": topic.endpoint, "AWS_ENDPOINT_URL_S3": topic.endpoint}
    told = ("--notify-topic-arn", topic.arn, "--metrics-file", site.folder / "it.prom")

    lost = site.cli("reconcile", "--run-dir", "s3://no-such-bucket/run", "--yes", *told)

    assert_code(lost, 6)
    ((subject, text),) = topic.told()
    assert subject.endswith("exit code 6")
    assert "There is no bucket no-such-bucket." in text
    assert samples(site.folder / "it.prom")["exit_code"] == 6
