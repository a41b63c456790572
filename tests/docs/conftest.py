"""A home of a reader's own, and a terminal in it."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.docs.documents import PROFILE, ROOT, Terminal


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A home of one's own: the program on the PATH, one profile, nothing of this machine's AWS settings."""
    program = tmp_path / "bin" / "migrate-mfa"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m migrate_mfa "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[{PROFILE}]\naws_access_key_id = dummy\naws_secret_access_key = dummy\n")
    return {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": str(credentials),
    }


@pytest.fixture
def terminal(tmp_path: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """In a directory that has what a checkout has, as far as commands read it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "samples").symlink_to(ROOT / "samples")
    opened = Terminal(folder, environment)
    yield opened
    opened.close()
