"""A Chromium of one's own, driven by its DevTools protocol over two pipes: no package is needed.

Source: Chromium, "content/browser/devtools/devtools_pipe_handler.cc": JSON messages that end with a zero byte, read from 3, written to 4.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_LIMIT_S = 60.0


class Page:
    """One tab. Its errors are kept in `complaints`."""

    def __init__(self, reader: int, writer: int) -> None:
        self._reader, self._writer, self._rest, self._last_id = reader, writer, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": parameters} | ({"sessionId": self._session} if self._session else {})
        os.write(self._writer, json.dumps(message).encode() + b"\0")
        while (reply := self._receive()).get("id") != self._last_id:
            self._note(reply)
        assert "error" not in reply, reply
        return reply["result"]

    def open(self, url: str) -> None:
        self.send("Page.navigate", url=url)

    def value(self, expression: str) -> Any:
        """Of JavaScript; a promise is waited for."""
        reply = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in reply, reply["exceptionDetails"]
        return reply["result"].get("value")

    def wait(self, expression: str, limit_s: float = _LIMIT_S) -> Any:
        """Until it is true."""
        end = time.monotonic() + limit_s
        while not (found := self.value(f"(() => {{ try {{ return {expression}; }} catch {{ return null; }} }})()")):
            told = self.value("document.body?.innerText")
            assert time.monotonic() < end, f"not within {limit_s} s: {expression}\n{told}\n{self.complaints}"
            time.sleep(0.05)
        return found

    def choose(self, selector: str, file: Path) -> None:
        """Gives a file to an input element."""
        node = self.send("DOM.querySelector", nodeId=self.send("DOM.getDocument")["root"]["nodeId"], selector=selector)["nodeId"]
        self.send("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def set_offline(self, is_offline: bool) -> None:
        self.send("Network.emulateNetworkConditions", offline=is_offline, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._reader, 1 << 20)
            assert read, "the browser has ended"
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _note(self, event: dict[str, Any]) -> None:
        if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(event["params"])[:500])


@contextlib.contextmanager
def browser(profile: Path, *, camera: Path | None = None, more: Sequence[str] = ()) -> Iterator[Page]:
    """`camera`: a file of JPEGs one after the other, shown again and again."""
    assert CHROMIUM is not None
    words = [CHROMIUM, "--headless=new", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--no-first-run"]
    words += ["--disable-gpu", "--disable-dev-shm-usage", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", *more]
    words += [f"--use-file-for-fake-video-capture={camera}"] if camera else []
    to_browser, from_browser = os.pipe(), os.pipe()
    theirs = [fcntl.fcntl(end, fcntl.F_DUPFD, 100) for end in (to_browser[0], from_browser[1])]  # clear of 3 and 4
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$@" 3<&{theirs[0]} 4>&{theirs[1]}', "bash", *words],
        pass_fds=theirs,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (to_browser[0], from_browser[1], *theirs):
        os.close(end)
    try:
        yield Page(from_browser[0], to_browser[1])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(to_browser[1])
        os.close(from_browser[0])
