"""The fleet file is read, and all its faults are reported at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from migrate_mfa.commands.fleet import _options
from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.fleet.file import PATHS, chosen, options_of, read_fleet
from migrate_mfa.fleet.lanes import words_of
from tests.commands.support import SAMPLES

if TYPE_CHECKING:
    from migrate_mfa.fleet.file import Target

VERBS = _options()
POOL = "ap-northeast-1_AbCdEfGhI"
ROLE = "arn:aws:iam::111122223333:role/mfa"
A_TARGET = f'[[target]]\nname = "one"\nuser_pool_id = "{POOL}"\n'


def read(folder: Path, text: str, verb: str = "run") -> list[Target]:
    path = folder / "fleet.toml"
    path.write_text(text, encoding="utf-8")
    return read_fleet(path, verb, VERBS)


def faults(folder: Path, text: str, verb: str = "run") -> list[str]:
    with pytest.raises(InputUnusable) as refused:
        read(folder, text, verb)
    return [line.strip() for line in refused.value.message.splitlines()[1:]]


def test_a_target_has_the_defaults_and_its_own_options_win(tmp_path: Path) -> None:
    [target] = read(
        tmp_path,
        '[defaults]\nverification = "by-code"\nquota_share = 0.25\n'
        f'{A_TARGET}role_arn = "{ROLE}"\nverification = "attested"\ntags = ["prod"]\n',
    )

    assert (target.name, target.region, target.account, target.tags) == (
        "one",
        "ap-northeast-1",
        "111122223333",
        ("prod",),
    )
    assert (target.options["verification"], target.options["quota_share"]) == ("attested", 0.25)


def test_all_faults_are_told_at_once_with_the_names_of_their_targets(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        '[defaults]\nquota_sahre = 0.5\nonly = "one"\nmetrics_file = "x.prom"\nyes = true\n'
        f'{A_TARGET}max_users = true\nroster = "-"\n'
        f'[[target]]\nname = "two"\nuser_pool_id = "members"\naccount = "12"\n'
        f'[[target]]\nname = "ONE"\nuser_pool_id = "{POOL}"\nrole_arn = "{ROLE}"\naccount = "999988887777"\n'
        f'[[target]]\nname = "report"\nuser_pool_id = "{POOL}"\nphone_conflict = "replace"\n'
        '[[target]]\nname = "a b"\n',
    )

    assert "[defaults]: 'quota_sahre' is no option. The nearest is 'quota_share'." in found
    assert "[defaults]: 'only' is no option." in found
    assert "[defaults]: 'metrics_file' belongs into each [[target]]." in found
    assert "[defaults]: 'yes' is set by the fleet itself." in found
    assert "target one: max_users = true: it does not take true or false." in found
    assert any("target one: the roster is a file" in each for each in found)
    assert any("target two: 'user_pool_id' is missing, or not like" in each for each in found)
    assert "target two: account = 12: it is a text of 12 digits." in found
    assert any("target ONE: account ends in 7777, but that of role_arn in " in each for each in found)
    assert "target report: this name is used by the fleet itself." in found
    assert any("target a b: 'name' is missing" in each for each in found)


def test_two_targets_cannot_share_a_name_whatever_its_case(tmp_path: Path) -> None:
    twin = (
        "target ONE: target one has the same name in another case, and macOS would put both into one "
        "directory. Give each its own."
    )
    text = f'{A_TARGET}[[target]]\nname = "ONE"\nuser_pool_id = '
    same = text.replace("ONE", "one")

    assert faults(tmp_path, f'{text}"{POOL}"\nroster = "other.csv"\n') == [twin]
    assert faults(tmp_path, f'{same}"{POOL}"\nroster = "other.csv"\n') == [
        "target one: another target has this name. Give each its own."
    ]
    assert twin in faults(tmp_path, f'{text}"wrong"\n'), "told with the other faults of the same target"


def test_a_tag_is_not_the_name_of_another_target(tmp_path: Path) -> None:
    two = f'[[target]]\nname = "two"\nuser_pool_id = "{POOL}"\nroster = "2.csv"\n'

    found = faults(tmp_path, f'{A_TARGET}tags = ["one"]\n{two}tags = ["one", "prod"]\n')

    assert found == ["target two: tag 'one' is the name of another target."]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "There is no [[target]]."),
        ('name = "x"\n' + A_TARGET, "'name' stands outside of [defaults] and [[target]]."),
        ("target = 3\n", "'target' is no list of tables: write [[target]]."),
        (f"defaults = 3\n{A_TARGET}", "'defaults' is no table: write [defaults]."),
        (f'{A_TARGET}tags = "prod"\n', "target one: 'tags' is a list of texts."),
        (
            f"{A_TARGET}account = 123456789012\n",
            "target one: account = 123456789012: it is a text of 12 digits.",
        ),
    ],
)
def test_a_file_of_another_shape_is_refused(tmp_path: Path, text: str, told: str) -> None:
    assert told in faults(tmp_path, text)


def test_options_that_do_not_go_together_are_refused_with_their_target(tmp_path: Path) -> None:
    text = f'{A_TARGET}verification = "by-code"\nphone_conflict = "replace"\n'

    assert faults(tmp_path, text) == [
        "target one: --phone-conflict replace needs numbers that you vouch for."
    ]


def test_a_plan_needs_a_roster_and_a_rollback_takes_back_the_whole_run(tmp_path: Path) -> None:
    assert faults(tmp_path, A_TARGET, "plan") == ["target one: 'roster' is missing."]

    [target] = read(tmp_path, f'{A_TARGET}roster = "users.csv"\n', "rollback")
    assert "roster" not in options_of(target, VERBS["rollback"])
    assert "roster" in options_of(target, VERBS["run"])


def test_each_verb_takes_its_own_options_of_a_file_that_serves_several(tmp_path: Path) -> None:
    defaults = '[defaults]\nverification = "attested"\nfail_under = "95%"\ndeep = true\n'
    text = f'{defaults}{A_TARGET}roster = "u.csv"\n'

    words = {verb: words_of(read(tmp_path, text, verb)[0], VERBS[verb], "runs") for verb in VERBS}

    usual = ["--region", "ap-northeast-1"]
    pool = ["--user-pool-id", POOL]
    there = ["--run-dir", "runs/one"]
    policy = ["--verification", "attested"]
    assert words["check"] == ["check", *usual, *policy, *pool]
    roster = str(tmp_path / "u.csv")
    assert words["plan"] == ["plan", *usual, *policy, *pool, roster, *there]
    assert words["run"] == ["run", *usual, *policy, *pool, roster, *there, "--yes"]
    assert words["audit"] == ["audit", *usual, "--fail-under", "95%", "--deep", *pool, *there, "--yes"]
    assert words["reconcile"] == ["reconcile", *usual, "--deep", *there, "--yes"]
    assert words["rollback"] == ["rollback", *usual, *there, "--yes"]


def test_relative_paths_are_relative_to_the_file_and_the_others_stay(tmp_path: Path) -> None:
    text = f'{A_TARGET}roster = "%s"\nmetrics_file = "../x.prom"\n'

    for roster, meant in (
        ("in/u.csv", f"{tmp_path}/in/u.csv"),
        ("/in/u.csv", "/in/u.csv"),
        ("s3://b/u.csv", "s3://b/u.csv"),
    ):
        [target] = read(tmp_path, text % roster)
        assert target.options["roster"] == meant
        assert target.options["metrics_file"] == f"{tmp_path}/../x.prom"


def test_in_a_bucket_a_relative_roster_is_below_the_same_prefix(tmp_path: Path) -> None:
    path, url = tmp_path / "copy.toml", "s3://bucket/conf/fleet.toml"
    path.write_text(f'{A_TARGET}roster = "./rosters/u.csv"\nmetrics_file = "/var/x.prom"\n')

    [target] = read_fleet(path, "run", VERBS, url)

    assert target.options["roster"] == "s3://bucket/conf/rosters/u.csv"
    assert target.options["metrics_file"] == "/var/x.prom"
    path.write_text(f'{A_TARGET}roster = "../u.csv"\nmetrics_file = "x.prom"\n')
    with pytest.raises(InputUnusable) as refused:
        read_fleet(path, "run", VERBS, url)
    assert "target one: roster = ../u.csv: " in refused.value.message
    assert "its prefix has the part '..'" in refused.value.message
    assert "target one: metrics_file = x.prom: this fleet file is in a bucket" in refused.value.message


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_that_takes_a_path_is_known_to_be_one(verb: str) -> None:
    declared = VERBS[verb]._declared

    paths = {name for name, each in declared.items() if Path in (each.type, *get_args(each.type))}

    assert paths - PATHS <= {"run_dir"}


def test_in_a_bucket_the_command_itself_holds_the_lease_of_its_lane(tmp_path: Path) -> None:
    [target] = read(tmp_path, f'{A_TARGET}despite = ["has_totp", "disabled_user"]\nstrict_e164 = true\n')

    words = words_of(target, VERBS["run"], "s3://bucket/fleet/")

    assert words[-5:] == [
        "--run-dir",
        "s3://bucket/fleet/one",
        "--yes",
        "--lane-lock",
        "s3://bucket/fleet/lanes",
    ]
    assert " ".join(words).count("--despite") == 2
    assert "--strict-e164" in words


def test_only_takes_names_and_tags_and_refuses_what_is_neither(tmp_path: Path) -> None:
    targets = read_fleet(SAMPLES / "fleet.toml", "run", VERBS)

    assert [each.name for each in chosen(targets, ["wave-2"])] == ["shop-osaka", "forum"]
    assert [each.name for each in chosen(targets, ["forum", "wave-1"])] == ["shop-tokyo", "forum"]
    assert chosen(targets, ()) == targets
    with pytest.raises(InputUnusable, match="'forums' is neither a target nor a tag") as refused:
        chosen(targets, ["forums"])
    assert refused.value.hint == "The nearest is 'forum'."
    with pytest.raises(InputUnusable, match="'7' is neither a target nor a tag") as refused:
        chosen(targets, ["7"])
    assert not refused.value.hint


@pytest.mark.parametrize("verb", VERBS)
def test_the_sample_serves_every_verb(verb: str) -> None:
    assert len(read_fleet(SAMPLES / "fleet.toml", verb, VERBS)) == 3


def test_a_file_that_is_not_there_is_named_with_where_its_form_is_shown(tmp_path: Path) -> None:
    with pytest.raises(InputUnusable, match=r"nowhere\.toml cannot be read") as refused:
        read_fleet(tmp_path / "nowhere.toml", "run", VERBS)

    assert refused.value.hint.endswith("migrate-mfa guide fleet")


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ('roster = "a.csv"', 'roster = "a.csv"', True),
        ('roster = "a.csv"', 'roster = "x/../a.csv"', True),
        ('roster = "s3://bucket/a.csv"', 'roster = "s3://bucket/a.csv"', True),
        ("", "", True),
        ('roster = "a.csv"', 'roster = "b.csv"', False),
        ('endpoint_url = "http://127.0.0.1:1"', 'endpoint_url = "http://127.0.0.1:2"', False),
    ],
)
def test_a_target_that_would_do_the_work_of_another_one_again_is_refused(
    tmp_path: Path, first: str, second: str, *, refused: bool
) -> None:
    two = A_TARGET.replace("one", "two")
    text = f"{A_TARGET}{first}\n{two}{second}\n"

    if refused:
        assert faults(tmp_path, text) == [
            "target two: target one has the same pool and the same roster. Leave one of them out."
        ]
    else:
        assert [each.name for each in read(tmp_path, text)] == ["one", "two"]
