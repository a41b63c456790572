"""Writes the topic that follows from the code: `make docs`. A test compares it, so it cannot be stale.

python -m tests.docs.reference
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from typer.main import get_command

from migrate_mfa.checks.findings import Code
from migrate_mfa.cli.options import HEADINGS
from migrate_mfa.cli.plain_help import heading_of
from migrate_mfa.domain.reasons import LIFTABLE, Outcome, Reason
from migrate_mfa.main import app
from tests.docs.documents import GUIDE, read, section

OURS = "MIGRATE_MFA_"


def commands() -> Mapping[str, Any]:
    """Name → Click command of every verb."""
    group: Any = get_command(app())
    found: Mapping[str, Any] = group.commands
    return found


def reference() -> str:
    """The topic `reference`, as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield "# Reference: options, reasons, findings, exit codes, variables"
    yield ""
    yield "`make docs` writes this topic from the program."
    yield from ("", "## Exit codes", "")
    yield section(read("README.md"), "Exit codes").strip()
    yield from ("", "## Outcomes and reasons", "")
    yield "The codes are stable: new ones may be added, none is renamed. The reports have the same sentences."
    yield ""
    yield from _table("Outcome", "Reason", "What it means, and what to do next")
    for reason in Reason:
        told = reason not in LIFTABLE or f"--despite {reason.value}" in reason.sentence
        lifted = "" if told else f" Lifted by `--despite {reason.value}`."
        yield f"| {reason.outcome.value} | `{reason.value}` | {reason.sentence}{lifted} |"
    named = ", ".join(f"`{each.value}`" for each in Outcome)
    yield from ("", f"Outcomes: {named}. [state](state.md) explains them;")
    yield "[how-it-works](how-it-works.md) tells which reason wins."
    yield from ("", "## Findings of check", "")
    yield f"{_joined(f'`{code}`' for code in Code)}. [check](check.md) tells what each one looks at."
    yield from ("", "## Options", "")
    yield from _VALUES
    for heading, rows in _options().items():
        yield from ("", f"### {heading}", "")
        yield from _table("Option", "Commands", "Default", "Meaning")
        yield from rows
    yield from ("", "Every command has `--help`. The program has `--version`, `--install-completion` and")
    yield "`--show-completion`."
    yield from ("", "## Variables", "")
    yield from _variables()
    yield ""


_VALUES = (
    "The value of an option is the first of these: the option, its variable, the job file (`--job`), the",
    "default. `--show-config` prints every value with its source and does nothing else.",
)


def _table(*heads: str) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"


def _options() -> dict[str, list[str]]:
    """Heading → rows; one row for an option, whichever commands have it."""
    users: dict[tuple[str, str, str, str], list[str]] = {}
    for name, command in commands().items():
        for each in command.params:
            if each.hidden or each.name == "help":
                continue
            heading = heading_of(each)
            users.setdefault((heading, _written(each), _default(each), each.help or ""), []).append(name)
    tables: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
    for (heading, written, default, meaning), names in users.items():
        row = f"| {written} | {', '.join(names)} | {default} | {meaning} |"
        tables[heading].append(row.replace("  ", " "))
    return {heading: rows for heading, rows in tables.items() if rows}


def _written(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{(parameter.metavar or parameter.name).upper()}`"
    return ", ".join(f"`{flag}`" for flag in (*parameter.opts, *parameter.secondary_opts))


def _default(parameter: Any) -> str:
    if parameter.default is None or parameter.required or callable(parameter.default):
        return ""
    if isinstance(parameter.default, bool):
        return "on" if parameter.default else ""
    return f"`{getattr(parameter.default, 'value', parameter.default)}`"


def _variables() -> Iterator[str]:
    told: dict[str, bool] = {}
    others: dict[str, Sequence[str]] = {}
    for command in commands().values():
        for each in command.params:
            if each.hidden or each.param_type_name == "argument":
                continue
            named = [each.envvar] if isinstance(each.envvar, str) else list(each.envvar or ())
            for flag in each.opts + each.secondary_opts if each.name != "help" else []:
                if flag.startswith("--"):
                    told[flag] = told.get(flag, False) or any(name.startswith(OURS) for name in named)
                    if foreign := [name for name in named if not name.startswith(OURS)]:
                        others[flag] = foreign
    yield f"The variable of an option is `{OURS}` and the option's name in capitals: `--quota-share` is"
    yield f"`{OURS}QUOTA_SHARE`. Separate several values by spaces. These options also read other variables:"
    for flag, names in others.items():
        yield f"`{flag}` {_joined(f'`{name}`' for name in names)};"
    yield from (
        "",
        "These never read a variable: `--yes`, `--despite` and `--phone-conflict`, so that nothing left",
    )
    yield "in an environment can widen what a run may do; and those that concern one invocation only:"
    widening = {"--yes", "--despite", "--phone-conflict"}
    yield f"{_joined(f'`{flag}`' for flag, has in sorted(told.items()) if not has and flag not in widening)}."
    yield from ("", *_NOTES)


_NOTES = (
    "- If a variable wins over another value of the job file, the command reports it, and `--show-config`",
    f"  names both. If no option reads a `{OURS}` variable, the command warns and names one that is near, if",
    "  there is one.",
    "- The endpoint that a client really has counts. `AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` (and so",
    "  for each service) wins over `--endpoint-url` for its service. Without that option the SDK takes",
    "  `AWS_ENDPOINT_URL` and the profile's `endpoint_url` and `services`, unless",
    "  `ignore_configured_endpoint_urls` forbids it. The question before a write names the endpoint.",
)


def _joined(texts: Any) -> str:
    return ", ".join(texts)


def main() -> None:
    """Write the topic."""
    (GUIDE / "reference.md").write_text(reference(), encoding="utf-8")


if __name__ == "__main__":
    main()
