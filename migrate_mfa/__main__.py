"""`python -m migrate_mfa`: the same as the console script `migrate-mfa`."""

from migrate_mfa.main import entry

if __name__ == "__main__":
    entry()
