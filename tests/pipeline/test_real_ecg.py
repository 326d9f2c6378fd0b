"""The part of a clinic's real deliveries: counts, duplicates and flat starts that are known of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.core.home import REPOSITORY
from tests.pipeline.conftest import Built

ARCHIVE = REPOSITORY.parent / "shared" / "data" / "ecg" / "bodyport_part.tar.xz"

pytestmark = [
    pytest.mark.skipif(
        not ARCHIVE.exists(), reason="the real ECG deliveries are not there (../shared/data/ecg/bodyport_part.tar.xz)"
    ),
    pytest.mark.slow,
]

Published = dict[str, Any]


def answers(home: Built, queries: dict[str, str]) -> Published:
    with duckdb.connect(str(home.home.published_path), read_only=True) as con:
        return {name: con.execute(query).fetchall() for name, query in queries.items()}


@pytest.fixture(scope="module")
def published(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Published]]:
    """What is published after the first delivery, after the second, and after a build that finds nothing new."""
    unpacked = tmp_path_factory.mktemp("real")
    shutil.unpack_archive(ARCHIVE, unpacked)
    home = Built(tmp_path_factory.mktemp("home"))
    queries = {
        "subjects": "select count(*) from ecg.subject",
        "runs": "select count(*) from ecg.run",
        "duplicates": """
            select run_key, duplicate_of_run_key from ecg.run where duplicate_of_run_key is not null order by all
        """,
        "near duplicates": """
            select run_key, near_duplicate_of_run_key from ecg.run
            where near_duplicate_of_run_key is not null order by all
        """,
        "files": "select status, count(*) from catalog.file group by all order by all",
        "flat starts": """
            select flat_start_sample_count, count(*) from ecg.run
            where flat_start_sample_count > 0 group by all order by all
        """,
        "run of 80": "select delivery, last_delivery, signal_path from ecg.run where run_key = 'sf_state:80:1'",
        "unusable": "select run_key, unusable_reason from ecg.run where not is_usable",
        "heart rates": "select min(heart_rate_bpm), max(heart_rate_bpm), count(heart_rate_bpm) from ecg.run",
    }
    seen = {}
    for delivery in ("2020-01-01", "2020-12-01"):
        below = Path("clinic=sf_state") / "measurement=ecg" / delivery
        shutil.copytree(unpacked / below, home.home.lake_path / "incoming" / below)
        report = home.build(measurement="ecg")
        assert report.is_good, report.failures + report.rejected
        seen[delivery] = answers(home, queries)
    assert home.build(measurement="ecg").is_good
    seen["again"] = answers(home, queries)
    return seen


def test_first_delivery_has_every_subject_and_run(published: dict[str, Published]) -> None:
    first = published["2020-01-01"]
    assert (first["subjects"], first["runs"]) == ([(41,)], [(165,)])
    assert first["files"] == [("loaded", 330)]
    assert first["duplicates"] == first["near duplicates"] == []


def test_second_delivery_adds_one_subject_and_three_runs(published: dict[str, Published]) -> None:
    second = published["2020-12-01"]
    assert (second["subjects"], second["runs"]) == ([(42,)], [(168,)])
    assert second["files"] == [("duplicate", 2), ("loaded", 336)]


def test_copies_under_another_name_are_found(published: dict[str, Published]) -> None:
    assert published["2020-12-01"]["duplicates"] == [
        ("sf_state:81:1", "sf_state:80:1"),
        ("sf_state:81:2", "sf_state:80:2"),
    ]
    assert published["2020-12-01"]["near duplicates"] == [("sf_state:80:99", "sf_state:80:2")]


def test_redelivered_run_says_where_it_came_first_and_last(published: dict[str, Published]) -> None:
    first, last, signal_path = published["2020-12-01"]["run of 80"][0]
    assert (first, last) == ("2020-01-01", "2020-12-01")
    assert "delivery=2020-01-01" in signal_path


def test_a_build_that_finds_nothing_new_changes_nothing(published: dict[str, Published]) -> None:
    assert published["again"] == published["2020-12-01"]


def test_every_real_run_is_usable_and_has_a_human_heart_rate(published: dict[str, Published]) -> None:
    seen = published["2020-12-01"]
    assert seen["unusable"] == []
    low, high, count = seen["heart rates"][0]
    assert count == 168
    assert 40 < low < high < 150


def test_flat_starts_have_the_lengths_that_the_recorder_left(published: dict[str, Published]) -> None:
    assert published["2020-12-01"]["flat starts"] == [(1024, 1), (2048, 7)]
