"""What the environment and a job file say: what nobody reads is warned of, what wins is said."""

from pathlib import Path

import pytest
from typer.main import get_command

from migrate_mfa.cli.variables import unread
from migrate_mfa.domain.errors import ExitCode
from migrate_mfa.main import app, main

POOL = "ap-northeast-1_AbCdEfGhI"
COMMAND = ["run", "nowhere.csv", "--verification", "attested", "--yes"]


def warnings(**environment: str) -> list[str]:
    return list(unread(get_command(app()), environment))


@pytest.mark.parametrize(
    "name", ["migrate_mfa_quota_share", "MIGRATE_MFA_QUOTA-SHARE", "Migrate_Mfa_Quota_Share"]
)
def test_a_variable_in_another_spelling_is_warned_of(name: str) -> None:
    assert warnings(**{name: "0.9"}) == [
        f"The variable {name} is not read: it must be MIGRATE_MFA_QUOTA_SHARE."
    ]


def test_an_unknown_variable_is_warned_of_with_the_nearest() -> None:
    [warning] = warnings(MIGRATE_MFA_QUOTA_SHAER="0.9", MIGRATE_MFA_QUOTA_SHARE="0.5", OTHER="x")

    assert warning.startswith("The variable MIGRATE_MFA_QUOTA_SHAER is not read: ")
    assert warning.endswith("The nearest is MIGRATE_MFA_QUOTA_SHARE.")
    [unlike] = warnings(MIGRATE_MFA_BUDGET="7")
    assert unlike.endswith("there is no option --budget.")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("YES", "--yes is given on the command line only, because nothing left in an environment may widen"),
        ("DESPITE", "may widen"),
        ("PHONE_CONFLICT", "may widen"),
        ("DRY_RUN", "because it concerns one invocation"),
        ("DEEP", "because it concerns one invocation"),
        ("POOL_FILE", "because it concerns one invocation"),
        ("POOLS", "there is no option --pools"),
    ],
)
def test_what_never_comes_from_a_variable_is_said_to_be_so(name: str, why: str) -> None:
    [warning] = warnings(**{f"MIGRATE_MFA_{name}": "1"})

    assert why in warning


def test_the_warning_is_on_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_MFA_YES", "1")

    assert main(["--version"]) == ExitCode.DONE

    shown = capsys.readouterr()
    assert "MIGRATE_MFA_YES is not read" in shown.err
    assert "MIGRATE" not in shown.out


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.toml"
    path.write_text('command = "run"\nuser_pool_id = "us-east-1_Job"\nquota_share = "25%"\n')
    return path


def test_a_variable_that_beats_the_job_file_is_said_with_both_values(
    job: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_MFA_USER_POOL_ID", "us-east-1_Env")
    monkeypatch.setenv("MIGRATE_MFA_QUOTA_SHARE", "0.25")  # the same: nothing is beaten

    main([*COMMAND, "--job", str(job)])
    said = capsys.readouterr().err
    main([*COMMAND, "--job", str(job), "--show-config"])
    shown = capsys.readouterr().out.splitlines()

    beaten = "user_pool_id: us-east-1_Job of the job file"
    assert f"MIGRATE_MFA_USER_POOL_ID (us-east-1_Env) wins over {beaten}." in said
    assert "quota_share" not in said
    pool = shown.index("user_pool_id = us-east-1_Env  # variable")
    assert shown[pool + 1] == f"  # MIGRATE_MFA_USER_POOL_ID, not {beaten}"
    share = shown.index("quota_share = 0.25  # variable")
    assert shown[share + 1] == "  # MIGRATE_MFA_QUOTA_SHARE"


def test_a_flag_beats_both_without_a_word(
    job: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIGRATE_MFA_USER_POOL_ID", "us-east-1_Env")

    main([*COMMAND, "--job", str(job), "--user-pool-id", "us-east-1_Flag"])

    assert "wins over" not in capsys.readouterr().err


def test_the_sdks_own_endpoint_variable_is_shown_though_the_sdk_reads_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    main([*COMMAND, "--show-config"])

    shown = capsys.readouterr().out.splitlines()
    assert shown[shown.index("endpoint_url = http://127.0.0.1:9  # variable") + 1] == "  # AWS_ENDPOINT_URL"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--verification", "atested"], "'atested' is not one of 'by-code'"),
        (["--quota-share", "50"], "0.5 for half or 50%"),
        (["--quota-share", "150%"], "0.5 for half (not '150%')"),
        (["--quota-share", "much"], "it takes a share such as 0.5 or 50%"),
        (["--quota-share", "nan"], "it takes 0.001 to 1"),
        (["--batch-size", "x"], "it takes a whole number."),
        (["--max-users", "0"], "it takes 1 or more."),
        (["--batch-size", "20000"], "it takes at most 10000."),
        (["--phone-conflict", "foo"], "'foo' is not one of 'fail'"),
    ],
)
def test_a_value_that_is_not_taken_is_refused_in_plain_words(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMAND, *options]) == ExitCode.USAGE

    shown = capsys.readouterr().err
    assert said in shown
    assert "Value error" not in shown
    assert "Input should" not in shown


def test_a_share_may_be_a_percentage(capsys: pytest.CaptureFixture[str]) -> None:
    main([*COMMAND, "--quota-share", "50%", "--show-config"])

    assert "quota_share = 0.5  # flag" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            b'\xef\xbb\xbfcommand = "run"\r\nverification = "attested"\r\n',
            "Cannot read the roster nowhere.csv",
        ),
        ('command = "run"\n'.encode("utf-16"), "is UTF-16, and TOML is UTF-8"),
        (b'command = "r\xfcn"\n', "is not UTF-8"),
        (b'command = "run"\nx = ' + b"[" * 5000 + b"]" * 5000, "is nested too deeply"),
        (b'command = "run"\nquiet = yes\n', "is not TOML"),
        (b'command = "run"\nstop_after = 8\n', "takes a duration such as 8h"),
        (b'command = "run"\nmax_failures = 1\n', "takes a percentage such as 1%"),
        (b'command = "run"\nphone_country = 81\n', "'81' is not a country"),
        (b'command = "run"\nlog_level = 3\n', "'3' is not known"),
        (b'command = "run"\nendpoint_url = 5\n', "cannot be used"),
        (b'command = "run"\nregion = {a = 1}\n', "it takes one value, not a table"),
        (b'command = "run"\nverification = "atested"\n', "'atested' is not one of"),
        (b'command = "run"\nquota_share = 50\n', "0.5 for half"),
    ],
)
def test_a_job_file_is_read_or_refused_in_words(
    text: bytes, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(text)

    code = main(["run", "nowhere.csv", "--yes", "--user-pool-id", "us-east-1_Ab", "--job", str(path)])

    assert code == ExitCode.INPUT
    shown = capsys.readouterr().err
    assert said in shown
    assert "Input should" not in shown


def test_text_that_an_encoding_breaks_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    roster = tmp_path / "roster.csv"
    roster.write_text("email,phone_number\nann@example.com,\\ud800\n")
    options = ["--encoding", "unicode_escape", "--user-pool-id", "us-east-1_Ab"]

    assert main(["run", str(roster), "--verification", "attested", "--yes", *options]) == ExitCode.INPUT

    assert "is not text in unicode-escape" in capsys.readouterr().err


def test_the_hint_for_a_missing_permission_names_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from migrate_mfa.domain.failure import ApiError, run_problem

    problem = run_problem(ApiError(operation="ListUsers", code="AccessDeniedException", pool_id=POOL))

    def refused(*_: object) -> None:
        raise problem

    monkeypatch.setattr("migrate_mfa.settings.Settings.of", refused)

    assert main(["reconcile", "--run-dir", "nowhere", "--deep", "--yes"]) == ExitCode.NOT_ALLOWED
    line = f"  migrate-mfa iam-policy reconcile --deep --user-pool-id {POOL}"
    assert line in capsys.readouterr().err.splitlines()
