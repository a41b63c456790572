"""The templates of jobs/: valid by the rules of their tools, and the image's contents at work in a box."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from migrate_mfa.domain.errors import ExitCode
from tests.commands.support import POOL_ID, ROOT, Cli, assert_code, ends, members_of, roster_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.commands.conftest import Site

JOBS = ROOT / "jobs"
BIN = Path(sys.executable).parent
TEMPLATE, CRON_JOB, DOCKERFILE = JOBS / "ecs-scheduled.yaml", JOBS / "cronjob.yaml", JOBS / "Dockerfile"
ARRAY, INDEXED_JOB = JOBS / "batch-array.yaml", JOBS / "indexed-job.yaml"
TOPIC = "arn:aws:sns:ap-northeast-1:123456789012:migrate-mfa"
COME_BACK = {ExitCode.RUN_DIRECTORY, ExitCode.STOPPED, ExitCode.LIMIT, ExitCode.SIGTERM}
STRANGER = "10001"


def linted(tool: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / tool, file], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("tool", "file", "broken"),
    [
        ("hadolint", DOCKERFILE, ("python:3.13-slim", "python:latest")),
        ("cfn-lint", TEMPLATE, ("StopTimeout", "StopTimeOut")),
        ("cfn-lint", ARRAY, ("EvaluateOnExit", "EvaluateAtExit")),
    ],
)
def test_a_template_is_clean_and_its_linter_would_tell(
    tool: str, file: Path, broken: tuple[str, str], tmp_path: Path
) -> None:
    wrong = tmp_path / file.name
    wrong.write_text(file.read_text(encoding="utf-8").replace(*broken), encoding="utf-8")

    clean = linted(tool, file)

    assert (clean.returncode, clean.stdout, clean.stderr) == (0, "", "")
    assert linted(tool, wrong).returncode != 0


def kubernetes(file: Path) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(file.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("file", [CRON_JOB, INDEXED_JOB], ids=lambda file: file.stem)
@pytest.mark.parametrize("version", ["1.33", "1.37"])
def test_kubernetes_takes_the_templates(file: Path, version: str) -> None:
    documents = kubernetes(file)

    assert len(documents) == 3
    for document in documents.values():
        kubernetes_validate.validate(document, version, strict=True)
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(document | {"specification": {}}, version, strict=True)


@pytest.mark.parametrize(
    ("job", "action"),
    [
        (kubernetes(CRON_JOB)["CronJob"]["spec"]["jobTemplate"]["spec"], "FailJob"),
        (kubernetes(INDEXED_JOB)["Job"]["spec"], "FailIndex"),
    ],
)
def test_kubernetes_tries_again_what_comes_back_by_itself_and_nothing_else(
    job: dict[str, Any], action: str
) -> None:
    (rule,) = (each for each in job["podFailurePolicy"]["rules"] if "onExitCodes" in each)

    assert (rule["action"], rule["onExitCodes"]["operator"]) == (action, "NotIn")
    assert set(rule["onExitCodes"]["values"]) == {int(code) for code in COME_BACK}
    assert job["template"]["spec"]["restartPolicy"] == "Never", "or there is no policy"


def cloudformation(file: Path) -> Any:
    from cfnlint.decode.cfn_yaml import load  # most processes collect these tests and run others

    return load(str(file))


def test_batch_tries_again_what_comes_back_by_itself_and_nothing_else() -> None:
    job = cloudformation(ARRAY)["Resources"]["Fleet"]["Properties"]
    *again, last = job["RetryStrategy"]["EvaluateOnExit"]

    assert {int(each["OnExitCode"]) for each in again if each["Action"] == "RETRY"} == COME_BACK
    assert (last["OnExitCode"], last["Action"]) == ("*", "EXIT"), "what no rule matches is tried again"


def resolved(value: Any) -> Any:
    """A part of the template as CloudFormation would make it."""
    parameters = {"AWS::Partition": "aws", "AWS::Region": "ap-northeast-1", "AWS::AccountId": "123456789012"}
    parameters |= {"UserPoolId": POOL_ID, "TopicArn": TOPIC}
    match value:
        case {"Ref": name}:
            return parameters[name]
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: parameters[found[1]], text)
        case dict():
            return {key: resolved(each) for key, each in value.items()}
        case list():
            return [resolved(each) for each in value]
        case _:
            return value


def test_the_task_may_do_what_iam_policy_prints_and_no_more(tmp_path: Path) -> None:
    template = cloudformation(TEMPLATE)
    parameters, (policy,) = (
        template["Parameters"],
        template["Resources"]["TaskRole"]["Properties"]["Policies"],
    )
    command = parameters["Arguments"]["Default"].split(",")[0]
    options = ("--user-pool-id", POOL_ID, "--account", "123456789012", "--notify-topic-arn", TOPIC)

    printed = Cli(tmp_path)("iam-policy", command, *options)

    assert_code(printed, 0)
    assert json.loads(json.dumps(resolved(policy["PolicyDocument"]))) == printed.json()


def test_the_command_lines_of_the_templates_are_taken(tmp_path: Path) -> None:
    template = cloudformation(TEMPLATE)
    pod = kubernetes(CRON_JOB)["CronJob"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    lines = [template["Parameters"]["Arguments"]["Default"].split(","), container["args"]]

    for line in lines:
        shown = Cli(tmp_path)(*line, "--show-config")
        assert_code(shown, 0)
        for flag in (each for each in line if each.startswith("--")):
            assert flag in shown.out or flag[2:].replace("-", "_") in shown.out, flag


# The image's contents under bubblewrap


def instructions(name: str) -> list[str]:
    """The arguments of an instruction of the image's last stage."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    last = text[text.rindex("\nFROM ") :]
    return re.findall(rf"^{name} (.+)$", last, re.MULTILINE)


def ignored(name: str) -> bool:
    """Whether Dockerfile.dockerignore keeps a path of the checkout out of the image."""
    kept = (JOBS / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    path = Path(name)
    return "__pycache__" in path.parts or not any(
        path.match(each[1:]) or Path(each[1:]) in path.parents for each in kept if each.startswith("!")
    )


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What the Dockerfile copies of the checkout, where it copies it, with links as they are."""
    root = tmp_path / "image"
    for source, target in (each.split() for each in instructions("COPY") if not each.startswith("--from")):
        for path in (ROOT / source).rglob("*"):
            if path.is_file() and not ignored(str(path.relative_to(ROOT))):
                place = root / target.lstrip("/") / path.relative_to(ROOT / source)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, place, follow_symlinks=False)
    return root


@cache
def no_box() -> str:
    """Why there is no bubblewrap here, or none that may do what it does; empty where there is."""
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (apt install bubblewrap)"
    line = ["bwrap", "--ro-bind", "/", "/", "--unshare-user", "--uid", STRANGER, "true"]
    return subprocess.run(line, capture_output=True, text=True, check=False).stderr


@pytest.fixture
def contained(image: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a module of the image: a read-only root, a user whom nobody knows, no HOME, the two volumes."""
    if why := no_box():
        pytest.skip(f"The image's contents were NOT run: {why}")
    (tmp_path / "work").mkdir(mode=0o700)
    pairs = (pair.partition("=") for line in instructions("ENV") for pair in line.split())
    variables = {name: value.replace("/opt/app", "/mnt/app") for name, _, value in pairs}
    variables["PATH"] = f"{BIN}:{variables['PATH']}"
    box: list[object] = ["bwrap", "--ro-bind", "/", "/", "--tmpfs", "/mnt"]
    box += ["--ro-bind", image / "opt/app", "/mnt/app", "--tmpfs", "/tmp", "--dev", "/dev", "--proc", "/proc"]
    box += ["--ro-bind", BIN.parent, BIN.parent]  # this Python, which may be below /tmp itself
    box += ["--bind", tmp_path / "work", "/var/tmp", "--chdir", "/var/tmp"]  # / has no /work to mount it on
    box += ["--unshare-user", "--unshare-pid", "--uid", STRANGER, "--gid", STRANGER]
    box += ["--die-with-parent", "--clearenv"]

    def run(*arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        told = [word for name, value in (variables | more).items() for word in ("--setenv", name, value)]
        line = [*box, *told, "--", *arguments]
        return subprocess.run([str(each) for each in line], capture_output=True, text=True, check=False)

    return run


def entry_point() -> list[str]:
    return list(json.loads(instructions("ENTRYPOINT")[0]))


PROBE = """
import os, pathlib, migrate_mfa
print(migrate_mfa.__file__, os.getuid(), "HOME" in os.environ)
try:
    pathlib.Path("/etc/written").touch()
except OSError as error:
    print(error.strerror)
"""


def test_the_box_is_what_a_hardened_container_is(
    contained: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    assert instructions("USER") == [f"{STRANGER}:{STRANGER}"]

    found = contained("python", "-c", PROBE)

    assert found.stdout.splitlines() == [
        f"/mnt/app/migrate_mfa/__init__.py {STRANGER} False",
        "Read-only file system",
    ]


@pytest.mark.slow
def test_the_image_shows_the_whole_job(contained: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = contained(*entry_point(), "demo", "--users", "5")

    assert done.returncode == 0, done.stderr
    assert "All 61 rows of the samples ended as samples/*.expected.csv says." in done.stdout


def test_the_image_enrols_users_and_takes_it_back(
    contained: Callable[..., subprocess.CompletedProcess[str]],
    raise_site: Callable[..., Site],
    tmp_path: Path,
) -> None:
    names = [f"user{number}" for number in range(6)]
    site = raise_site(members_of(names))
    shutil.copy(roster_of(site.folder, names), tmp_path / "work" / "users.csv")
    told = {"AWS_ENDPOINT_URL": site.running.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
    told |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    told |= {"MIGRATE_MFA_USER_POOL_ID": POOL_ID}
    line = ("run", "users.csv", "--run-dir", "run", "--verification", "attested", "--yes")

    done = contained(*entry_point(), *line, "--metrics-file", "run.prom", **told)
    assert done.returncode == 0, done.stderr
    ended = ends(tmp_path / "work" / "run")
    back = contained(*entry_point(), "rollback", "--run-dir", "run", "--yes", **told)

    assert ended == {("verified", "enrolled"): 6}
    assert "migrate_mfa_exit_code" in (tmp_path / "work" / "run.prom").read_text()
    assert back.returncode == 0, back.stderr
