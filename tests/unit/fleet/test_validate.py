"""Every target is checked, and the problems of all targets are reported together."""

from pathlib import Path

from migrate_mfa.domain.errors import InputUnusable, NotAllowed, PoolNotReady
from migrate_mfa.fleet.file import Target
from migrate_mfa.fleet.validate import Looked, PoolFound, validate

THERE = PoolFound(account="111122223333", pool_name="shop", mfa="OPTIONAL")
NO_POOL = PoolFound(account="111122223333", trouble=PoolNotReady("There is no pool."))
HINT = "Attach it:\n  migrate-mfa iam-policy COMMAND --user-pool-id p"


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
        raise NotAllowed("The role cannot be assumed.", HINT)
    return NO_POOL if asked.name == "gone" else THERE


def read(asked: Target, roster: str) -> None:
    assert asked.text("roster") == roster
    if "none" in roster:
        raise InputUnusable(f"There is no roster {roster}.", "Correct the name, or copy it there.")


def test_all_troubles_of_all_targets_are_told(tmp_path: Path) -> None:
    (tmp_path / "users.csv").touch()
    lost = str(tmp_path / "none.csv")
    targets = [
        target("good", "111122223333", str(tmp_path / "users.csv")),
        target("closed", None, lost),
        target("other", "444455556666", lost),
        target("gone", "444455556666"),
        target("remote", None, "s3://bucket/users.csv"),
        target("lost", None, "s3://bucket/none.csv"),
    ]
    differs = "account is 444455556666, but these credentials are of 111122223333."
    without_roster = f"The roster {lost} is not there."

    assert validate(targets, "run", ask, read) == [
        Looked(name="good", found=THERE),
        Looked(
            name="closed",
            troubles=(
                "The role cannot be assumed. Attach it: migrate-mfa iam-policy run --user-pool-id p",
                without_roster,
            ),
        ),
        Looked(name="other", found=THERE, troubles=(differs, without_roster)),
        Looked(name="gone", found=NO_POOL, troubles=(differs, "There is no pool.")),
        Looked(name="remote", found=THERE),
        Looked(
            name="lost",
            found=THERE,
            troubles=("There is no roster s3://bucket/none.csv. Correct the name, or copy it there.",),
        ),
    ]


def test_a_verb_that_reads_no_roster_does_not_miss_one(tmp_path: Path) -> None:
    targets = [
        target("lost", None, str(tmp_path / "none.csv")),
        target("remote", None, "s3://bucket/none.csv"),
    ]

    assert [each.troubles for each in validate(targets, "rollback", ask, read)] == [(), ()]


def test_the_name_of_a_file_shows_nobodys_number_or_address() -> None:
    one = target("one", None, "/no/+819012345678-hanako@example.com.csv")
    (looked,) = validate([one], "run", ask, read)

    (trouble,) = looked.troubles
    assert "9012345678" not in trouble
    assert "hanako@example.com" not in trouble
