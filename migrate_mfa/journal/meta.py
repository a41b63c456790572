"""What a run directory says about itself, and whether a command fits it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migrate_mfa.domain.errors import InputUnusable
from migrate_mfa.journal.database import Journal


def planned_directory(directory: Path, kind: str | None = None) -> dict[str, Any]:
    """What a run directory with a plan says about itself.

    Raises:
        InputUnusable: it is of another kind, has no plan, or its personal data was removed.
    """
    with Journal.look_at(directory) as journal:
        return planned_meta(journal, kind)


def planned_meta(journal: Journal, kind: str | None = None) -> dict[str, Any]:
    """The same of a run directory that is open.

    Raises:
        InputUnusable: it is of another kind, has no plan, or its personal data was removed.
    """
    meta = journal.meta()
    if kind is not None and "kind" in meta:
        require_kind(meta, kind)
    if meta.get("phase") == "purged":
        raise InputUnusable(f"{journal.directory} was purged: nobody can be found in it any more.")
    if meta.get("phase") != "planned":
        hint = "Give the ROSTER and --user-pool-id."
        raise InputUnusable(f"{journal.directory} holds no finished plan.", hint)
    return meta


def require_same(
    known: Mapping[str, object], asked: Mapping[str, object], *, roster: str | None = None
) -> None:
    """Refuse options that would decide otherwise than the plan in the directory.

    Args:
        known: what the journal's meta says; an empty one fits everything.
        asked: option name → value, as this command has them.
        roster: the roster of this command, to name it.

    Raises:
        InputUnusable: names the first option that differs, what was planned and what is asked for.
    """
    if "kind" in known and "kind" in asked:
        require_kind(known, str(asked["kind"]))
    for name, value in asked.items():
        if name in known and known[name] != value:
            raise InputUnusable(
                f"{_NAMES.get(name, '--' + name.replace('_', '-'))} is not what this run was planned with: "
                f"{_difference(name, known, asked, roster)}.",
                "Give the same again, or another --run-dir for a new plan; `plan` makes one anew as long as "
                "nothing was written.",
            )


def require_kind(known: Mapping[str, object], kind: str) -> None:
    """Refuse the directory of another kind of command: what it holds is not what this one goes on from.

    Raises:
        InputUnusable: says whose directory it is, and what to do with it.
    """
    if (found := str(known.get("kind"))) != kind:
        raise InputUnusable(
            f"This --run-dir is that of `{found}`, not of `{kind}`.",
            f"{_ELSEWHERE.get(found, '')} Give another --run-dir, or a ROSTER and none.".strip(),
        )


_NAMES = {
    "roster_sha256": "The roster",
    "user_pool_id": "The user pool",
    "account": "The AWS account",
}


def _difference(
    name: str, known: Mapping[str, object], asked: Mapping[str, object], roster: str | None
) -> str:
    if name != "roster_sha256":
        return f"planned {_shown(known[name])}, now {_shown(asked[name])}"
    planned, given = _file(known.get("roster")), _file(roster)
    return f"{planned} has changed since" if planned == given else f"planned {planned}, now {given}"


def _file(source: object) -> str:
    return "standard input" if source == "-" else str(source)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


_ELSEWHERE = {
    "canary": "It holds the one user whom a canary walked; `rollback` with it gives that user back.",
    "audit": "It holds no plan; its report/unverified.csv, with the numbers filled in, is a roster.",
}
