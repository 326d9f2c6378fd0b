"""`vitalhouse listen` as a process: publishers that come and go, ends of every kind, and everything counted once."""

import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.core.lock import hold_lock
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES, open_warehouse
from orchestration.lib.sources.practice.contract import PRACTICE_CLAIM, PRACTICE_DIAGNOSIS
from synthetic.practice_publisher import frame, open_pipe, publish, write_all

# Whatever takes longer hangs.
PATIENCE_SECONDS = 60.0


def claim(identity: int) -> bytes:
    return json.dumps({"id": identity, "patient_id": identity % 7, "code": "03230", "price": 3}).encode()


def diagnosis(identity: int) -> bytes:
    return json.dumps({"id": identity, "patient_id": identity % 7, "icd10_code": "R41.3"}).encode()


MESSAGES: dict[str, Callable[[int], bytes]] = {"claim": claim, "diagnosis": diagnosis}


@dataclass
class Office:
    """Two pipes, a home, and the listener between them."""

    folder: Path
    flush_seconds: float = 0.2
    home: Home = field(init=False)

    def __post_init__(self) -> None:
        self.home = Home(self.folder / "home")

    def pipe(self, kind: str) -> Path:
        return self.folder / kind

    @contextmanager
    def listener(self, *, ends_with: signal.Signals = signal.SIGTERM) -> Iterator[subprocess.Popen[str]]:
        """A listener for a while, and how it is ended."""
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "orchestration.cli", "listen", "--clinic", "c"),
                *("--claims", str(self.pipe("claim")), "--diagnoses", str(self.pipe("diagnosis"))),
                *("--flush-seconds", str(self.flush_seconds)),
            ],
            cwd=REPOSITORY,
            env={**os.environ, ENVIRONMENT_VARIABLE: str(self.home.path)},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(ends_with)
            process.wait(PATIENCE_SECONDS)

    def files(self, kind: str) -> dict[Path, bytes]:
        """What was written, under its last name."""
        return {path: path.read_bytes() for path in sorted(self.home.lake_path.rglob(f"{kind}-*.ndjson"))}

    def all_files(self) -> dict[Path, bytes]:
        return {path: content for kind in MESSAGES for path, content in self.files(kind).items()}

    @staticmethod
    def kinds_of(paths: Iterable[Path]) -> set[str]:
        return {path.name.partition("-")[0] for path in paths}

    def ids(self, kind: str) -> list[int]:
        """The ids that were written, in the order of receipt."""
        records = (json.loads(line) for content in self.files(kind).values() for line in content.splitlines())
        return [record["id"] for record in records if "id" in record]

    def load(self) -> None:
        """What a build does before dbt, while the delivery grows."""
        lake, warehouse = Lake(self.home.lake_path), open_warehouse(self.home.warehouse_path)
        for entity in (PRACTICE_CLAIM, PRACTICE_DIAGNOSIS):
            crawl_and_load(entity, ENTITIES, lake, warehouse, settle_seconds=0)

    def loaded(self, kind: str) -> list[int]:
        with open_warehouse(self.home.warehouse_path).read() as con:
            found = con.execute(f"select id from raw.practice_{kind} order by received_at").fetchall()
        return [identity for (identity,) in found]


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def published(office: Office, count: int, first: int = 0, interval_seconds: float = 0.0) -> list[threading.Thread]:
    """Two publishers at work."""
    threads = [
        threading.Thread(
            target=publish,
            args=(office.pipe(kind), map(message, range(first, first + count)), interval_seconds),
            daemon=True,
        )
        for kind, message in MESSAGES.items()
    ]
    for thread in threads:
        thread.start()
    return threads


def finished(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.mark.parametrize("ends_with", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_lost_whoever_comes_first_and_goes_and_comes_back(office: Office, ends_with: signal.Signals) -> None:
    office.flush_seconds = 3600  # what is there in the end was written at the end
    early = published(office, 500)
    with office.listener(ends_with=ends_with) as process:
        finished(early)
        # The publisher comes back with pipes of its own making at the same places.
        for kind in MESSAGES:
            office.pipe(kind).unlink()
        finished(published(office, 1500, first=500))
        finished(published(office, 100, first=2000))
    assert process.returncode == 0
    for kind in MESSAGES:
        assert office.ids(kind) == list(range(2100))
    assert process.stderr is not None
    last_line = process.stderr.read().splitlines()[-1]
    assert re.match(
        r"claim.*: 2,100 received, 2,100 written, 0 unreadable; diagnosis.*: 2,100 received, .* per second", last_line
    )


def test_what_has_come_is_written_in_time(office: Office) -> None:
    with office.listener():
        finished(published(office, 3))
        until = time.monotonic() + PATIENCE_SECONDS
        while any(office.ids(kind) != [0, 1, 2] for kind in MESSAGES):
            assert time.monotonic() < until
            time.sleep(0.05)


def test_broken_frames_are_kept_and_refused_by_the_loader(office: Office) -> None:
    with office.listener():
        pipe = open_pipe(office.pipe("claim"))
        write_all(pipe, frame(claim(1)) + frame(claim(9))[:40] + frame(claim(2)))
        write_all(pipe, (10**10).to_bytes(32, "big") + frame(claim(3)) + frame(b"[1]") + frame(claim(4))[:50])
        os.close(pipe)
        finished(published(office, 1, first=5))
    assert office.ids("claim") == [1, 2, 3, 5]
    office.load()
    assert office.loaded("claim") == [1, 2, 3, 5]
    with open_warehouse(office.home.warehouse_path).read() as con:
        found = con.execute(
            "select reason, raw_text from catalog.rejected_row order by raw_path, line_number"
        ).fetchall()
    length = len(claim(9))
    assert found == [
        (f"the frame ends after 8 of {length} bytes", claim(9)[:8].decode()),
        ("a frame of 10,000,000,000 bytes: expected 2 to 65,536", "\\x00" * 27 + "\\x02T\\x0b\\xe4\\x00"),
        ("it is not a JSON object", "[1]"),
        (f"the frame ends after 18 of {length} bytes", claim(4)[:18].decode()),
    ]


def test_the_publisher_to_try_it_with_publishes_what_loads(office: Office) -> None:
    pipes = [f"--{name}={office.pipe(kind)}" for name, kind in (("claims", "claim"), ("diagnoses", "diagnosis"))]
    command = [sys.executable, "-m", "synthetic.practice_publisher", *pipes, "--interval-seconds=0", "--count=50"]
    with office.listener():
        subprocess.run(command, cwd=REPOSITORY, check=True, timeout=PATIENCE_SECONDS)
    office.load()
    assert len(office.loaded("claim")) == len(office.loaded("diagnosis")) == 50


def test_an_office_has_one_listener(office: Office) -> None:
    with hold_lock(office.home.ensure().path / "listen-c.lock"), office.listener() as process:
        assert process.wait(PATIENCE_SECONDS) == 1
        assert process.stderr is not None
        said = process.stderr.read()
    assert re.fullmatch(rf"error: a listener for c is under way \(process {os.getpid()}, since .*\)\n", said)


@pytest.mark.parametrize("kills", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_a_listener_that_is_killed_loses_nothing_written_and_counts_nothing_twice(office: Office, kills: int) -> None:
    """Killed at random moments, of starting and of writing, under publishers that never rest, and loaded now and then.

    What a listener wrote is as whole as its stream was: a kill leaves one gap at most, at its end.
    """
    # Kills are never equally timed, whatever the seed.
    rng = random.Random(20)
    numbers = {kind: itertools.count() for kind in MESSAGES}
    resting = threading.Event()

    def endless(kind: str) -> Iterator[bytes]:
        while not resting.is_set():
            yield MESSAGES[kind](next(numbers[kind]))

    threads = [
        threading.Thread(target=publish, args=(office.pipe(kind), endless(kind), 0.0005), daemon=True)
        for kind in MESSAGES
    ]
    for thread in threads:
        thread.start()
    written: dict[Path, bytes] = {}
    for kill in range(kills):
        with office.listener(ends_with=signal.SIGKILL):
            if kill % 2:
                patient = time.monotonic() + PATIENCE_SECONDS
                while office.kinds_of(set(office.all_files()) - written.keys()) != MESSAGES.keys():
                    assert time.monotonic() < patient, "a listener comes to write something"
                    time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.8))
        now = office.all_files()
        assert written.items() <= now.items(), "what was written is there, as it was"
        written = now
        if kill % 6 == 5:
            office.load()
    with office.listener():
        resting.set()
        finished(threads)
    assert len(written) >= kills, "every second listener at least has written of either kind"
    office.load()
    for kind in MESSAGES:
        ids = office.ids(kind)
        assert ids == sorted(set(ids)), "none twice, none before its time"
        gaps = sum(after != before + 1 for before, after in itertools.pairwise(ids))
        assert gaps <= kills
        assert ids[-1] == next(numbers[kind]) - 1
        assert office.loaded(kind) == ids
