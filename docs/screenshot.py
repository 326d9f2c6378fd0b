"""Takes the picture of the asset graph in the README: docs/images/asset_graph.png.

    make screenshot

Builds the sample deliveries in a home of its own, starts Dagster's UI on 127.0.0.1 and photographs it with a headless
Chromium, which must be installed (Debian: apt-get install chromium; elsewhere name it in CHROMIUM).
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from orchestration.lib.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home

PICTURE = REPOSITORY / "docs/images/asset_graph.png"
# The least at which each asset of one source's graph shows its checks; in less, Dagster shows names only.
WINDOW = {"width": 2450, "height": 1180}
# The graph is still moving into place when its last asset has its state.
SETTLE_MS = 3000
START_SECONDS = 120
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
# Nothing leaves the machine: not the browser's own traffic either.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def main() -> None:
    if CHROMIUM is None:
        sys.exit("no Chromium found: install it, or name it in the environment variable CHROMIUM")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").ensure()
        os.environ[ENVIRONMENT_VARIABLE] = str(home.path)
        for arguments in (["generate", "ecg"], ["build"]):
            subprocess.run([sys.executable, "-m", "orchestration.cli", *arguments], cwd=REPOSITORY, check=True)
        with user_interface(home) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport=WINDOW)
            photograph(page, address)
            browser.close()
    print(f"{PICTURE.relative_to(REPOSITORY)}: {PICTURE.stat().st_size / 1024:.0f} kB")


@contextmanager
def user_interface(home: Home) -> Iterator[str]:
    """Dagster's UI on a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dagster_webserver", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "DAGSTER_HOME": str(home.dagster_home)}
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address, process)
            yield address
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/server_info", timeout=1).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit("Dagster's UI did not start")


def photograph(page: Page, address: str) -> None:
    """The graph with the group of the first source open: each asset with its checks, the other groups as one node."""
    page.goto(f"{address}/asset-groups?expanded=global@global:ecg")
    page.get_by_text("Hide navigation").click()
    # The graph fits itself into the window when it is loaded, not when the navigation goes.
    page.reload()
    page.get_by_text("Passed").first.wait_for()
    page.wait_for_function("!document.body.innerText.includes('Loading')")
    page.wait_for_timeout(SETTLE_MS)
    PICTURE.parent.mkdir(exist_ok=True)
    page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
