"""The AWS CLI, in an environment of its own that is made once and kept in the user's cache."""

import os
import subprocess
import sys
import venv
from functools import cache
from pathlib import Path

from tests.tools.bench.site import POOL_ID

_HOME = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "migrate-mfa-bench" / "awscli"
_SCRIPT = """\
{aws} cognito-idp admin-update-user-attributes --user-pool-id {pool} --username "$1" \
 --user-attributes Name=phone_number,Value="$2" Name=phone_number_verified,Value=true &&
{aws} cognito-idp admin-set-user-mfa-preference --user-pool-id {pool} --username "$1" \
 --sms-mfa-settings Enabled=true,PreferredMfa=true
"""


@cache
def command() -> str | None:
    """The path of `aws`; None, said on standard error, where it cannot be installed."""
    aws = _HOME / "bin" / "aws"
    if not aws.exists():
        venv.create(_HOME, with_pip=True)
        install = [str(_HOME / "bin" / "pip"), "install", "-qq", "--disable-pip-version-check", "awscli"]
        if subprocess.run(install, check=False).returncode != 0:
            print(
                "The AWS CLI could not be installed from the package index; it is left out.", file=sys.stderr
            )
            return None
    return str(aws)


def under_xargs(roster: Path, folder: Path) -> list[str]:
    """Eight shells at a time, each with the two calls of the manual for one user."""
    script = folder / "enrol.sh"
    script.write_text(_SCRIPT.format(aws=command(), pool=POOL_ID), encoding="utf-8")
    pipe = f"tail -n +2 {roster} | tr -d '\\r' | tr ',' ' ' | xargs -P 8 -L 1 sh {script}"
    return ["sh", "-c", pipe]
