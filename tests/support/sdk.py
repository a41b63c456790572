"""An AWS SDK that knows point-in-time recovery, whichever one is installed.

`sdk/` holds what botocore 1.44.8 has of it, as an extra to the model of an older one.
"""

from pathlib import Path
from typing import Final

import pytest

DATA: Final = {"AWS_DATA_PATH": str(Path(__file__).parent / "sdk")}


def know_recoveries(patch: pytest.MonkeyPatch) -> None:
    for name, value in DATA.items():
        patch.setenv(name, value)
