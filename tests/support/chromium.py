"""A headless Chromium at the end of a pipe, by the DevTools protocol: no driver and no port is needed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from base64 import b64decode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe"),
)


def find_chromium() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@dataclass
class Look:
    """How a page is looked at."""

    width: int
    scheme: str = "light"
    media: str = "screen"
    height: int = 900


@dataclass
class Browser:
    """One Chromium with one page; use it as a context manager."""

    program: str
    profile: Path
    complaints: list[str] = field(default_factory=list)
    """What the page was refused, or failed in: the console's errors, and violations of its policy."""
    requests: list[str] = field(default_factory=list)
    """The addresses that it asked for, beside its own."""
    _next: int = 0

    def __enter__(self) -> Self:
        to_it, ours = os.pipe()
        from_it, its = os.pipe()

        def as_three_and_four() -> None:
            os.dup2(to_it, 3, inheritable=True)
            os.dup2(its, 4, inheritable=True)

        # Moved away from 3 and 4 first, so that neither end is overwritten by the other.
        to_it, its = (os.dup(os.dup(os.dup(each))) for each in (to_it, its))
        self._child = subprocess.Popen(
            [self.program, *_FLAGS, f"--user-data-dir={self.profile}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(self.profile)},
            preexec_fn=as_three_and_four,  # noqa: PLW1509 - before any thread of ours
            pass_fds=(3, 4),
        )
        os.close(to_it)
        os.close(its)
        self._to, self._from = os.fdopen(ours, "wb", 0), os.fdopen(from_it, "rb")
        self._session: str | None = None
        target = next(
            each for each in self._ask("Target.getTargets")["targetInfos"] if each["type"] == "page"
        )
        attached = self._ask("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self._ask(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.wait()
        self._to.close()
        self._from.close()

    def open(self, path: Path, look: Look) -> None:
        """Show a file."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=look.width,
            height=look.height,
            deviceScaleFactor=1,
            mobile=look.width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": look.scheme}]
        self._ask("Emulation.setEmulatedMedia", media=look.media, features=features)
        self._loaded = False
        self._ask("Page.navigate", url=path.absolute().as_uri())
        while not self._loaded:
            self._hear()

    def value(self, expression: str) -> Any:
        """What an expression has for a value in the page; the page's own policy does not bind it."""
        found = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def picture(self, path: Path, *, whole: bool = True) -> None:
        """Save what is shown as a PNG, as a whole or the first screen of it."""
        shot = self._ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """Print the page, which is looked at as paper from then on."""
        self._ask("Emulation.setEmulatedMedia", media="print")
        return b64decode(self._ask("Page.printToPDF", printBackground=False, preferCSSPageSize=True)["data"])

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._next += 1
        asked = {"id": self._next, "method": method, "params": params}
        if self._session:
            asked["sessionId"] = self._session
        self._to.write(json.dumps(asked).encode() + b"\0")
        while (answer := self._hear()).get("id") != self._next:
            pass
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _hear(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._from.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            text += byte
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, method: str | None, params: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Log.entryAdded" if params["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(params["entry"]["text"])
            case "Audits.issueAdded":
                self.complaints.append(json.dumps(params["issue"]))
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(params))
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith("file:"):
                self.requests.append(params["request"]["url"])
