"""Runs supervisors on the workers of a Dask cluster, which may be on many machines.

Dask only places them. It may lose a worker, and it may run a supervisor twice: if a worker is killed, another
one takes its task at once; if it is frozen, after the scheduler's `worker-ttl`.
"""

import ipaddress
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from migrate_mfa import __version__
from migrate_mfa.aws.deadline import TooLate, within
from migrate_mfa.domain.errors import OutOfReach, UsageError
from migrate_mfa.fleet.supervise import supervise
from migrate_mfa.fleet.unit import Result, Unit

if TYPE_CHECKING:
    from concurrent.futures import Future

    from distributed import Client

RESOURCE = "lanes"
"""The resource of a worker: how many lanes it takes at a time."""
_CONNECT_S = 10.0
_ASK_S = 2.0
"""How often a supervisor asks the scheduler whether to drain."""


def is_loopback(address: str) -> bool:
    """Whether a scheduler can be reached only from this machine."""
    host = urlsplit(address).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_safe(address: str, *, insecure: bool) -> None:
    """Refuse a scheduler that others in the network can send work to: Dask runs any code that it receives.

    Raises:
        UsageError: it is not an address, or has no TLS and is not on this machine.
    """
    parts = urlsplit(address)
    if parts.scheme not in {"tcp", "tls"} or not parts.hostname or parts.port is None:
        raise UsageError(
            f"{address!r} is not the address of a Dask scheduler.",
            "It looks like tls://scheduler.example.com:8786.",
        )
    if parts.scheme == "tcp" and not is_loopback(address) and not insecure:
        raise UsageError(
            f"{address} has no TLS. Anybody who reaches it can run programs on its workers.",
            "Start scheduler and workers with TLS and give tls://..., see migrate-mfa guide fleet; or accept "
            "it with --insecure-engine in a network that nobody else can reach.",
        )


class Dask:
    """`Engine` on an existing Dask cluster."""

    def __init__(self, address: str, say: Callable[[str], None], *, insecure: bool = False) -> None:
        """Connect to the scheduler, with the certificates of Dask's own configuration.

        Raises:
            UsageError: the address cannot be used, or Dask is not installed.
            OutOfReach: the scheduler does not answer.
        """
        require_safe(address, insecure=insecure)
        self.needs_shared_run_dir = not is_loopback(address)
        self._address, self._say, self._is_gone = address, say, False
        self._client = _connected(address)
        self._invocations: set[str] = set()
        self._draining = False
        self._executor = self._client.get_executor(pure=False, retries=0, resources={RESOURCE: 1})
        if not any(_offers(worker) for worker in self._client.scheduler_info(-1)["workers"].values()):
            say(
                f"No worker of {address} offers the resource {RESOURCE} yet. Start some: "
                f"dask worker {address} --nthreads 5 --resources {RESOURCE}=5"
            )

    def submit(self, unit: Unit) -> "Future[tuple[Result, ...]]":
        """See `Engine.submit`.

        Raises:
            OutOfReach: the scheduler is gone. Dask itself would wait forever.
        """
        if self._client.status != "running":
            self._tell_gone()
            raise OutOfReach(f"The scheduler {self._address} is gone.")
        self._invocations.add(unit.invocation)
        future: Future[tuple[Result, ...]] = self._executor.submit(_on_worker, unit, __version__)
        return future

    def _tell_gone(self) -> None:
        if not self._is_gone:
            self._is_gone = True
            self._say(
                f"The scheduler {self._address} is gone. The commands at work end by themselves; fleet "
                "status shows how. Then start a scheduler and workers, and run the same command again."
            )

    def begun(self, future: "Future[tuple[Result, ...]]") -> bool:
        """See `Engine.begun`. Only the scheduler knows, so any lane may have begun."""
        return not future.done()

    def drain(self) -> None:
        """See `Engine.drain`."""
        if self._draining:
            return
        self._draining = True
        with suppress(OSError, TimeoutError):  # if the scheduler is gone, its workers end too
            for each in self._invocations:
                _event(each, self._client).set()

    def close(self) -> None:
        """See `Engine.close`."""
        self._client.close()


def _offers(worker: Any) -> bool:  # noqa: ANN401 - Dask's own
    return bool(worker.get("resources", {}).get(RESOURCE))


def _connected(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "--engine dask needs Dask, which is not installed here.",
            "Install it here and on the workers: pip install 'migrate-mfa[dask]'",
        ) from None
    if urlsplit(address).scheme == "tls":
        _require_certificates(address)
    # Without a scheduler, Dask logs tracebacks; this program reports its state itself.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        # Its own time limit does not cover a port that takes connections and never answers.
        return within(2 * _CONNECT_S, lambda: Client(address, timeout=_CONNECT_S, set_as_default=False))
    except (OSError, TimeoutError, ValueError, TypeError, TooLate) as error:
        raise OutOfReach(
            f"The Dask scheduler {address} cannot be used ({type(error).__name__}).",
            "Look whether it runs, and at the certificates that Dask is configured with "
            "(distributed.comm.tls); then run the same command again.",
        ) from error


def _require_certificates(address: str) -> None:
    """Check that Dask has certificates for TLS: closing a client without them never ends.

    Raises:
        UsageError: Dask is configured without certificates, or its files cannot be read.
    """
    from distributed import Security

    told = "Name them in Dask's configuration: distributed.comm.tls, see migrate-mfa guide fleet."
    try:
        context = Security().get_connection_args("client")["ssl_context"]
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"The certificates for {address} cannot be read ({why}).", told) from error
    if context is None:
        raise UsageError(f"{address} needs certificates, and Dask is configured with none.", told)


def _event(invocation: str, client: "Client") -> Any:  # noqa: ANN401 - Dask's own
    from distributed import Event

    return Event(f"migrate-mfa-drain-{invocation}", client=client)


def _on_worker(unit: Unit, version: str) -> tuple[Result, ...]:
    """The task: supervise one lane on a worker.

    Raises:
        UsageError: the worker has another version of this program.
    """
    if version != __version__:
        raise UsageError(f"A worker has migrate-mfa {__version__}, and this command is {version}.")
    from distributed import get_client

    asked = _Asked(_event(unit.invocation, get_client()).is_set)
    return supervise(unit, asked)


class _Asked:
    """Whether to drain, from the scheduler; asked every 2 s at most, because each answer is a message."""

    def __init__(self, is_set: Callable[[], bool]) -> None:
        self._is_set = is_set
        self._known = False
        self._next = 0.0
        self._mutex = threading.Lock()

    def __call__(self) -> bool:
        with self._mutex:
            if not self._known and time.monotonic() >= self._next:
                self._known = bool(self._is_set())
                self._next = time.monotonic() + _ASK_S
            return self._known
