"""One invocation of `fleet`: from the file to the report."""

import json
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from migrate_mfa.cli.ask import ask
from migrate_mfa.cli.prompt import asked, tell, telling_if_slow
from migrate_mfa.cli.streams import write
from migrate_mfa.clock import SystemClock
from migrate_mfa.domain.errors import Declined, ExitCode, MigrateMfaError, OutOfReach, UsageError
from migrate_mfa.domain.formatting import counted
from migrate_mfa.fleet.document import REPAIR, Line, next_step, summary_of
from migrate_mfa.fleet.file import Options, Target, chosen, read_fleet
from migrate_mfa.fleet.lanes import Caller, accounts_of, by_lane, units_of, words_of
from migrate_mfa.fleet.page import as_html
from migrate_mfa.fleet.place import REPORT, Place, open_place
from migrate_mfa.fleet.printed import next_commands, show, shown, table
from migrate_mfa.fleet.retry import exit_code_of
from migrate_mfa.fleet.standing import Standing, latest_summary, read_standing
from migrate_mfa.fleet.unit import Patience, State, Unit, Whereabouts
from migrate_mfa.fleet.validate import CONNECTS, ask_aws, of_one_pool, read_roster, trouble_of, validate
from migrate_mfa.remote.objects import is_bucket_url
from migrate_mfa.reports.files import SUMMARY
from migrate_mfa.reports.from_journal import PAGE
from migrate_mfa.reports.languages import Lang
from migrate_mfa.stop import SIGNAL_EXITS, Stop, Stopped, on_signals

if TYPE_CHECKING:
    from migrate_mfa.fleet.engines import Engine

_WRITES = frozenset({"run", "reconcile", "rollback", "disable"})


@dataclass(kw_only=True)
class Fleet:
    """A fleet file with the options of the command line."""

    name: str
    """The path or URL of the file, as the operator gave it."""
    path: Path
    verb: str
    verbs: Mapping[str, Options]
    only: Collection[str]
    run_dir: str | None
    profile: str | None
    region: str | None
    endpoint_url: str | None
    patience: Patience = field(default_factory=Patience)
    placing: Sequence[str] = ()
    """The options of the command line that place the targets, for the next command."""
    is_task: bool = False
    """Whether this is a task of an indexed job: nobody waits, and without the accounts it has no lane."""
    lang: Lang = Lang.EN
    """The language of the page."""

    @cached_property
    def targets(self) -> list[Target]:
        """The chosen targets; raises InputUnusable."""
        return chosen(self._all, self.only)

    @cached_property
    def _all(self) -> list[Target]:
        return read_fleet(self.path, self.verb, self.verbs, self.name)

    @property
    def asks(self) -> bool:
        """Whether the operator must agree: users are written to, or become billed; raises InputUnusable."""
        targets = self.targets  # read for every verb, so that faults of the file are reported first
        deep = "deep" in self.verbs[self.verb].names and any(each.options.get("deep") for each in targets)
        return self.verb in _WRITES or deep

    @property
    def _where(self) -> Whereabouts:
        return Whereabouts(
            run_dir=self.run_dir or "",
            profile=self.profile,
            region=self.region,
            endpoint_url=self.endpoint_url,
        )

    @cached_property
    def place(self) -> Place:
        """The run directory."""
        return open_place(self._where)

    def require_run_dir(self, shared: bool = False) -> None:  # noqa: FBT001, FBT002 - a fact about an engine
        """Check that there is a run directory, and that the workers of the engine can reach it.

        Raises:
            UsageError: it is missing or cannot be reached.
        """
        if self.run_dir is None:
            raise UsageError("--run-dir is missing.", "Each target has its run directory below it.")
        if shared and not is_bucket_url(self.run_dir):
            raise UsageError(
                f"{self.run_dir} is on this machine, and the workers of this engine may be on others.",
                "Give --run-dir s3://BUCKET/PREFIX.",
            )

    @cached_property
    def accounts(self) -> Mapping[str, str]:
        """The known accounts by the names of their targets."""
        from migrate_mfa.aws.session import AwsTarget
        from migrate_mfa.pacing.retry import ATTEMPTS
        from migrate_mfa.session import account_of

        def ask_sts(caller: Caller) -> str:
            target = AwsTarget(
                user_pool_id=caller.user_pool_id, profile=caller.profile, endpoint_url=caller.endpoint_url
            )
            return account_of(target, connects=ATTEMPTS if self.is_task else CONNECTS)

        with telling_if_slow("Asking AWS which accounts the credentials of the targets belong to …"):
            return accounts_of(self.targets, ask_sts)

    def units(self) -> list[Unit]:
        """The lanes, each with its targets."""
        return units_of(
            self.targets,
            self.accounts,
            self.verbs[self.verb],
            self._where,
            invocation=uuid4().hex,
            patience=self.patience,
        )

    def ask(self, units: Sequence[Unit]) -> None:
        """Show the lanes and their targets, and ask the operator to type the number of targets.

        Raises:
            Declined: anything else was typed.
        """
        summaries = {each.name: latest_summary(self.place, each.name) for each in self.targets}
        tell(table(self.verb, units, self.run_dir or "", summaries), fold=False)
        stop, number = Stop(), str(len(self.targets))
        unchanged = "Nothing was begun."
        try:
            typed = asked(lambda: ask(stop, f"Type the number of targets ({number}) to go on: "), unchanged)
        except Stopped:
            raise Declined(unchanged) from None
        if typed != number:
            raise Declined(f"That is not the number of targets. {unchanged}")

    def do(self, units: Sequence[Unit], engine: "Engine", *, in_json: bool) -> ExitCode:
        """Run the verb on all lanes, print and write the reports, and return the exit code."""
        standings, signalled = self._coordinate(units, engine)
        lines = self._lines(standings, self.only)
        show(lines, in_json=in_json)
        self.write(standings)
        tell(f"Report: {self.place.named(REPORT, PAGE)}")
        self.tell_next(lines)
        code = signalled or exit_code_of((each.standing.state, each.standing.exit_code) for each in lines)
        if code is ExitCode.RUN_DIRECTORY:
            tell(f"No target has a run in {self.place.named()}. Correct --run-dir, or begin with --verb run.")
        return code

    def do_one(self, units: Sequence[Unit], index: int, engine: "Engine") -> ExitCode:
        """Do one lane of the fleet, as a task of an indexed job; other tasks do the other lanes.

        A lane with one target ends with the exit code of its command, so that the platform can retry it. A
        lane without a run has nothing to do.

        Raises:
            UsageError: there is no such lane.
            OutOfReach: the account of a target is not known, so the lanes cannot be counted.
        """
        if unknown := [each.name for each in self.targets if each.name not in self.accounts]:
            raise OutOfReach(
                f"The account of {', '.join(unknown)} is not known, so the lanes cannot be counted.",
                "Give these targets an account or a role_arn, or correct their credentials.",
            )
        if index >= len(units):
            raise UsageError(
                f"There is no lane {index}: the fleet has {counted(len(units), 'lane')}, and the first is 0.",
                f"Make a job of {counted(len(units), 'task')}, with the indexes 0 to {len(units) - 1}.",
            )
        standings, signalled = self._coordinate(units[index : index + 1], engine)
        for line in self._lines(standings):
            write(shown(line))
        ends = list(standings.values())
        if all(each.state is State.NO_RUN for each in ends):
            return signalled or ExitCode.DONE
        if signalled or len(ends) > 1 or ends[0].exit_code not in set(ExitCode):
            return signalled or exit_code_of((each.state, each.exit_code) for each in ends)
        return ExitCode(ends[0].exit_code)

    def _coordinate(
        self, units: Sequence[Unit], engine: "Engine"
    ) -> tuple[Mapping[str, Standing], ExitCode | None]:
        """The end of each target, and the exit code if a signal ended the fleet."""
        from migrate_mfa.fleet.coordinate import Coordination
        from migrate_mfa.fleet.view import View

        self.place.require_writable()
        clock, stop = SystemClock(), Stop()
        view = View(clock)
        coordination = Coordination(units, engine, self.place, clock, stop, view.say, view.show)
        with on_signals(stop, view.say):
            try:
                coordination.run()
            finally:
                view.close()
        return coordination.standings, None if stop.cause is None else SIGNAL_EXITS.get(stop.cause)

    def lines(self) -> list[Line]:
        """The state of each chosen target, from its run directory."""
        known = {each.name: read_standing(self.place, each.name) for each in self.targets}
        return self._lines(known, self.only)

    def _lines(self, standings: Mapping[str, Standing], only: Collection[str] = ()) -> list[Line]:
        return [self._line(each, standings[each.name], only) for each in self._all if each.name in standings]

    def _line(self, target: Target, standing: Standing, only: Collection[str]) -> Line:
        step = next_step(standing, self.verb)
        return Line(
            name=target.name,
            account=standing.account or target.account,
            region=target.region,
            standing=standing,
            run_dir=self.place.named(target.name),
            next_command=self._next(step, target),
            fleet_command=self._command(step, *only) if step in self.verbs else "",
        )

    def _next(self, step: str, target: Target) -> str:
        """The command for the next step of one target."""
        if not step or step in self.verbs:
            return self._command(step, target.name) if step else ""
        words = ["report", "--run-dir", self.place.named(target.name), *self._caller]
        if step == REPAIR:
            words = words_of(target, self.verbs["reconcile"], self.run_dir or "", {"repair": True})
        return shlex.join(["migrate-mfa", *words])

    def _command(self, verb: str, *only: str) -> str:
        """The command that does a verb to all targets of this fleet, or only to some of them."""
        words = ["migrate-mfa", "fleet", self.name, "--verb", verb, "--run-dir", str(self.run_dir)]
        chosen = [word for each in only for word in ("--only", each)]
        return shlex.join([*words, *chosen, *self.placing, *self._caller])

    @property
    def _caller(self) -> list[str]:
        """The options for the access to a bucket, if anything is in one."""
        if not (is_bucket_url(self.name) or is_bucket_url(self.run_dir or "")):
            return []
        given = {"--profile": self.profile, "--region": self.region, "--endpoint-url": self.endpoint_url}
        return [word for flag, value in given.items() if value for word in (flag, value)]

    def tell_next(self, lines: Sequence[Line]) -> None:
        """Print the next commands; if no command has worked in the run directory yet, how to begin."""
        if all(each.standing == Standing(state=State.WAITING) for each in lines):
            tell(
                f"Nothing has begun in {self.place.named()}. To begin: {self._command('plan', *self.only)}",
                fold=False,
            )
        elif told := next_commands(lines, self.place.named(REPORT, PAGE)):
            tell("\n".join(told), fold=False)

    def write(self, known: Mapping[str, Standing]) -> None:
        """Write summary.json and report.html of the whole fleet, each of them atomically.

        Args:
            known: the states of some targets; those of the others are read.

        Raises:
            RunDirectoryError: they cannot be written.
        """
        lines = self._lines(
            {each.name: known.get(each.name) or read_standing(self.place, each.name) for each in self._all}
        )
        document = json.dumps(summary_of(lines), ensure_ascii=False, indent=2) + "\n"
        self.place.write(f"{REPORT}/{SUMMARY}", document.encode())
        self.place.write(f"{REPORT}/{PAGE}", as_html(lines, self.lang).encode())

    def validate(self) -> ExitCode:
        """Check every role and pool, and the run directory if one is given, and print all problems."""
        with telling_if_slow(f"Looking at {counted(len(self.targets), 'target')} …"):
            unusable = self._trouble_of_run_dir()
            looked = validate(self.targets, self.verb, ask_aws, read_roster)
        if unusable:
            write(f"--run-dir: {unusable}")
        for each in looked:
            for line in each.lines():
                write(f"{each.name}: {line}")
        for names in of_one_pool(self._all):
            write(
                f"{', '.join(names)}: of one pool. A user must be in one of their rosters only: "
                "see migrate-mfa guide fleet."
            )
        wrong = sum(bool(each.troubles) for each in looked)
        said = {each.name: each.account for each in self.targets if each.account}
        asked = {each.name: each.found.account for each in looked if each.found}
        lanes = len(by_lane(self.targets, said | asked))
        counts = f"{counted(len(looked), 'target')} in {counted(lanes, 'lane')}"
        ending = "; --run-dir cannot be used" if unusable else ""
        write(f"\n{counts} (--index-from-env: 0 to {lanes - 1}), {wrong:,} with trouble{ending}.")
        return ExitCode.STOPPED if wrong or unusable else ExitCode.DONE

    def _trouble_of_run_dir(self) -> str:
        if self.run_dir is None:
            return ""
        try:
            self.place.require_writable()
        except MigrateMfaError as error:
            return trouble_of(error, self.verb)
        return ""
