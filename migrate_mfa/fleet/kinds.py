"""Refuses run directories that a verb cannot use, before any target begins."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from migrate_mfa.domain.errors import InputUnusable, RunDirectoryError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.fleet.place import REPORT, Place, document
from migrate_mfa.fleet.standing import read_summary
from migrate_mfa.fleet.validate import AT_ONCE
from migrate_mfa.reports.files import SUMMARY

_KINDS: Mapping[str, frozenset[str]] = {
    "plan": frozenset({"run"}),
    "run": frozenset({"run"}),
    "reconcile": frozenset({"run"}),
    "rollback": frozenset({"run", "disable"}),
    "disable": frozenset({"disable"}),
    "audit": frozenset({"audit"}),
}
"""The kinds of run directories that each verb can use; a check uses none."""
_NEED_RUN = frozenset({"reconcile", "rollback"})


def require_kind(place: Place, names: Sequence[str], verb: str) -> None:
    """Refuse run directories of another kind, before any target begins.

    Raises:
        InputUnusable: at least one target has a run directory that the verb cannot use.
        MigrateMfaError: the run directory of the fleet cannot be read.
    """
    require_of_fleet(place)
    if (usable := _KINDS.get(verb)) is None:
        return
    with ThreadPoolExecutor(AT_ONCE) as threads:
        kinds = list(threads.map(lambda name: kind_of(read_summary(place, name)), names))
    others = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind and kind not in usable]
    if others:
        number, (name, kind) = len(others), others[0]
        raise InputUnusable(
            f"{place.named(name)} belongs to `{kind}`, not to `{verb}`"
            + (f", and so do those of {counted(number - 1, 'other target')}." if number > 1 else "."),
            (
                "Give the --run-dir of the run."
                if verb in _NEED_RUN
                else f"Give this {verb} a --run-dir of its own, such as {place.named()}-{verb}."
            )
            + " Nothing was begun.",
        )


def require_of_fleet(place: Place) -> None:
    """Refuse the run directory of a single command, whose reports those of a fleet would replace.

    Raises:
        RunDirectoryError: it is one.
        MigrateMfaError: it cannot be read.
    """
    if "run_id" in document(place.read(f"{REPORT}/{SUMMARY}")):
        raise RunDirectoryError(
            f"{place.named()} is the run directory of one command, not of a fleet.",
            "Give the directory that contains those of all targets.",
        )


def kind_of(summary: Mapping[str, object]) -> str:
    """The kind of a run directory: run, disable or audit; empty if it has no summary."""
    if not summary or summary.get("command") == "audit":
        return str(summary.get("command") or "")
    return "run" if summary.get("policy") else "disable"
