"""How fast the quota allows, beside what people do today: tables of ratios, measured in one run.

    make bench                                  a short look: enrolment and reading, some minutes
    make bench ARGS="all --users 600"           everything, the million rows included
    make bench ARGS=live                        beside live traffic, two cells of the matrix
    make bench ARGS="live --cell all --seeds 3" beside live traffic, the whole matrix: some ten hours

Everybody works on the same users in a fresh simulator that enforces Cognito's default quotas (25 calls a
second in each write category, 30 pages of ListUsers) with the given latency. `wall/limit` compares the time,
start-up and plan included, with the least that the quota allows for the users, so 1.00 is perfect. Seconds of
different machines are not compared. The AWS CLI is installed once into ~/.cache/migrate-mfa-bench; it enrols
few users, and its ratio is that of those few.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence

from tests.tools.bench import bucket, bulk, enrolment, fleet, live, reading, short_run

PARTS = ("enrol", "read", "live", "cpu", "short", "scale", "bucket", "fleet")
_SHORT = ("alone, 60 ms", "40 % taken")


def main(argv: list[str]) -> int:
    """Print the tables as Markdown. Returns 0."""
    asked = _arguments(argv)
    parts = PARTS if "all" in asked.part else asked.part
    if "enrol" in parts:
        print(f"\nEnrolment of {asked.users} users\n")
        short = not asked.scenario and "all" not in asked.part
        chosen = _SHORT if short else asked.scenario or list(enrolment.SCENARIOS)
        _table(enrolment.HEAD, enrolment.rows(asked.users, chosen, asked.contender or enrolment.NAMES))
    if "read" in parts:
        print(f"\nReading a pool of {asked.pool:,} users\n")
        _table(reading.HEAD, reading.rows(asked.pool))
    if "live" in parts:
        print("\nBeside live traffic\n")
        cells = list(live.NAMES) if asked.cell == ["all"] else asked.cell or live.SHORT
        _table(live.HEAD, live.rows(cells, range(1, asked.seeds + 1)))
    if "cpu" in parts:
        print("\nA call without a quota in the way\n")
        _table(bulk.CPU_HEAD, bulk.cpu_rows())
    if "short" in parts:
        print(f"\nA run of {asked.users} users without a quota in the way\n")
        _table(short_run.HEAD, short_run.rows(asked.users))
    if "bucket" in parts:
        print(f"\nRun directories in a bucket, beside local ones; S3 takes {bucket.S3_MS} ms for the runs\n")
        _table(bucket.RUN_HEAD, bucket.run_rows())
        print()
        _table(bucket.PLAN_HEAD, bucket.plan_rows(asked.rows or (100_000,)))
    if "fleet" in parts:
        print(f"\nA fleet of {fleet.LANES} lanes with {asked.users} users each, all of it on this machine\n")
        _table(fleet.HEAD, fleet.rows(asked.users))
        print()
        _table(fleet.COORDINATOR_HEAD, fleet.coordinator_rows(1000))
    if "scale" in parts:
        print("\nSize\n")
        _table(bulk.SCALE_HEAD, bulk.scale_rows(asked.rows or (10_000, 100_000, 1_000_000)))
    return 0


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(_line(head))
    print(_line(["---"] + ["---:"] * (len(head) - 1)), flush=True)
    for row in rows:
        print(_line(row), flush=True)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make bench ARGS=...",
        description=__doc__,
        epilog=f"scenarios: {'; '.join(enrolment.SCENARIOS)}\ncontenders: {'; '.join(enrolment.NAMES)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", help=f"some of {', '.join(PARTS)}, or all (default: enrol read)")
    parser.add_argument("--users", type=int, default=300, help="users to enrol")
    parser.add_argument("--pool", type=int, default=60_000, help="users to read")
    parser.add_argument("--rows", type=int, nargs="+", help="rows of the scaling lines")
    parser.add_argument("--scenario", nargs="+", choices=list(enrolment.SCENARIOS), metavar="NAME")
    parser.add_argument("--contender", nargs="+", choices=enrolment.NAMES, metavar="NAME")
    parser.add_argument(
        "--cell", nargs="+", choices=["all", *live.NAMES], metavar="CELL",
        help=f'such as "{live.SHORT[0]}"'.replace("%", "%%"),
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="how often each cell is run")
    asked = parser.parse_intermixed_args(argv)
    if unknown := set(asked.part) - {*PARTS, "all"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    asked.part = asked.part or ["enrol", "read"]
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
