"""The crawl notices what came, changed and went, looks only where something changed, and says what it refuses."""

import os
import time
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.catalog import crawl as catalog
from orchestration.lib.catalog import directories
from orchestration.lib.catalog.crawl import CrawlReport
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.lake.directory import DirectoryListing
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.ecg_files import Clinic, ingest, reasons, statuses

RUN = ("subject_01/run_1.csv", "subject_01/run_1_header.json")


def crawl(lake: Lake, warehouse: Warehouse, settle_seconds: float = 0.0) -> CrawlReport:
    with warehouse.write() as con:
        return catalog.crawl(con, lake, entities_of(ENTITIES, "ecg"), settle_seconds=settle_seconds)


def make_old(folder: Path, age_s: float = 3600.0) -> None:
    """Let everything in a folder look as if nobody had touched it for long."""
    then = time.time() - age_s
    for path in sorted(folder.rglob("*"), reverse=True):
        os.utime(path, (then, then), follow_symlinks=False)
    os.utime(folder, (then, then))


def file_row(warehouse: Warehouse, raw_path: str) -> dict[str, object]:
    with warehouse.read() as con:
        cursor = con.execute("select * from catalog.file where raw_path = ?", [raw_path])
        names = [column[0] for column in cursor.description]
        (row,) = cursor.fetchall()
        return dict(zip(names, row, strict=True))


@pytest.fixture
def looked_into(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Directories that were listed, in order; cleared by the test."""
    listed: list[str] = []
    list_directory = Lake.list_directory

    def listing(self: Lake, relative: str) -> DirectoryListing | None:
        listed.append(relative.partition("measurement=ecg/")[2])
        return list_directory(self, relative)

    monkeypatch.setattr(Lake, "list_directory", listing)
    return listed


def test_a_new_file_is_pending_with_everything_that_its_path_says(clinic: Clinic, warehouse: Warehouse) -> None:
    raw_path = clinic.put("D1", "subject_1/run_02.csv", b"ecg_raw\n1\n")
    report = crawl(clinic.lake, warehouse)
    assert report.new_count == 1
    row = file_row(warehouse, raw_path)
    assert {
        name: row[name] for name in ("clinic", "measurement", "delivery", "entity", "record_key", "path_below")
    } == {
        "clinic": "sf_state",
        "measurement": "ecg",
        "delivery": "D1",
        "entity": "run_signal",
        "record_key": "sf_state:01:2",
        "path_below": "subject_1/run_02.csv",
    }
    assert (row["status"], row["size_bytes"], row["load_id"]) == ("pending", 10, None)
    assert row["first_crawled_at"] == row["last_crawled_at"]
    assert isinstance(row["content_hash"], str)
    assert len(row["content_hash"]) == 64


@pytest.mark.parametrize(
    ("path_below", "reason"),
    [
        ("notes.txt", "its place and name are not those of a ecg file: expected subject_<number>/run_<number>"),
        ("run_1.csv", "its place and name"),
        ("subject_01/run_x.csv", "its place and name"),
        ("subject_01/run_1.csv.gz", "its place and name"),
        ("subject_01/deep/run_1.csv", "its place and name"),
        ("subject_01/run_1234567890.csv", "its place and name"),
    ],
)
def test_a_file_that_is_none_of_the_measurement_is_refused_with_what_was_expected(
    clinic: Clinic, warehouse: Warehouse, path_below: str, reason: str
) -> None:
    raw_path = clinic.put("D1", path_below, b"x")
    report = crawl(clinic.lake, warehouse)
    row = file_row(warehouse, raw_path)
    assert row["status"] == "rejected"
    assert str(row["reason"]).startswith(reason)
    assert report.problems == [f"{raw_path}: {row['reason']}"]


def test_names_are_taken_as_they_are_whatever_they_mean_elsewhere(lake: Lake, warehouse: Warehouse) -> None:
    odd = ["a'b", "*", "[1]", "{x}", "?", "50%", 'say "hi"', "ünïcode ♥", "$HOME", "new\nline", "; drop table x"]
    expected = set()
    for name in odd:
        for path in RUN:
            expected.add(Clinic(lake, name).put(f"2020 {name}", path, name.encode()))
    crawl(lake, warehouse)
    assert set(statuses(warehouse)) == expected
    assert set(statuses(warehouse).values()) == {"pending"}


class TestWhatIsLookedInto:
    def test_only_directories_that_changed(self, clinic: Clinic, warehouse: Warehouse, looked_into: list[str]) -> None:
        for delivery in ("D1", "D2"):
            for subject in (1, 2):
                clinic.put_run(delivery, subject, 1)
            make_old(clinic.path(delivery))
        crawl(clinic.lake, warehouse)
        assert sorted(looked_into) == sorted(
            ["D1", "D1/subject_01", "D1/subject_02", "D2", "D2/subject_01", "D2/subject_02"]
        )
        looked_into.clear()
        crawl(clinic.lake, warehouse)
        assert looked_into == []
        clinic.put("D2", "subject_02/run_2.csv", b"x")
        crawl(clinic.lake, warehouse)
        assert looked_into == ["D2/subject_02"]

    def test_a_directory_that_changed_a_moment_ago_is_looked_into_again(
        self, clinic: Clinic, warehouse: Warehouse, looked_into: list[str]
    ) -> None:
        # A second change within one step of the file system's clock would not show in its time.
        clinic.put("D1", RUN[0], b"x")
        make_old(clinic.path("D1"))
        os.utime(clinic.path("D1", "subject_01"))
        crawl(clinic.lake, warehouse, settle_seconds=60)
        looked_into.clear()
        crawl(clinic.lake, warehouse, settle_seconds=60)
        assert looked_into == ["D1/subject_01"]

    def test_a_chosen_delivery_alone(self, clinic: Clinic, warehouse: Warehouse, looked_into: list[str]) -> None:
        for delivery in ("D1", "D2"):
            clinic.put(delivery, RUN[0], b"x")
        with warehouse.write() as con:
            catalog.crawl(con, clinic.lake, entities_of(ENTITIES, "ecg"), [clinic.delivery("D2")], settle_seconds=0)
        assert looked_into == ["D2", "D2/subject_01"]
        assert list(statuses(warehouse)) == [clinic.raw_path("D2", RUN[0])]


class TestGrowth:
    def test_a_delivery_grows_until_its_provider_stops(self, clinic: Clinic, warehouse: Warehouse) -> None:
        seen = []
        for run in (1, 2, 3):
            clinic.put("D1", f"subject_{run:02d}/run_1.csv", b"x")
            seen.append(crawl(clinic.lake, warehouse).new_count)
        assert seen == [1, 1, 1]

    def test_a_file_that_is_being_written_is_left_for_the_next_crawl(
        self, clinic: Clinic, warehouse: Warehouse
    ) -> None:
        raw_path = clinic.put("D1", RUN[0], b"half")
        report = crawl(clinic.lake, warehouse, settle_seconds=60)
        assert (report.unsettled_count, report.new_count) == (1, 0)
        assert statuses(warehouse) == {}
        clinic.put("D1", RUN[0], b"whole")
        make_old(clinic.path("D1"))
        report = crawl(clinic.lake, warehouse, settle_seconds=60)
        assert (report.unsettled_count, report.new_count) == (0, 1)
        assert file_row(warehouse, raw_path)["size_bytes"] == 5

    def test_a_known_file_that_is_being_written_anew_is_not_missing(self, clinic: Clinic, warehouse: Warehouse) -> None:
        raw_path = clinic.put("D1", RUN[0], b"one")
        crawl(clinic.lake, warehouse)
        clinic.put("D1", RUN[0], b"half of tw")
        report = crawl(clinic.lake, warehouse, settle_seconds=60)
        assert (report.missing_count, report.unsettled_count) == (0, 1)
        assert statuses(warehouse) == {raw_path: "pending"}

    def test_unfinished_and_hidden_names_are_passed_over(self, clinic: Clinic, warehouse: Warehouse) -> None:
        for name in (".run_1.csv", "run_1.csv.part", "run_1.csv.tmp", "run_1.csv.crdownload", ".git/config"):
            clinic.put("D1", f"subject_01/{name}", b"x")
        assert crawl(clinic.lake, warehouse).new_count == 0

    def test_what_was_written_slowly_is_noticed_within_a_day_when_it_goes_on(
        self, clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # An upload that stalls for longer than a file takes to settle, then goes on writing in place: the directory's
        # time does not show it.
        raw_path = clinic.put("D1", RUN[0], b"half")
        make_old(clinic.path("D1"), age_s=30)
        crawl(clinic.lake, warehouse, settle_seconds=5)
        assert file_row(warehouse, raw_path)["size_bytes"] == 4
        with clinic.path("D1", RUN[0]).open("ab") as file:
            file.write(b" and half")
        os.utime(clinic.path("D1", RUN[0]), (time.time() - 10, time.time() - 10))
        assert crawl(clinic.lake, warehouse, settle_seconds=5).changed_count == 0
        monkeypatch.setattr(directories, "LIST_AGAIN_SECONDS", 0)
        assert crawl(clinic.lake, warehouse, settle_seconds=5).changed_count == 1
        assert file_row(warehouse, raw_path)["size_bytes"] == 13


class TestChange:
    def test_a_touched_file_stays_what_it_is(self, clinic: Clinic, warehouse: Warehouse) -> None:
        paths = clinic.put_run("D1", 1, 1)
        clinic.put("D1", "notes.txt", b"x")
        ingest(clinic.lake, warehouse)
        before = reasons(warehouse)
        then = time.time() - 1000
        for path in (*paths, clinic.raw_path("D1", "notes.txt")):
            os.utime(clinic.lake.path(path), (then, then))
        report = crawl(clinic.lake, warehouse)
        assert (report.new_count, report.changed_count, report.missing_count) == (0, 0, 0)
        assert sorted(statuses(warehouse).values()) == ["loaded", "loaded", "rejected"]
        assert reasons(warehouse) == before

    def test_a_changed_file_is_pending_again(self, clinic: Clinic, warehouse: Warehouse) -> None:
        signal, _ = clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        clinic.put("D1", "subject_01/run_1.csv", b"ecg_raw\n")
        report = crawl(clinic.lake, warehouse)
        assert report.changed_count == 1
        assert file_row(warehouse, signal)["status"] == "pending"
        assert file_row(warehouse, signal)["reason"] == "its content changed since it was loaded"

    def test_a_missing_file_keeps_its_rows_and_is_loaded_again_when_it_is_back(
        self, clinic: Clinic, warehouse: Warehouse
    ) -> None:
        signal, header = clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        content = clinic.lake.read_bytes(signal)
        clinic.lake.path(signal).unlink()
        report = ingest(clinic.lake, warehouse)
        assert report.file_count == 0
        row = file_row(warehouse, signal)
        assert (row["status"], row["reason"]) == ("missing", "it is no longer in the lake; its rows stay")
        with warehouse.read() as con:
            assert con.execute("select count(*) from raw.ecg_run_feature").fetchone() == (1,)
            assert con.execute("select count(*) from catalog.delivered_content where is_current").fetchone() == (2,)
        clinic.put("D1", "subject_01/run_1.csv", content)
        assert ingest(clinic.lake, warehouse).file_count == 0
        assert statuses(warehouse) == {signal: "loaded", header: "loaded"}

    def test_a_file_that_came_back_different_is_loaded_anew(self, clinic: Clinic, warehouse: Warehouse) -> None:
        signal, _ = clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        content = clinic.lake.read_bytes(signal)
        clinic.lake.path(signal).unlink()
        ingest(clinic.lake, warehouse)
        clinic.put("D1", "subject_01/run_1.csv", content + b"0.5\n")
        assert ingest(clinic.lake, warehouse).row_count == 1
        with warehouse.read() as con:
            assert con.execute("select sample_count from raw.ecg_run_feature").fetchall() == [(251,)]

    def test_a_changed_file_that_went_missing_before_its_load_is_not_taken_for_loaded(
        self, clinic: Clinic, warehouse: Warehouse
    ) -> None:
        signal, _ = clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        changed = clinic.lake.read_bytes(signal) + b"0.5\n"
        clinic.put("D1", "subject_01/run_1.csv", changed)
        crawl(clinic.lake, warehouse)
        clinic.lake.path(signal).unlink()
        crawl(clinic.lake, warehouse)
        clinic.put("D1", "subject_01/run_1.csv", changed)
        ingest(clinic.lake, warehouse)
        with warehouse.read() as con:
            assert con.execute("select sample_count from raw.ecg_run_feature").fetchall() == [(251,)]

    @pytest.mark.parametrize("what", ["D1", "D1/subject_01"])
    def test_a_folder_that_was_moved_away_and_back_is_as_before(
        self, clinic: Clinic, warehouse: Warehouse, tmp_path: Path, what: str
    ) -> None:
        clinic.put_run("D1", 1, 1)
        clinic.put_run("D1", 2, 1)
        make_old(clinic.path("D1"))
        ingest(clinic.lake, warehouse)
        before = statuses(warehouse)
        folder = clinic.path("").joinpath(what)
        folder.rename(tmp_path / "elsewhere")
        report = crawl(clinic.lake, warehouse)
        assert report.missing_count == (4 if what == "D1" else 2)
        (tmp_path / "elsewhere").rename(folder)
        ingest(clinic.lake, warehouse)
        assert statuses(warehouse) == before

    def test_a_renamed_delivery_adds_no_rows(self, clinic: Clinic, warehouse: Warehouse) -> None:
        clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        clinic.path("D1").rename(clinic.path("D2"))
        ingest(clinic.lake, warehouse)
        assert sorted(statuses(warehouse).values()) == ["duplicate", "duplicate", "missing", "missing"]
        with warehouse.read() as con:
            assert con.execute(
                "select distinct last_delivery, delivery_count from catalog.delivered_content"
            ).fetchall() == [("D2", 2)]

    def test_a_file_that_became_a_link_is_refused(self, clinic: Clinic, warehouse: Warehouse, tmp_path: Path) -> None:
        signal, _ = clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        (tmp_path / "target").write_text("ecg_raw\n1\n")
        clinic.lake.path(signal).unlink()
        clinic.lake.path(signal).symlink_to(tmp_path / "target")
        ingest(clinic.lake, warehouse)
        assert statuses(warehouse)[signal] == "rejected"


class TestOddThings:
    def test_links_pipes_and_directories_in_the_place_of_a_file(
        self, clinic: Clinic, warehouse: Warehouse, tmp_path: Path
    ) -> None:
        (tmp_path / "target.csv").write_text("ecg_raw\nsecret\n")
        folder = clinic.path("D1", "subject_01")
        folder.mkdir(parents=True)
        (folder / "run_1.csv").symlink_to(tmp_path / "target.csv")
        (folder / "run_2.csv").symlink_to(tmp_path / "nowhere")
        os.mkfifo(folder / "run_3.csv")
        (folder / "run_4.csv").mkdir()
        (folder / "run_4.csv" / "inside.csv").write_text("x")
        Path(os.fsdecode(os.fsencode(folder) + b"/run_\xff.csv")).write_text("x")
        clinic.path("D1", "subject_02").symlink_to(tmp_path)
        report = crawl(clinic.lake, warehouse)
        expected = {
            "subject_01/run_1.csv": "it is a symbolic link",
            "subject_01/run_2.csv": "it is a symbolic link",
            "subject_01/run_3.csv": "it is not a regular file",
            "subject_01/run_4.csv": "it is a directory where a file is expected",
            "subject_01/run_4.csv/inside.csv": "its place and name",
            "subject_01/run_\\xff.csv": "its name is not valid UTF-8",
            "subject_02": "it is a symbolic link",
        }
        found = reasons(warehouse)
        assert found.keys() == {clinic.raw_path("D1", path) for path in expected}
        for path, reason in expected.items():
            assert str(found[clinic.raw_path("D1", path)]).startswith(reason)
        assert set(statuses(warehouse).values()) == {"rejected"}
        assert report.rejected_count == len(report.problems) == len(expected)
        # Known and unchanged: said once, not at every crawl.
        assert crawl(clinic.lake, warehouse).problems == []

    def test_a_file_that_cannot_be_read_is_taken_once_it_can(
        self, clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clinic.put_run("D1", 1, 1)
        open_file = Lake.open

        def denied(self: Lake, raw_path: str) -> object:
            if raw_path.endswith(".csv"):
                raise PermissionError(13, "Permission denied")
            return open_file(self, raw_path)

        with monkeypatch.context() as patch:
            patch.setattr(Lake, "open", denied)
            report = crawl(clinic.lake, warehouse)
        assert report.rejected_count == 1
        assert "cannot be read (Permission denied)" in report.problems[0]
        crawl(clinic.lake, warehouse)
        assert set(statuses(warehouse).values()) == {"pending"}

    def test_a_directory_that_cannot_be_read_stops_nothing_and_is_looked_into_again(
        self, clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clinic.put_run("D1", 1, 1)
        clinic.put_run("D1", 2, 1)
        make_old(clinic.path("D1"))
        scandir = os.scandir

        def denied(path: os.PathLike[str]) -> object:
            if str(path).endswith("subject_01"):
                raise PermissionError(13, "Permission denied")
            return scandir(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", denied)
            report = crawl(clinic.lake, warehouse)
        assert report.new_count == 2
        (problem,) = report.problems
        assert "subject_01" in problem
        assert "Permission denied" in problem
        assert crawl(clinic.lake, warehouse).new_count == 2
        assert sorted(statuses(warehouse).values()) == ["pending"] * 4

    def test_what_was_known_of_a_directory_stands_while_it_cannot_be_read(
        self, clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clinic.put_run("D1", 1, 1)
        ingest(clinic.lake, warehouse)
        clinic.put("D1", "subject_01/run_2.csv", b"x")
        with monkeypatch.context() as patch:
            patch.setattr(
                Lake, "list_directory", lambda self, path: DirectoryListing(path, 0, problem="it cannot be listed")
            )
            crawl(clinic.lake, warehouse)
        assert list(statuses(warehouse).values()) == ["loaded", "loaded"]
        assert crawl(clinic.lake, warehouse).new_count == 1


def test_the_view_of_contents_names_one_current_file_a_record(clinic: Clinic, warehouse: Warehouse) -> None:
    with warehouse.write() as con:
        con.execute(
            """
            insert into catalog.file (raw_path, clinic, measurement, delivery, entity, record_key, path_below,
                content_hash, load_id, row_count, status)
            values
                ('D1/a', 'c', 'ecg', 'D1', 'run_header', 'c:01:1', 'a', 'v1', 1, 1, 'loaded'),
                ('D2/a', 'c', 'ecg', 'D2', 'run_header', 'c:01:1', 'a', 'v2', 2, 1, 'loaded'),
                ('D3/a', 'c', 'ecg', 'D3', 'run_header', 'c:01:1', 'a', 'v1', null, 0, 'duplicate'),
                ('D4/a', 'c', 'ecg', 'D4', 'run_header', 'c:01:1', 'a', 'v3', 3, 0, 'rejected'),
                ('D5/a', 'c', 'ecg', 'D5', 'run_header', 'c:01:1', 'a', 'v4', null, null, 'pending'),
                ('D3/b', 'c', 'ecg', 'D3', 'run_header', 'c:01:1', 'b', 'v5', 4, 1, 'missing'),
                ('D9/x', 'd', 'ecg', 'D9', 'run_header', 'd:01:1', 'a', 'v1', 5, 1, 'loaded')
            """
        )
        found = con.execute(
            """
            select raw_path, first_delivery, last_delivery, delivery_count, is_current
            from catalog.delivered_content order by raw_path
            """
        ).fetchall()
    assert found == [
        ("D1/a", "D1", "D3", 2, True),  # the same delivery as D3/b: the smaller path below it
        ("D2/a", "D2", "D2", 1, False),
        ("D3/b", "D3", "D3", 1, False),
        ("D9/x", "D9", "D9", 1, True),
    ]


def test_a_crawl_that_fails_leaves_no_trace(
    clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic.put_run("D1", 1, 1)
    with monkeypatch.context() as patch:
        patch.setattr(catalog, "remember", lambda con, *arguments: con.execute("select error('x')"))
        with pytest.raises(duckdb.Error):
            crawl(clinic.lake, warehouse)
    assert statuses(warehouse) == {}
    assert crawl(clinic.lake, warehouse).new_count == 2
