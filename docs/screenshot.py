"""Takes the pictures of the README: the asset graph and three apps, docs/images/*.png.

    make screenshot

Builds the sample deliveries in a home of its own, starts Dagster's UI and `vitalhouse serve` on 127.0.0.1 and
photographs them with a headless Chromium, which must be installed (Debian: apt-get install chromium; elsewhere name it
in CHROMIUM). With VITALHOUSE_HOME set, the apps alone, as they show what that home publishes.
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

from playwright.sync_api import Browser, Page, sync_playwright

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home

PICTURES = REPOSITORY / "docs/images"
# What is photographed of each app: from which heading on, or from the top.
APPS = {"recording": "The signal", "bloodtest": "Blood pressure by age and sex", "wearable": None}
# Beside each other in the README these are a third as wide: what is written must stay legible.
APP_WINDOW = {"width": 1000, "height": 640}
# The least at which each asset of one source's graph shows its checks; in less, Dagster shows names only.
WINDOW = {"width": 3600, "height": 2000}
# The graph is still moving into place when its last asset has its state; so is a chart when its first line stands.
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
    """Take every picture."""
    if CHROMIUM is None:
        sys.exit("no Chromium found: install it, or name it in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        if os.environ.get(ENVIRONMENT_VARIABLE):
            photograph_apps(browser)
        else:
            with tempfile.TemporaryDirectory() as folder:
                os.environ[ENVIRONMENT_VARIABLE] = folder
                vitalhouse("generate", "ecg")
                vitalhouse("build")
                with user_interface(Home(Path(folder))) as address:
                    photograph_graph(browser.new_page(viewport=WINDOW, bypass_csp=True), address)
                vitalhouse("generate", "all")
                vitalhouse("build")
                photograph_apps(browser)
        browser.close()
    for picture in sorted(PICTURES.glob("*.png")):
        print(f"{picture.relative_to(REPOSITORY)}: {picture.stat().st_size / 1024:.0f} kB")


def vitalhouse(*arguments: str) -> None:
    """Run a command."""
    subprocess.run([sys.executable, "-m", "orchestration.cli", *arguments], cwd=REPOSITORY, check=True)


@contextmanager
def user_interface(home: Home) -> Iterator[str]:
    """Run Dagster's UI on a free port of this machine."""
    with running("dagster_webserver", "/server_info", DAGSTER_HOME=str(home.dagster_home)) as address:
        yield address


@contextmanager
def running(module: str, answers: str, *arguments: str, **environment: str) -> Iterator[str]:
    """Run a server on a free port of this machine, and wait until it answers on that path."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", module, *arguments, "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
    ) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address + answers, process)
            yield address
        finally:
            process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=1).close()
            return
        except OSError:
            time.sleep(0.5)
    sys.exit(f"{address} does not answer")


def photograph_apps(browser: Browser) -> None:
    """Photograph each app with its default choices, from a heading on."""
    with running("orchestration.cli", "/health", "serve") as address:
        for name, heading in APPS.items():
            page = browser.new_page(viewport=APP_WINDOW)
            page.goto(f"{address}/apps/{name}/")
            # The last chart is drawn when nothing is left to run.
            page.locator("canvas, svg.marks").first.wait_for(timeout=START_SECONDS * 1000)
            page.wait_for_timeout(SETTLE_MS)
            if heading:
                page.get_by_role("heading", name=heading).evaluate("heading => heading.scrollIntoView()")
                page.mouse.move(500, 300)
                page.mouse.wheel(0, -20)  # not at the very edge
                page.wait_for_timeout(SETTLE_MS)
            page.screenshot(path=PICTURES / f"app_{name}.png")
            page.close()


def photograph_graph(page: Page, address: str) -> None:
    """Photograph the graph with one group open: its assets with their checks, the other groups as one node each."""
    page.goto(f"{address}/asset-groups?expanded=global@global:ecg")
    page.get_by_text("Hide navigation").click()
    # The graph fits itself into the window when it is loaded, not when the navigation goes.
    page.reload()
    page.get_by_text("Passed").first.wait_for()
    page.wait_for_function("!document.body.innerText.includes('Loading')")
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=PICTURES / "asset_graph.png")


if __name__ == "__main__":
    main()
