"""A headless Chromium that is told what to do over a pipe (the DevTools protocol): one start for many pages."""

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
_QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--lang=en-US",
)  # fmt: skip
_PATIENCE = 20.0


class Browser:
    """One page of it. ``complaints`` is all that its console said, errors and refusals of the content security policy included."""

    def __init__(self, profile: Path) -> None:
        self._pid, self._to, self._from = _started(
            (str(CHROMIUM), *_QUIET, f"--user-data-dir={profile}", "--remote-debugging-pipe")
        )
        self._heard = b""
        self._calls = 0
        self._session: str | None = None
        self.complaints: list[str] = []
        target = next(one for one in self.call("Target.getTargets")["targetInfos"] if one["type"] == "page")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        os.close(self._to)
        os.close(self._from)
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._pid, 0)

    def look(self, width: int, height: int, *, dark: bool) -> None:
        """As wide a window, and what the system prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url: str, until: str) -> None:
        """Go there, and wait until the script ``until`` is true."""
        self.call("Page.navigate", url=url)
        self.wait(until)

    def wait(self, until: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not self.run(
            f"(() => {{ try {{ return Boolean({until}); }} catch {{ return false; }} }})()"
        ):  # a page may not be there yet
            assert time.monotonic() < deadline, f"not within {_PATIENCE} s: {until}; the console: {self.complaints}"
            time.sleep(0.03)

    def run(self, script: str) -> Any:
        """The value of an expression, or of its promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, *keys: str) -> None:
        for key in keys:
            for kind in ("keyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" and len(key) == 1 else "")

    def picture(self, path: Path) -> None:
        """Of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        said: dict[str, Any] = {"id": self._calls, "method": method, "params": parameters}
        if self._session:
            said["sessionId"] = self._session
        os.write(self._to, json.dumps(said).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == said["id"]:
                assert "error" not in heard, f"{method}: {heard['error']}"
                answer: dict[str, Any] = heard["result"]
                return answer
            self._note(heard)

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self._heard:
            ready, _, _ = select.select([self._from], [], [], _PATIENCE)
            assert ready, "the browser says nothing"
            chunk = os.read(self._from, 1 << 20)
            assert chunk, "the browser has ended"
            self._heard += chunk
        message, _, self._heard = self._heard.partition(b"\0")
        heard: dict[str, Any] = json.loads(message)
        return heard

    def _note(self, event: dict[str, Any]) -> None:
        told = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled":
                self.complaints.append(f"{told['type']}: {[one.get('value', one.get('description')) for one in told['args']]}")
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"]))
            case "Log.entryAdded":
                self.complaints.append(f"{told['entry']['level']}: {told['entry']['text']}")


def _started(command: tuple[str, ...]) -> tuple[int, int, int]:
    """Its process, and what to write to and to read from. It listens on its descriptor 3 and speaks on 4."""
    (its_in, to), (out, its_out) = os.pipe(), os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (its_in, its_out)]  # out of the way of 3 and 4
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
    places = [(os.POSIX_SPAWN_DUP2, end, number) for end, number in zip(high, (3, 4), strict=True)]
    try:
        pid = os.posix_spawn(command[0], [*command, "about:blank"], os.environ, file_actions=[*nowhere, *places])
    finally:
        for end in (its_in, its_out, *high):
            os.close(end)
    return pid, to, out
