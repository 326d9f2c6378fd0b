"""However often the load of watches' files is killed, the warehouse ends as if it never had been.

Their readings do not lie in one table but in two, which a reader of their own fills some files at a time, while it
reads the next: what a kill must not leave is a series without its values, or values of which a part is there.
"""

import random
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.lib.core.home import Home
from orchestration.lib.lake.delivery import SETTLE_SECONDS
from orchestration.lib.lake.files import Lake
from synthetic.wearable import write_bad_inputs, write_deliveries
from tests.pipeline.test_dagster import age
from tests.support import snapshot
from tests.support.ingests import Ingests
from tests.support.wearable_files import heart_rate_file, put

NOW = datetime(2100, 1, 1, tzinfo=UTC)
# Moments at random, beside every instant at which something durable happens.
LIVES = 8
SEED = 2024


@pytest.fixture(scope="module")
def ingests() -> Iterator[Ingests]:
    with Ingests() as started:
        yield started


@pytest.fixture(scope="module")
def first(ingests: Ingests, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home in which all but the last of the study's deliveries is loaded, and the last has come."""
    home = Home(tmp_path_factory.mktemp("first") / "home")
    folders = write_deliveries(home.lake_path / "incoming", scale=0.6, days=5, interval_seconds=60)
    # Of six participants two are enough: what comes last is an own day, a day of before, and a week at once.
    for path in home.lake_path.rglob("participant=*"):
        if path.name not in ("participant=p001", "participant=p002"):
            shutil.rmtree(path)
    write_bad_inputs(home.lake_path / "incoming")
    aside = home.path / "aside"
    folders[-1].rename(aside)
    assert not ingests.run(home, NOW).was_killed
    aside.rename(folders[-1])
    # A file of before changes in its place: its rows are replaced.
    changed = heart_rate_file("2024-10-22", ("08:00:00", 61), ("08:00:01", 62))
    spo2 = next(folders[0].glob("participant=p001/spo2*.json"))
    put(Lake(home.lake_path), folders[0].name, f"participant=p001/{spo2.name}", changed)
    age(folders[0], SETTLE_SECONDS + 1)
    return home


@pytest.fixture(scope="module")
def undisturbed(
    ingests: Ingests, first: Home, tmp_path_factory: pytest.TempPathFactory
) -> tuple[snapshot.Snapshot, float]:
    """What the home holds after a load that nobody disturbed, and how long that took."""
    home = copy_of(first, tmp_path_factory.mktemp("undisturbed"))
    ended = ingests.run(home, NOW)
    assert not ended.was_killed
    return snapshot.take(home), ended.seconds


def copy_of(home: Home, folder: Path) -> Home:
    copy = Home(folder / "home")
    shutil.copytree(home.path, copy.path)
    return copy


def assert_equal(undisturbed: tuple[snapshot.Snapshot, float], home: Home, story: str) -> None:
    lines = snapshot.differences(undisturbed[0], snapshot.take(home))
    assert not lines, "\n".join([story, *lines])


def test_there_is_something_to_spoil(first: Home, undisturbed: tuple[snapshot.Snapshot, float]) -> None:
    before = snapshot.take(first).rows
    for table in ("raw.wearable_reading", "raw.wearable_reading_series", "raw.wearable_reading_value"):
        assert undisturbed[0].rows[f"warehouse:{table}"] != before[f"warehouse:{table}"]
        assert before[f"warehouse:{table}"] - undisturbed[0].rows[f"warehouse:{table}"], "nothing is replaced"


@pytest.mark.slow
def test_killed_at_each_instant_in_turn(
    ingests: Ingests, first: Home, undisturbed: tuple[snapshot.Snapshot, float], tmp_path: Path
) -> None:
    home = copy_of(first, tmp_path)
    died_at: list[str] = []
    while (ended := ingests.run(home, NOW, kill_at="", passing=died_at)).was_killed:
        died_at.append(ended.steps[-1])
    assert any("before commit of load" in step for step in died_at)
    assert_equal(undisturbed, home, f"killed at {', '.join(died_at)}")


def test_killed_at_random_moments(
    ingests: Ingests, first: Home, undisturbed: tuple[snapshot.Snapshot, float], tmp_path: Path
) -> None:
    rng = random.Random(SEED)
    home = copy_of(first, tmp_path)
    # On a busy machine a life may end before the moment comes, or none may come to its end: the last one does.
    moments = [undisturbed[1] * rng.random() for _ in range(LIVES)]
    kills = sum(ingests.run(home, NOW, kill_after_s=moment).was_killed for moment in moments)
    assert kills
    assert not ingests.run(home, NOW).was_killed
    assert_equal(undisturbed, home, f"after {kills} kills")
