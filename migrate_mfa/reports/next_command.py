"""The command that fits a run directory, filled in, so that it can be pasted."""

import re
import shlex
from dataclasses import dataclass

AWS = "aws"
"""How a run directory names AWS's own endpoint."""
_LIKE_A_NUMBER = re.compile(r"\d(?:[\s().-]{0,3}\d){9,}")


def safe_path(path: object) -> str | None:
    """A path as it may be shown; None for one that holds an address, or what could be somebody's number."""
    text = str(path)
    return None if "@" in text or _LIKE_A_NUMBER.search(text) else text


@dataclass(frozen=True, slots=True)
class Next:
    """The command line that fits a run directory, filled in."""

    run_dir: str
    pool_id: str
    policy: str | None
    endpoint: str | None

    def here(self, verb: str, *more: str) -> str:
        """A command on this run directory."""
        return self._line(verb, "--run-dir", self.run_dir, *more)

    def roster(self, verb: str, roster: str, *more: str) -> str:
        """A command with a roster, by the policy of this run where it has one."""
        policy = ("--verification", self.policy) if self.policy else ()
        return self._line(verb, roster, "--user-pool-id", self.pool_id, *policy, *more)

    def report(self, verb: str, outcome: str, *more: str) -> str:
        """A command with one of this run's own lists as its roster."""
        return self.roster(verb, f"{self.run_dir}/report/{outcome}.csv", *more)

    def pool(self, verb: str) -> str:
        """A command on the whole pool."""
        return self._line(verb, "--user-pool-id", self.pool_id)

    def _line(self, *words: str) -> str:
        elsewhere = ("--endpoint-url", self.endpoint) if self.endpoint not in {None, AWS} else ()
        return shlex.join(["migrate-mfa", *words, *map(str, elsewhere)])
