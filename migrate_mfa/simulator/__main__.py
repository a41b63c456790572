"""Entry point of ``python -m migrate_mfa.simulator``."""

from migrate_mfa.simulator.server.serving import main

if __name__ == "__main__":
    raise SystemExit(main())
