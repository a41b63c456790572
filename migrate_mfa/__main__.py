"""The console script, and `python -m migrate_mfa`; prints a plain message if the program cannot be loaded."""

import sys


def entry() -> None:
    """Run the command line of this process."""
    try:
        import fcntl  # noqa: F401, PLC0415 - Windows has no such module
    except ModuleNotFoundError:
        sys.stderr.write(
            "migrate-mfa needs Linux or macOS; on Windows, run it in WSL 2 or in a Linux container.\n"
        )
        sys.exit(2)
    from migrate_mfa.main import main  # noqa: PLC0415

    sys.exit(main())


if __name__ == "__main__":
    entry()
