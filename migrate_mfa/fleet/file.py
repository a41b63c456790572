"""The fleet file: the pools, their accounts and Regions, and their options."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from migrate_mfa.aws.names import POOL_ID, ROLE_ARN
from migrate_mfa.cli.toml_file import read_toml
from migrate_mfa.domain.errors import InputUnusable, MigrateMfaError, UsageError
from migrate_mfa.domain.formatting import the_nearest
from migrate_mfa.remote.objects import BucketUrl, is_bucket_url

READS_ROSTER = frozenset({"plan", "run", "disable"})
"""The verbs whose roster the fleet file names."""
_OF_FLEET = frozenset({"name", "account", "tags"})
_OURS = frozenset(
    {"run_dir", "lane_lock", "yes", "verb", "json", "quiet", "progress", "progress_interval", "no_color"}
)
"""Options that the fleet sets itself, or that concern a terminal."""
_OF_ONE = frozenset({"name", "account", "user_pool_id", "metrics_file"})
"""Keys that two targets cannot share."""
PATHS = frozenset({"roster", "metrics_file"})
"""The options that name a file."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
TAKEN = frozenset({"report", "lanes", "logs", "results"})
"""Names in the run directory of the fleet that no target can have."""
_SHAPE = "To see such a file: migrate-mfa guide fleet"
Table = Mapping[str, object]
Pool = tuple[str | None, str]


class Options(Protocol):
    """The options of one verb, as on the command line."""

    verb: str

    @property
    def names(self) -> Collection[str]:
        """The long names, with underscores."""
        ...

    def fault(self, name: str, value: object) -> str:
        """What is wrong with a value; empty if the option accepts it."""
        ...

    def require_together(self, path: Path, values: Table) -> None:
        """Refuse values that contradict each other; raises InputUnusable."""
        ...

    def words(self, values: Table) -> list[str]:
        """The verb and its options as words of a command line."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One pool of a fleet, and the options for it."""

    name: str
    user_pool_id: str
    region: str
    account: str | None
    """From the file or the role's ARN; None if only the credentials show it."""
    tags: tuple[str, ...]
    options: Table
    """All options by their long names, also the pool and the credentials, with their values in TOML."""

    def text(self, name: str) -> str | None:
        """The value of an option as a text; None if it is not given."""
        found = self.options.get(name)
        return None if found is None else str(found)

    def is_chosen(self, only: Collection[str]) -> bool:
        """Whether its name or one of its tags is among the words; without words, every target is chosen."""
        return not only or not {self.name, *self.tags}.isdisjoint(only)


def read_fleet(path: Path, verb: str, verbs: Mapping[str, Options], called: str = "") -> list[Target]:
    """Read a fleet file, and report all its faults at once.

    Args:
        path: the file.
        verb: the verb to run.
        verbs: the options of every verb of a fleet, because a file serves several verbs.
        called: the path or URL that the operator gave, if `path` is a copy. Relative paths start there.

    Raises:
        InputUnusable: lists all faults, each with the name of its target.
    """
    document = read_toml(path, "fleet file", _SHAPE, called)
    reader = _Reader(path, verb, verbs, called)
    targets = list(reader.targets(document))
    reader.require_own_names(targets)
    if reader.faults:
        lines = "\n".join(f"  {each}" for each in dict.fromkeys(reader.faults))
        raise InputUnusable(f"{called or path} cannot be used:\n{lines}", _SHAPE)
    return targets


def pool_of(target: Target) -> Pool:
    """The identity of a target's pool; with the endpoint, because pools at two endpoints can have one id."""
    return target.text("endpoint_url"), target.user_pool_id


def chosen(targets: Sequence[Target], only: Collection[str]) -> list[Target]:
    """The targets that have one of these names or tags.

    Raises:
        InputUnusable: a word is neither a target nor a tag.
    """
    known = {word for each in targets for word in (each.name, *each.tags)}
    for word in only:
        if word not in known:
            raise InputUnusable(
                f"--only {word!r} is neither a target nor a tag of the fleet file.", the_nearest(word, known)
            )
    return [each for each in targets if each.is_chosen(only)]


class _Reader:
    """Reads one file, and collects its faults."""

    def __init__(self, path: Path, verb: str, verbs: Mapping[str, Options], called: str) -> None:
        self.faults: list[str] = []
        self._path = path
        self._folder = BucketUrl.parse(called).parent if is_bucket_url(called) else path.absolute().parent
        self._verb = verb
        self._verbs = {verb: verbs[verb], **verbs}
        options = {name for each in verbs.values() for name in each.names}
        self._known = (options | _OF_FLEET) - _OURS
        self._work: dict[tuple[Pool, str], str] = {}

    def targets(self, document: Table) -> Iterator[Target]:
        for key in document.keys() - {"defaults", "target"}:
            self.faults.append(f"{key!r} stands outside of [defaults] and [[target]].")
        defaults, tables = document.get("defaults", {}), document.get("target", [])
        if not isinstance(defaults, dict):
            self.faults.append("'defaults' is no table: write [defaults].")
            defaults = {}
        self._check(defaults, "[defaults]")
        for name in sorted(_OF_ONE & defaults.keys()):
            self.faults.append(f"[defaults]: {name!r} belongs into each [[target]].")
        if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
            self.faults.append("'target' is no list of tables: write [[target]].")
            return
        if not tables:
            self.faults.append("There is no [[target]].")
        seen: dict[str, str] = {}
        names: set[str] = set()
        for number, table in enumerate(tables, 1):
            where = f"target {table.get('name', f'number {number}')!s}"
            self._check(table, where)
            name = str(table.get("name", number))
            if (other := seen.setdefault(name.casefold(), name)) != name:
                self.faults.append(
                    f"{where}: target {other} has the same name in another case, and macOS would put both "
                    "into one directory. Give each its own."
                )
            elif name in names:
                self.faults.append(f"{where}: another target has this name. Give each its own.")
            names.add(name)
            if (target := self._target({**defaults, **table}, where)) is not None:
                self._require_own_work(target, where)
                yield target

    def require_own_names(self, targets: Sequence[Target]) -> None:
        """Note tags that name another target: `--only` with this name would choose both."""
        names = {each.name for each in targets}
        for each in targets:
            for tag in sorted((names & set(each.tags)) - {each.name}):
                self.faults.append(f"target {each.name}: tag {tag!r} is the name of another target.")

    def _check(self, table: Table, where: str) -> None:
        """Note unknown keys, and values that their options do not accept."""
        for key, value in table.items():
            if key in _OURS:
                self.faults.append(f"{where}: {key!r} is set by the fleet itself.")
            elif key not in self._known:
                self.faults.append(f"{where}: {key!r} is no option. {the_nearest(key, self._known)}".rstrip())
            elif key not in _OF_FLEET and (fault := self._fault(key, value)):
                self.faults.append(f"{where}: {key} = {_shown(value)}: {fault}")

    def _fault(self, key: str, value: object) -> str:
        options = next(each for each in self._verbs.values() if key in each.names)
        return options.fault(key, value)

    def _target(self, table: Table, where: str) -> Target | None:
        """The target of a table; None if the table has faults."""
        before = len(self.faults)
        name, pool, tags = table.get("name"), str(table.get("user_pool_id", "")), table.get("tags", [])
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            self.faults.append(f"{where}: 'name' is missing, or has more in it than letters, digits and ._-")
        elif name.casefold() in TAKEN:
            self.faults.append(f"{where}: this name is used by the fleet itself.")
        if not (found := POOL_ID.fullmatch(pool)):
            self.faults.append(f"{where}: 'user_pool_id' is missing, or not like ap-northeast-1_AbCdEfGhI.")
        if not isinstance(tags, list) or not all(isinstance(each, str) for each in tags):
            self.faults.append(f"{where}: 'tags' is a list of texts.")
        account = self._account(table, where)
        if self._verb == "plan" and not table.get("roster"):
            self.faults.append(f"{where}: 'roster' is missing.")
        if table.get("roster") == "-":
            self.faults.append(f"{where}: the roster is a file or s3://BUCKET/KEY, not standard input.")
        if len(self.faults) > before or found is None:
            return None
        options = {
            key: self._located(key, str(value), where) if key in PATHS else value
            for key, value in table.items()
            if key not in _OF_FLEET
        }
        if len(self.faults) > before:
            return None
        target = Target(
            name=str(name),
            user_pool_id=pool,
            region=str(table.get("region") or found["region"]),
            account=account,
            tags=tuple(tags) if isinstance(tags, list) else (),
            options=options,
        )
        self._require_together(target, where)
        return target

    def _require_own_work(self, target: Target, where: str) -> None:
        """Note a target that would repeat the work of another one in a second run directory."""
        roster = target.text("roster") or ""
        work = (pool_of(target), roster if not roster or is_bucket_url(roster) else os.path.realpath(roster))
        if (other := self._work.setdefault(work, target.name)) != target.name:
            self.faults.append(
                f"{where}: target {other} has the same pool and the same roster. Leave one of them out."
            )

    def _located(self, key: str, value: str, where: str) -> str:
        """A path from the file, resolved from the directory of the file."""
        if is_bucket_url(value) or Path(value).is_absolute():
            return value
        if not isinstance(self._folder, BucketUrl):
            return str(self._folder / value)
        if key == "roster":
            try:
                return str(BucketUrl.parse(str(self._folder / value.removeprefix("./"))))
            except UsageError as error:
                self.faults.append(f"{where}: {key} = {value}: {error.message}")
        else:
            self.faults.append(
                f"{where}: {key} = {value}: this fleet file is in a bucket, so give an absolute path."
            )
        return value

    def _account(self, table: Table, where: str) -> str | None:
        account, role = table.get("account"), ROLE_ARN.fullmatch(str(table.get("role_arn", "")))
        if account is None:
            return role["account"] if role else None
        if not isinstance(account, str) or not re.fullmatch(r"\d{12}", account, re.ASCII):
            self.faults.append(f"{where}: account = {_shown(account)}: it is a text of 12 digits.")
        elif role and role["account"] != account:
            ends = account[-4:], role["account"][-4:]  # errors carry no long numbers
            self.faults.append(f"{where}: account ends in {ends[0]}, but that of role_arn in {ends[1]}.")
        return str(account)

    def _require_together(self, target: Target, where: str) -> None:
        options = self._verbs[self._verb]
        values = options_of(target, options)
        if any(options.fault(name, value) for name, value in values.items()):
            return  # already among the faults
        try:
            options.require_together(self._path, values)
        except MigrateMfaError as error:
            self.faults.append(f"{where}: {error.message.removeprefix(f'{self._path}: ')}")


def options_of(target: Target, options: Options) -> dict[str, object]:
    """The options of a target that one verb takes; the others are for other verbs.

    In a rollback, `roster` restricts the users. In a fleet file it means the roster of the run instead, so a
    fleet's rollback leaves it out and always covers the whole run.
    """
    left_out = set() if options.verb in READS_ROSTER else {"roster"}
    return {
        name: value
        for name, value in target.options.items()
        if name in options.names and name not in left_out
    }


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
