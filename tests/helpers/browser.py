"""A headless Chromium, driven by the WebDriver protocol of chromedriver."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The key under which WebDriver (W3C) names an element."""


def missing() -> str | None:
    """Say which program is not there; None if a browser can be driven."""
    gone = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(gone)} not installed" if gone else None


class Browser:
    """One session."""

    def __init__(self, address: str) -> None:
        self._open = build_opener(ProxyHandler({})).open
        self._address = address

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._address}{path}", data, {"Content-Type": "application/json"}, method=method)
        with self._open(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def start(self, profile: Path, size: tuple[int, int]) -> None:
        arguments = [*FLAGS, f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}"]
        options = {"args": arguments, "binary": shutil.which("chromium")}
        capabilities = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        self._address += f"/session/{self.ask('POST', '/session', {'capabilities': capabilities})['sessionId']}"

    def visit(self, page: Path) -> None:
        self.ask("POST", "/url", {"url": page.as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run the body of a function in the page and return what it returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def give_files(self, selector: str, files: Sequence[Path]) -> None:
        element = self.ask("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]
        self.ask("POST", f"/element/{element}/value", {"text": "\n".join(str(file.resolve()) for file in files)})

    def wait(self, script: str, seconds: float = 240) -> None:
        """Wait until a script returns true; fail with the page's status and log after `seconds`."""
        end = time.monotonic() + seconds
        while not self.run(script):
            assert time.monotonic() < end, (self.run("return document.body.innerText"), self.log())
            time.sleep(0.2)

    def log(self) -> list[str]:
        """Return what the page has complained of."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", {"type": "browser"})]

    def screenshot(self, file: Path) -> None:
        file.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))


@contextmanager
def open_browser(profile: Path, size: tuple[int, int] = (1100, 900)) -> Iterator[Browser]:
    """Start a driver and a browser with a new profile, and end both."""
    driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=subprocess.PIPE, text=True)
    try:
        assert driver.stdout is not None
        port = next(found[1] for line in driver.stdout if (found := re.search(r"successfully on port (\d+)", line)))
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.start(profile, size)
        try:
            yield browser
        finally:
            browser.ask("DELETE", "")
    finally:
        driver.terminate()
        driver.communicate()
