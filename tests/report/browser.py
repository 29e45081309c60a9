"""Debian's Chromium, driven through its own driver by W3C WebDriver's plain HTTP."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DRIVER, BROWSER = shutil.which("chromedriver"), shutil.which("chromium")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, by the standard
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         "--hide-scrollbars", "--force-color-profile=srgb")  # fmt: skip


class Browser:
    """One window."""

    def __init__(self, address: str) -> None:
        self.address = address
        options = {"binary": BROWSER, "args": list(FLAGS)}
        capabilities = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.address += f"/session/{session['sessionId']}"

    def open(self, page: Path, width: int = 1200, height: int = 900) -> None:
        self.size(width, height)
        self._call("POST", "/url", {"url": page.absolute().as_uri()})

    def size(self, width: int, height: int) -> None:
        """Of what is seen, as a phone or a screen has it."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)

    def appearance(self, scheme: str, media: str = "") -> None:
        """`light` or `dark`; `print` as media."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.devtools("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def run(self, script: str, *arguments: Any) -> Any:
        """JavaScript's value."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def keys(self, *names: str) -> None:
        """Pressed one after the other, where the focus is."""
        codes = [{"type": kind, "value": KEYS[name]} for name in names for kind in PRESS]
        self._act({"type": "key", "id": "keyboard", "actions": codes})

    def point_at(self, selector: str, x: float, y: float) -> None:
        """The mouse, at fractions of an element."""
        box = self.run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({block: 'center',"
            "behavior: 'instant'}); const b = e.getBoundingClientRect();"
            "return [b.left, b.top, b.width, b.height];",
            selector,
        )
        place = {"x": round(box[0] + x * box[2]), "y": round(box[1] + y * box[3])}
        move = {"type": "pointerMove", "duration": 0, **place}
        self._act({"type": "pointer", "id": "mouse", "actions": [move]})

    def focus(self, selector: str) -> None:
        self.run("document.querySelector(arguments[0]).focus()", selector)

    def console(self) -> list[str]:
        """Messages of the page since the last call."""
        entries = self._call("POST", "/se/log", {"type": "browser"})
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def devtools(self, command: str, parameters: dict[str, Any]) -> Any:
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def picture(self, whole: bool = False) -> bytes:
        """PNG of what is seen, or of the page from top to bottom."""
        found = self.devtools("Page.captureScreenshot", {"captureBeyondViewport": whole})
        return base64.b64decode(found["data"])

    def printed(self) -> bytes:
        """PDF."""
        return base64.b64decode(self._call("POST", "/print", {"background": True}))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._call("DELETE", "", None)

    def _act(self, *sources: dict[str, Any]) -> None:
        self._call("POST", "/actions", {"actions": list(sources)})

    def _call(self, method: str, path: str, content: Any) -> Any:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.address + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]


PRESS = ("keyDown", "keyUp")
KEYS = {
    "Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "End": "\ue010", "Home": "\ue011",
    "Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015", "Space": " ",
}  # fmt: skip


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """A window that is closed again, with its driver."""
    assert DRIVER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    driver = subprocess.Popen([DRIVER, f"--port={port}"], **quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        _await(address, driver)
        window = Browser(address)
        try:
            yield window
        finally:
            window.close()
    finally:
        driver.terminate()
        driver.wait(timeout=20)


def _await(address: str, driver: subprocess.Popen[bytes]) -> None:
    """Until the driver answers."""
    for _ in range(300):
        assert driver.poll() is None, "chromedriver ended"
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/status") as answer:
            if json.load(answer)["value"]["ready"]:
                return
        time.sleep(0.1)
    raise AssertionError("chromedriver does not answer")
