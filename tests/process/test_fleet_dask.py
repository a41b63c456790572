"""A fleet on a real Dask scheduler and workers, some of which are killed or frozen."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.commands.support import assert_code, end, wait_until
from tests.process.test_fleet import TARGETS, children_of, lives, require_drained, require_good_end, site
from tests.support import warm_process
from tests.support.certificates import Certificates, certificates

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.fleet_site import FleetSite

__all__ = ["site"]
pytestmark = [pytest.mark.promise(4), pytest.mark.slow]

NO_PAGE = ("--no-dashboard", "--dashboard-address", "127.0.0.1:0")
TTL_S = 4
TLS = "DASK_DISTRIBUTED__COMM__TLS__"


@dataclass
class Cluster:
    """A scheduler on loopback, and its workers in the order of their start."""

    folder: Path
    environment: dict[str, str]
    tls: Certificates | None = None
    scheduler: subprocess.Popen[bytes] = field(init=False)
    address: str = field(init=False)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start the scheduler on a free port."""
        log = self.folder / "scheduler.log"
        address = re.compile(rf"{'tls' if self.tls else 'tcp'}://127\.0\.0\.1:\d+")
        self.scheduler = self._start(log, "scheduler", "--host", "127.0.0.1", "--port", "0")
        wait_until(lambda: bool(address.search(log.read_text())), "the scheduler")
        found = address.search(log.read_text())
        assert found
        self.address = found[0]

    def add(self, lanes: int = 2, machine: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a worker, and wait until the scheduler knows it; `machine` is its working directory."""
        log = self.folder / f"worker{len(self.workers)}.log"
        line = ("--host", "127.0.0.1", "--nthreads", str(lanes), "--resources", f"lanes={lanes}")
        worker = self._start(log, "worker", self.address, *line, "--no-nanny", machine=machine)
        self.workers.append(worker)
        wait_until(lambda: "Registered to" in log.read_text(), "a worker")
        return worker

    def _start(self, log: Path, *line: str, machine: Path | None = None) -> subprocess.Popen[bytes]:
        if self.tls:
            line = (*line, "--protocol", "tls", "--tls-ca-file", str(self.tls.ca))
            line = (*line, "--tls-cert", str(self.tls.cert), "--tls-key", str(self.tls.key))
        with log.open("wb") as output:
            return warm_process.start(
                [sys.executable, "-m", "dask", *line, *NO_PAGE],
                stdout=output,
                stderr=output,
                cwd=machine or self.folder,
                env=self.environment | ({"TMPDIR": str(machine)} if machine else {}),
                start_new_session=True,
            )

    def close(self) -> None:
        """Stop the scheduler and the workers."""
        for each in [*self.workers, self.scheduler]:
            with suppress(ProcessLookupError):
                each.send_signal(signal.SIGCONT)
            each.kill()
            each.wait()


@contextmanager
def cluster_of(site: FleetSite, workers: int, tls: Certificates | None = None) -> Iterator[Cluster]:
    environment = site.cli.env() | {
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{TTL_S}s",
        "DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH": "0",
    }
    made = Cluster(site.folder, environment, tls)
    try:
        for _ in range(workers):
            made.add()
        yield made
    finally:
        made.close()


@pytest.fixture
def cluster(site: FleetSite) -> Iterator[Cluster]:
    with cluster_of(site, 2) as made:
        yield made


def on(cluster: Cluster, run_dir: str = "") -> tuple[str, ...]:
    return (
        *(
            "fleet",
            "fleet.toml",
            "--verb",
            "run",
            "--yes",
            "--run-dir",
            run_dir or str(cluster.folder / "runs"),
        ),
        *("--retry-pause", "1s", "--engine", "dask", "--scheduler", cluster.address),
    )


def commands_of(cluster: Cluster) -> list[list[int]]:
    """The commands of targets at work, by worker."""
    return [_living(each) for each in cluster.workers]


def _living(worker: subprocess.Popen[bytes]) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended since it was listed
        return [] if worker.poll() is not None else children_of(worker.pid)
    return _living(worker)


def test_every_user_of_every_target_ends_right_wherever_the_workers_were_started(site: FleetSite) -> None:
    with cluster_of(site, 0) as cluster:
        for name in ("one", "two"):
            (elsewhere := site.folder / name).mkdir()
            cluster.add(machine=elsewhere)

        assert_code(site.cli.child(*on(cluster, "runs")), 0)

    require_good_end(site)


def configure(site: FleetSite, tls: Certificates) -> None:
    """Set Dask's own variables to the certificates of the coordinator."""
    named = {"CA_FILE": tls.ca, "CLIENT__CERT": tls.cert, "CLIENT__KEY": tls.key}
    site.cli.environment |= {f"{TLS}{name}": str(path) for name, path in named.items()}


def test_a_fleet_works_under_tls_and_not_with_a_scheduler_of_another_authority(site: FleetSite) -> None:
    good, foreign = certificates(site.folder / "good"), certificates(site.folder / "foreign")
    with cluster_of(site, 1, good) as cluster:
        assert cluster.address.startswith("tls://")
        configure(site, Certificates(foreign.ca, good.cert, good.key))
        refused = site.cli.child(*on(cluster))
        assert_code(refused, 8)
        what, hint = refused.said.splitlines()
        assert what.startswith(f"migrate-mfa: The Dask scheduler {cluster.address} cannot be used (")
        assert "certificates that Dask is configured with (distributed.comm.tls)" in hint
        assert site.written() == 0

        configure(site, good)
        assert_code(site.cli.child(*on(cluster)), 0)
    require_good_end(site)


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({}, "needs certificates, and Dask is configured with none."),
        ({"CA_FILE": "none.pem", "CLIENT__CERT": "none.pem"}, "cannot be read (No such file or directory)."),
        ({"CA_FILE": "roster.csv", "CLIENT__CERT": "roster.csv"}, "cannot be read ("),
    ],
)
def test_tls_without_certificates_is_refused_at_once(
    site: FleetSite, files: dict[str, str], says: str
) -> None:
    site.cli.environment |= {f"{TLS}{name}": str(site.folder / path) for name, path in files.items()}

    refused = site.cli.child(
        *("fleet", "fleet.toml", "--verb", "run", "--run-dir", "runs", "--yes"),
        *("--engine", "dask", "--scheduler", "tls://127.0.0.1:1"),
    )

    assert_code(refused, 2)
    assert len(refused.said.splitlines()) == 2, refused.said
    assert says in refused.said


def test_a_scheduler_that_never_answers_is_told(site: FleetSite) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        done = site.cli.child(
            *("fleet", "fleet.toml", "--verb", "run", "--run-dir", "runs", "--yes"),
            *("--engine", "dask", "--scheduler", address),
        )

    assert_code(done, 8)
    assert f"The Dask scheduler {address} cannot be used (" in done.err


def test_a_worker_that_is_killed_leaves_its_lanes_to_another_one(site: FleetSite, cluster: Cluster) -> None:
    first = site.cli.start(*on(cluster))
    wait_until(lambda: site.written() >= 20, "twenty writes")
    lost = next(at for at, commands in enumerate(commands_of(cluster)) if commands)
    left = commands_of(cluster)[lost]

    cluster.workers[lost].kill()

    wait_until(lambda: not any(map(lives, left)), "the end of the commands whose supervisor is gone")
    first.communicate(timeout=90)
    assert first.returncode == 0
    require_good_end(site)


def test_a_worker_that_is_frozen_is_replaced_and_harms_nobody_when_it_wakes(
    site: FleetSite, cluster: Cluster
) -> None:
    first = site.cli.start(*on(cluster))
    wait_until(lambda: site.written() >= 20, "twenty writes")
    lost = next(at for at, commands in enumerate(commands_of(cluster)) if commands)

    os.kill(cluster.workers[lost].pid, signal.SIGSTOP)
    first.communicate(timeout=120)
    os.kill(cluster.workers[lost].pid, signal.SIGCONT)

    assert first.returncode == 0
    wait_until(lambda: not any(commands_of(cluster)), "the end of all commands")
    require_good_end(site)


def test_an_error_that_a_worker_tells_is_not_called_a_lost_worker(site: FleetSite, cluster: Cluster) -> None:
    (site.folder / "runs").mkdir()
    (site.folder / "runs" / "logs").write_text("a file")

    done = site.cli.child(*on(cluster))

    assert_code(done, 8)
    assert "Its worker was lost" not in done.said
    assert done.said.count(": set aside. The run directory ") == len(TARGETS)
    assert "runs of the fleet cannot be written (File exists)." in done.said
    assert not site.written()


def test_a_scheduler_that_is_killed_sets_targets_aside_and_a_new_one_finishes(
    site: FleetSite, cluster: Cluster
) -> None:
    first = site.cli.start(*on(cluster))
    wait_until(lambda: site.written() >= 20, "twenty writes")

    cluster.scheduler.kill()

    _, told = first.communicate(timeout=120)
    assert first.returncode == 8
    assert told.count(b"is gone.") == told.count(b": set aside. ") + 1 > 1
    assert told.count(b"The commands at work end by themselves") == 1
    assert b"placed again" not in told
    assert b"Traceback" not in told
    assert {each["state"] for each in site.summary()["targets"].values()} <= {"set_aside", "finished"}
    wait_until(lambda: not any(commands_of(cluster)), "the end of the commands", 90)
    with cluster_of(site, 1) as another:
        assert_code(site.cli.child(*on(another)), 0)
    require_good_end(site)


def test_a_coordinator_that_is_killed_and_started_again_finishes(site: FleetSite, cluster: Cluster) -> None:
    first = site.cli.start(*on(cluster))
    wait_until(lambda: site.written() >= 20, "twenty writes")
    end(first, signal.SIGKILL)

    assert_code(site.cli.child(*on(cluster)), 0)

    require_good_end(site)


def test_a_worker_that_joins_late_gets_lanes(site: FleetSite) -> None:
    with cluster_of(site, 0) as cluster:
        first = site.cli.start(*on(cluster))
        assert first.stderr
        assert first.stderr.readline().startswith(b"No worker of tcp://127.0.0.1:")
        cluster.add(lanes=3)
        first.communicate(timeout=90)

    assert first.returncode == 0
    require_good_end(site)


def test_a_signal_drains_the_commands_on_the_workers(site: FleetSite, cluster: Cluster) -> None:
    site.write(quota_share=0.2)  # a signal needs some seconds to come to a worker
    first = site.cli.start(*on(cluster))
    wait_until(lambda: site.written() >= 20, "twenty writes")

    done = end(first, signal.SIGTERM)

    assert done.code == 143, done.said
    assert not any(commands_of(cluster))
    require_drained(site.summary())
    assert len(site.summary()["targets"]) == len(TARGETS)
    assert_code(site.cli.child(*on(cluster)), 0)
    require_good_end(site)
