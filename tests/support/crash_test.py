"""Kill whole builds at random moments: `make torture`, or `python -m tests.torture --kills 50`.

Home after home gets the same three uploads, one when the one before is built. Each `vitalhouse build` is killed
(SIGKILL) at a moment drawn from the time that an undisturbed one takes, and started again, until one ends by itself;
about every other kill spares the dbt process that the build has started, as the kill of one process does. Then lake,
warehouse and published file are compared with those of a home that was never disturbed: all tables and views, row by
row, but for the columns that a clock writes.
"""

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.warehouse.connection import lock_holder
from tests.support import snapshot
from tests.support.snapshot import Snapshot
from tests.support.uploads import Uploads

# Moments are drawn from a little more than the time that an undisturbed build takes: the end of a build is hit as well
# as its beginning, and one in a few builds ends by itself.
RANGE = 1.1
# Each life of an upload may last this much longer than the one before: on a busy machine too, one ends by itself soon.
PATIENCE = 1.15
# A build takes ten to twenty seconds; many times that means that it hangs.
TIMEOUT_SECONDS = 300.0


@dataclass
class Tally:
    """What was done so far."""

    kills: int = 0
    builds: int = 0
    comparisons: int = 0
    struck: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Ended:
    """How a build ended, and what it said."""

    was_killed: bool
    seconds: float
    said: str


class Failed(Exception):
    """A build failed, or ended with other tables."""


def main() -> int:
    """Torture builds; exit code 1 if one did not mend."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50, help="stop after this many kills (default: 50)")
    parser.add_argument("--seed", type=int, default=None, help="repeat the moments of an earlier run")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}: --seed {seed} draws the same moments again", flush=True)
    started, tally = time.monotonic(), Tally()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        try:
            _torture(Path(folder), options.kills, random.Random(seed), tally)
        except Failed as failure:
            print(failure)
            return 1
        finally:
            # A dbt that outlived its build may still write there.
            for process in _processes_below(Path(folder)):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            _print(tally, time.monotonic() - started)
    return 0


def _torture(folder: Path, kills: int, rng: random.Random, tally: Tally) -> None:
    uploads = Uploads(folder)
    expected, seconds = _undisturbed(folder, uploads)
    while tally.kills < kills:
        home = Home(folder / "home")
        for number in range(Uploads.COUNT):
            uploads.deliver(number, home)
            moments = _build_until_done(home, seconds[number], rng, tally)
            story = f"upload {number + 1}, killed {len(moments)} times"
            _wait_for_orphans(home)
            lines = snapshot.differences(expected[number], snapshot.take(home))
            if lines:
                raise Failed("\n".join([f"not equal: {story}", *lines]))
            tally.comparisons += 1
            print(f"equal: {story}", flush=True)
        shutil.rmtree(home.path)


def _undisturbed(folder: Path, uploads: Uploads) -> tuple[list[Snapshot], list[float]]:
    """What a home holds after each upload's build if nobody disturbs it, and how long the builds took."""
    home = Home(folder / "undisturbed")
    snapshots, seconds = [], []
    for number in range(Uploads.COUNT):
        uploads.deliver(number, home)
        ended = _build(home, None)
        snapshots.append(snapshot.take(home))
        seconds.append(ended.seconds)
        print(f"upload {number + 1}: an undisturbed build took {ended.seconds:.1f} s", flush=True)
    return snapshots, seconds


def _build_until_done(home: Home, full_s: float, rng: random.Random, tally: Tally) -> list[float]:
    """Start builds until one ends by itself; returns the moments at which the others were killed."""
    moments: list[float] = []
    while True:
        moment = rng.uniform(0.0, RANGE * full_s)
        ended = _build(home, moment, spares_children=rng.random() < 0.5)
        if not ended.was_killed:
            tally.builds += 1
            return moments
        full_s *= PATIENCE
        moments.append(moment)
        tally.kills += 1
        tally.struck[_phase(ended.said)] += 1
        print(f"kill {tally.kills}: after {moment:.3f} s ({_phase(ended.said)})", flush=True)


def _build(home: Home, kill_after_s: float | None, spares_children: bool = False) -> Ended:
    """Run `vitalhouse build`, and kill it (or it and its children) if it lives that long.

    Raises
    ------
    Failed
        If it ended by itself, but not with a publication.
    """
    said_path = home.path.with_name("said")
    started = time.monotonic()
    with said_path.open("w") as said:
        build = subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", "build"],
            cwd=REPOSITORY,
            env={**os.environ, ENVIRONMENT_VARIABLE: str(home.path)},
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            build.wait(TIMEOUT_SECONDS if kill_after_s is None else kill_after_s)
        except subprocess.TimeoutExpired:
            if spares_children:
                build.kill()
            else:
                os.killpg(build.pid, signal.SIGKILL)
            build.wait()
    text = said_path.read_text()
    if build.returncode != -signal.SIGKILL:
        # 1: something was rejected, as it should be; a build that failed says so.
        if build.returncode not in (0, 1) or not re.search(r"^published \d+ relations", text, re.MULTILINE):
            raise Failed(f"a build ended with exit code {build.returncode} and no publication:\n{text}")
    elif kill_after_s is None:
        raise Failed(f"a build did not end within {TIMEOUT_SECONDS:.0f} s:\n{text}")
    return Ended(build.returncode == -signal.SIGKILL, time.monotonic() - started, text)


# What a build says when it begins, or has done, something; the last of them tells where it was killed.
_PHASES = (
    ("Publishing marts", "after publishing"),
    ("Building models and tests", "dbt, late"),
    ("Filtering ECG runs", "dbt, or just before"),
    ("Loading raw", "transform"),
    ("Cataloguing", "crawl or load"),
    ("claimed", "crawl"),
    ("reading the dbt project", "start, or claim"),
)


def _phase(said: str) -> str:
    return next((phase for text, phase in _PHASES if text in said), "before it said anything")


def _wait_for_orphans(home: Home) -> None:
    """Let dbt processes end that outlived their build: they hold the warehouse, or wait for it."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        try:
            duckdb.connect(str(home.warehouse_path), read_only=True).close()
        except duckdb.IOException as error:
            if lock_holder(error) is None:
                raise
        else:
            if not _processes_below(home.path):
                return
        time.sleep(0.2)
    raise Failed(f"processes {_processes_below(home.path)} outlived their build by {TIMEOUT_SECONDS:.0f} s")


def _processes_below(folder: Path) -> list[int]:
    """Processes that were started for a home that is this folder, or lies in it."""
    wanted = f"{ENVIRONMENT_VARIABLE}={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if any(each.startswith(wanted) for each in path.read_bytes().split(b"\0")):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def _print(tally: Tally, seconds: float) -> None:
    print(f"{tally.kills} kills, {tally.builds} builds that ended by themselves, {tally.comparisons} of them equal")
    for phase, count in tally.struck.most_common():
        print(f"  {phase}: {count}")
    print(f"took {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
