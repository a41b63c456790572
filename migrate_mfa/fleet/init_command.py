"""One invocation of `fleet init`: from the organization to the file."""

from pathlib import Path
from typing import TYPE_CHECKING

from migrate_mfa.cli.caller import Aws
from migrate_mfa.cli.prompt import tell, telling_if_slow
from migrate_mfa.cli.streams import write
from migrate_mfa.domain.errors import ExitCode, InputUnusable, UsageError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.fleet.fleet_options import Beginning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrate_mfa.fleet.init import Looked


def begin(words: tuple[str, ...], beginning: Beginning, regions: tuple[str, ...], aws: Aws) -> ExitCode:
    """Write a first fleet file, and print what is in it; returns 8 if an account could not be read.

    A file without a target is not written; its comments are printed instead.

    Raises:
        UsageError: options are missing, or the file exists or cannot be written.
        InputUnusable: everything was read, and there are no user pools.
        MigrateMfaError: the accounts cannot be listed.
    """
    if words:
        raise UsageError(
            f"fleet init reads no fleet file, and {' '.join(words)!r} is given.",
            "-o FILE names the one it writes.",
        )
    if not beginning.from_organizations:
        raise UsageError("--from-organizations is missing.", "fleet init has no other source of accounts.")
    if beginning.role_name is None:
        raise UsageError("--role-name is missing.", "It is the name of one role that every account has.")
    if not regions:
        raise UsageError("--region is missing.", "Give each Region to look in: --region ap-northeast-1")
    output = beginning.output
    if output is not None:
        _require_new(output)
    from migrate_mfa.fleet.init import Wanted, as_toml, look

    wanted = Wanted(
        role=beginning.role_name,
        external_id=beginning.external_id,
        regions=tuple(dict.fromkeys(regions)),
        profile=aws.profile,
        endpoint_url=aws.endpoint_url,
    )
    with telling_if_slow("Listing the accounts of the organization and their user pools …"):
        found = look(wanted)
    text = as_toml(found, wanted)
    has_targets = any(each.pools for each in found)
    if not has_targets and not any(each.trouble for each in found):
        accounts = counted(len({each.account.id for each in found}), "active account")
        raise InputUnusable(
            f"There are no user pools in {accounts} in {', '.join(wanted.regions)}, so no file is written.",
            "Look at --region, and in which organization the credentials are.",
        )
    if output is None or not has_targets:
        write(text.rstrip("\n"))
    else:
        _write(output, text)
    return _told(found, output)


def _require_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise _there(path)


def _there(path: Path) -> UsageError:
    return UsageError(f"{path} is there already, and was not changed.", "Give another name: -o FILE")


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}).", "Correct -o FILE.") from error


def _told(found: "Sequence[Looked]", output: Path | None) -> ExitCode:
    accounts = len({each.account.id for each in found})
    pools, unread = sum(len(each.pools) for each in found), sum(bool(each.trouble) for each in found)
    tell(f"{counted(pools, 'user pool')} in {counted(accounts, 'active account')}.")
    if unread:
        tell(f"Not known: pools of {unread:,} of {len(found):,} accounts and Regions. The comments say why.")
    if output is not None and not pools:
        tell(f"{output} is not written: it would have no target.")
    elif output is not None:
        tell(f"{output} is written. Put its rosters in place, then: migrate-mfa fleet validate {output}")
    return ExitCode.STOPPED if unread else ExitCode.DONE
