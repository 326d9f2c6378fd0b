"""However often claim, load and transform are killed, the lake and the warehouse end as if they never had been.

The ids of the loads are part of that: an id is taken by the commit of its load, so a load that was killed leaves no
gap, and the ids of a disturbed home are equal to those of an undisturbed one.
"""

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.core.home import Home
from tests.support import snapshot
from tests.support.ingests import Ingests
from tests.support.snapshot import Snapshot
from tests.support.uploads import Uploads

# As many kills as there must be at least, and homes that they are spread over.
KILLS, TRIALS = 50, 3
# The delivery that a claim makes is named after the time: a fixed one makes the names comparable too. In the future,
# so that everything in latest/ has settled.
CLAIMED_AT = tuple(datetime(2100, 1, 1, tzinfo=UTC) + timedelta(days=number) for number in range(Uploads.COUNT))
# Half of the moments are spread evenly over the time that an undisturbed ingest takes, the other half evenly over its
# logarithm, from this part of it on: so the short phases at its beginning are hit as well as the long ones.
SHORTEST_LIFE = 0.002
# Each life of an upload may last this much longer than the one before: on a busy machine too, one ends by itself.
PATIENCE = 1.1
# An ingest passes about a hundred instants: after three times as many lives it is clear that it does not get ahead.
MOST_LIVES = 300

# What each upload's ingest must not be killed at without a test: the upload, and the instant's name in `_ingest`.
INSTANTS = {
    "a claim has made its folder and moved nothing": (0, r"before mkdir .*\.claiming-[^/]*/subject_01"),
    "a signal was claimed, its header not yet": (0, r"before rename .*latest/subject_04/run_1_header"),
    "everything was moved, the claim has no name yet": (0, r"before rename .*\.claiming-[^/]* to"),
    "one clinic's claim is done, the other's not begun": (0, r"before mkdir .*clinic=town/.*\.claiming-"),
    "the warehouse is made, not in its place": (0, r"before link .*warehouse\.duckdb"),
    "the warehouse has some of its tables": (0, r"before create table raw\.ecg_run_header"),
    "the crawl is not committed": (0, r"before commit in crawl\.crawl"),
    "crawled, not loaded": (0, r"after commit in crawl\.crawl"),
    "the load is not committed": (0, r"before commit of load .* in load\."),
    "loaded, not transformed": (0, r"after commit of load .* in load\."),
    "a Parquet file is written, not renamed": (0, r"before rename .*part-.*\.parquet"),
    "of a transaction's Parquet files some are renamed": (0, r"before rename .*clinic=town/.*part-"),
    "Parquet files are renamed, their rows not committed": (0, r"before commit of load .* in transform\."),
    "the rows are committed, the warehouse not closed": (0, r"after commit of load .* in transform\."),
    "a late header was claimed, its signal before": (1, r"before rename .*clinic=town/.*run_2_header.json"),
    "a corrected header is loaded, its signal transformed as before": (1, r"after commit of load .* in load\."),
    "new Parquet files stand beside the old ones, not committed": (1, r"before commit of load .* in transform\."),
    "a Parquet file that no row names any more is not yet removed": (1, r"before remove .*\.parquet"),
    "a header came alone, its signal is transformed as before": (2, r"after commit of load .* in load\."),
    "a signal is marked to be transformed anew": (2, r"before rename .*part-"),
}
# The instants that `make test` kills at: one of each thing that writes. The others are slow tests, 1.5 s each.
QUICK_INSTANTS = {
    "everything was moved, the claim has no name yet",
    "the load is not committed",
    "loaded, not transformed",
    "Parquet files are renamed, their rows not committed",
    "a Parquet file that no row names any more is not yet removed",
}


@dataclass(frozen=True)
class Undisturbed:
    """Homes after each upload's ingest, what they hold, the instants that the ingests passed and how long they took."""

    homes: tuple[Home, ...]
    snapshots: tuple[Snapshot, ...]
    steps: tuple[frozenset[str], ...]
    seconds: tuple[float, ...]


@pytest.fixture(scope="module")
def ingests() -> Iterator[Ingests]:
    with Ingests() as started:
        yield started


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Uploads:
    return Uploads(tmp_path_factory.mktemp("uploads"))


@pytest.fixture(scope="module")
def undisturbed(ingests: Ingests, uploads: Uploads, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp("undisturbed")
    homes: list[Home] = []
    snapshots, steps, seconds = [], [], []
    for number in range(Uploads.COUNT):
        passed: set[str] = set()
        durations = []
        for attempt in range(3):
            home = Home(folder / f"upload_{number + 1}_attempt_{attempt + 1}")
            if number:
                shutil.copytree(homes[number - 1].path, home.path)
            uploads.deliver(number, home)
            # In the first attempt the instants are noted, none of which has this name; that slows it down.
            ended = ingests.run(home, CLAIMED_AT[number], kill_at=None if attempt else "^nowhere$")
            passed |= set(ended.steps)
            durations.append(ended.seconds)
        homes.append(home)
        snapshots.append(snapshot.take(home))
        steps.append(frozenset(passed))
        seconds.append(min(durations))
    return Undisturbed(tuple(homes), tuple(snapshots), tuple(steps), tuple(seconds))


def test_the_uploads_hold_every_case_that_a_kill_could_spoil(undisturbed: Undisturbed) -> None:
    with duckdb.connect(str(undisturbed.homes[-1].warehouse_path), read_only=True) as con:
        statuses = con.execute("select distinct status from catalog.file").fetchall()
        assert {status for (status,) in statuses} == {"loaded", "rejected", "duplicate", "waiting"}
        loads = dict(con.execute("select entity, count(*) from catalog.load group by entity").fetchall())
        assert loads["run_header"] == Uploads.COUNT
        assert loads["run_signal"] > Uploads.COUNT, "no upload is transformed in several transactions"
        assert con.execute("select count(*) from catalog.rejected_row").fetchall() == [(3,)]
        anew = con.execute("select count(*) from raw.ecg_run_feature where sampling_rate_hz = 400").fetchall()
        assert anew == [(3,)]
        assert con.execute("select count(*) from raw.ecg_run_similarity").fetchall() == [(1,)]
    for home in undisturbed.homes:
        claimed = sorted(path.name for path in home.lake_path.glob("incoming/*/*/2100*"))
        clinics = 2
        assert claimed == sorted(f"{at:%Y-%m-%dT%H%M%SZ}" for at in CLAIMED_AT[: len(claimed) // clinics] * clinics)


def test_ingesting_again_changes_nothing(ingests: Ingests, undisturbed: Undisturbed, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(undisturbed.homes[-1].path, home.path)
    assert not ingests.run(home, CLAIMED_AT[-1] + timedelta(hours=1)).was_killed
    _assert_equal(undisturbed.snapshots[-1], home, "ingested again")


def test_quick_instants_are_instants() -> None:
    assert INSTANTS.keys() >= QUICK_INSTANTS


@pytest.mark.parametrize(
    "instant",
    [name if name in QUICK_INSTANTS else pytest.param(name, marks=pytest.mark.slow) for name in INSTANTS],
)
def test_killed_once(
    instant: str, ingests: Ingests, uploads: Uploads, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    number, name = INSTANTS[instant]
    home = Home(tmp_path / "home")
    if number:
        shutil.copytree(undisturbed.homes[number - 1].path, home.path)
    uploads.deliver(number, home)
    assert ingests.run(home, CLAIMED_AT[number], kill_at=name).was_killed, f"no step is named {name}"
    assert not ingests.run(home, CLAIMED_AT[number]).was_killed
    _assert_equal(undisturbed.snapshots[number], home, f"killed when {instant}")


@pytest.mark.slow
def test_killed_at_each_instant_in_turn(
    ingests: Ingests, uploads: Uploads, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Each life ends at the first change of a file or table that no life before it ended at."""
    home = Home(tmp_path / "home")
    for number in range(Uploads.COUNT):
        uploads.deliver(number, home)
        died_at: list[str] = []
        while (ended := ingests.run(home, CLAIMED_AT[number], kill_at="", passing=died_at)).was_killed:
            died_at.append(ended.steps[-1])
            assert len(died_at) < MOST_LIVES, f"it does not get ahead: {died_at[-3:]}"
        missed = undisturbed.steps[number] - set(died_at)
        assert not missed, "an undisturbed ingest has instants that none was killed at"
        _assert_equal(undisturbed.snapshots[number], home, f"killed {len(died_at)} times in upload {number + 1}")
        print(f"upload {number + 1}: {len(died_at)} kills")


@pytest.mark.slow
def test_killed_at_random_moments(ingests: Ingests, uploads: Uploads, undisturbed: Undisturbed, tmp_path: Path) -> None:
    seed = int(os.environ.get("KILL_SEED") or random.SystemRandom().randrange(2**32))
    print(f"to repeat these moments: KILL_SEED={seed}")
    rng = random.Random(seed)
    kills = trials = 0
    while kills < KILLS or trials < TRIALS:
        home = Home(tmp_path / f"home_{trials}")
        trials += 1
        for number in range(Uploads.COUNT):
            uploads.deliver(number, home)
            full_s = undisturbed.seconds[number]
            moments = [_random_moment(rng, full_s)]
            while ingests.run(home, CLAIMED_AT[number], kill_after_s=moments[-1]).was_killed:
                full_s *= PATIENCE
                moments.append(_random_moment(rng, full_s))
            kills += len(moments) - 1
            story = f"KILL_SEED={seed}, trial {trials}, upload {number + 1}, killed after "
            story += ", ".join(f"{moment:.4f}" for moment in moments[:-1]) + " s"
            _assert_equal(undisturbed.snapshots[number], home, story)
        shutil.rmtree(home.path)
    print(f"{kills} kills in {trials} trials")


def _random_moment(rng: random.Random, full_s: float) -> float:
    """Seconds after which to kill an ingest that takes ``full_s`` if nobody disturbs it."""
    return full_s * (rng.uniform(0.0, 1.0) if rng.random() < 0.5 else SHORTEST_LIFE ** rng.uniform(0.0, 1.0))


def _assert_equal(expected: Snapshot, home: Home, story: str) -> None:
    lines = snapshot.differences(expected, snapshot.take(home))
    assert not lines, "\n".join([story, *lines])
