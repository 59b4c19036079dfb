"""Dagster's UI in a real browser. STAMMKUNDE_SCREENSHOTS=docs/images makes the pictures of the docs anew."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from installation import STAMMKUNDE, Installation

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt install chromium)"),
]


@pytest.fixture(scope="module")
def address(demo: Installation) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [STAMMKUNDE, "ui", "--port", str(port)], env=demo.environment, start_new_session=True
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/server_info")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the web server must end with the command"


def _wait_for(url: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, f"{url} did not answer within {seconds} s"
            time.sleep(1)


def test_the_asset_graph_shows_every_stage(address: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    folder = Path(os.environ.get("STAMMKUNDE_SCREENSHOTS", str(tmp_path)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"],
        )
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.goto(f"{address}/asset-groups", wait_until="domcontentloaded")
        for group in ("raw", "staging", "identity", "golden", "features", "ml", "marts", "exports"):
            page.get_by_text(group, exact=True).first.wait_for(timeout=60_000)
        page.screenshot(path=folder / "asset-graph.png")
        page.goto(f"{address}/assets/marts/customer", wait_until="domcontentloaded")
        page.get_by_text("customer", exact=True).first.wait_for(timeout=60_000)
        page.wait_for_timeout(3_000)
        page.screenshot(path=folder / "asset-customer.png")
        browser.close()
