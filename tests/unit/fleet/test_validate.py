"""Every target is checked, and the problems of all targets are reported together."""

from pathlib import Path

from migrate_mfa.domain.errors import NotAllowed
from migrate_mfa.fleet.file import Target
from migrate_mfa.fleet.validate import Looked, PoolFound, validate

THERE = PoolFound(account="111122223333", pool_name="shop", mfa="OPTIONAL")


def target(name: str, account: str | None = None, roster: str = "") -> Target:
    return Target(
        name=name,
        user_pool_id="eu-west-1_AbCdEfGhI",
        region="eu-west-1",
        account=account,
        tags=(),
        options={"roster": roster} if roster else {},
    )


def ask(asked: Target) -> PoolFound:
    if asked.name == "closed":
        raise NotAllowed("The role cannot be assumed.", "Look at its trust policy.")
    return THERE


def test_all_troubles_are_told(tmp_path: Path) -> None:
    (tmp_path / "users.csv").touch()
    targets = [
        target("good", "111122223333", str(tmp_path / "users.csv")),
        target("closed"),
        target("other", "444455556666"),
        target("lost", None, str(tmp_path / "none.csv")),
        target("remote", None, "s3://bucket/none.csv"),
    ]

    assert validate(targets, "run", ask) == [
        Looked(name="good", found=THERE),
        Looked(name="closed", trouble="The role cannot be assumed. Look at its trust policy."),
        Looked(
            name="other",
            found=THERE,
            trouble="account is 444455556666, but these credentials are of 111122223333.",
        ),
        Looked(name="lost", found=THERE, trouble=f"The roster {tmp_path / 'none.csv'} is not there."),
        Looked(name="remote", found=THERE),
    ]


def test_a_verb_that_reads_no_roster_does_not_miss_one(tmp_path: Path) -> None:
    found = validate([target("lost", None, str(tmp_path / "none.csv"))], "rollback", ask)

    assert [each.trouble for each in found] == [""]


def test_the_name_of_a_file_shows_nobodys_number_or_address() -> None:
    (looked,) = validate([target("one", None, "/no/+819012345678-hanako@example.com.csv")], "run", ask)

    assert "9012345678" not in looked.trouble
    assert "hanako@example.com" not in looked.trouble
