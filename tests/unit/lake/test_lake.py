"""What a provider puts into ``latest/`` is claimed once, whole and with its partner; no link is ever followed."""

import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestration.lib.lake import claim as claim_module
from orchestration.lib.lake import directory
from orchestration.lib.lake.claim import claim
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from tests.support.ecg_files import Clinic

NOW = datetime(2026, 11, 22, 9, 15, 0, tzinfo=UTC).timestamp()
CLAIM = "2026-11-22T091500Z"
RUN = ("subject_01/run_1.csv", "subject_01/run_1_header.json")


def clock() -> float:
    return NOW


@pytest.fixture
def upload(clinic: Clinic) -> Callable[..., Path]:
    """Writes a file into ``latest/`` that was last changed some seconds before the claim."""

    def put(path_below: str, age_s: float = 60.0, content: bytes = b"x") -> Path:
        path = clinic.lake.path(clinic.put("latest", path_below, content))
        for each in (path, path.parent):
            os.utime(each, (NOW - age_s, NOW - age_s))
        return path

    return put


def names(folder: Path) -> list[str]:
    """Paths of everything below a folder that is no directory."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_settled_files_move_into_a_delivery_named_by_the_time_of_the_claim(upload, clinic: Clinic) -> None:
    for path in RUN:
        upload(path)
    assert claim(clinic.lake, ENTITIES, clock=clock) == [Delivery("sf_state", "ecg", CLAIM)]
    assert names(clinic.path(CLAIM)) == sorted(RUN)
    assert everything(clinic.path("latest")) == []


def test_an_empty_latest_makes_no_delivery(clinic: Clinic) -> None:
    clinic.path("latest", "subject_01").mkdir(parents=True)
    assert claim(clinic.lake, ENTITIES, clock=clock) == []
    assert clinic.lake.deliveries() == []


def test_a_lake_without_anything_makes_no_delivery(lake: Lake) -> None:
    assert claim(lake, ENTITIES) == []
    assert lake.deliveries() == []


def test_a_file_that_is_being_written_stays_and_so_does_its_partner(upload, clinic: Clinic) -> None:
    upload(RUN[0], age_s=4.9)
    upload(RUN[1])
    assert claim(clinic.lake, ENTITIES, clock=clock) == []
    assert names(clinic.path("latest")) == sorted(RUN)


def test_a_file_with_a_time_in_the_future_is_settled(upload, clinic: Clinic) -> None:
    # The provider's clock is wrong; waiting for the time to come would be waiting for ever.
    for path in RUN:
        upload(path, age_s=-3600)
    assert len(claim(clinic.lake, ENTITIES, clock=clock)) == 1


@pytest.mark.parametrize(
    "name",
    [
        ".run_1.csv",
        ".hidden/run_1.csv",
        "run_1.csv.part",
        "run_1.csv.tmp",
        "run_1.csv.crdownload",
        "run_1.csv.PART",
        "upload.part/run_1.csv",
    ],
)
def test_hidden_and_unfinished_names_are_never_claimed(upload, clinic: Clinic, name: str) -> None:
    path = upload(name)
    for each in RUN:
        upload(each)
    claim(clinic.lake, ENTITIES, clock=clock)
    assert path.exists()
    assert names(clinic.path(CLAIM)) == sorted(RUN)


@pytest.mark.parametrize("alone", RUN)
def test_a_file_waits_for_its_partner(upload, clinic: Clinic, alone: str) -> None:
    upload(alone)
    assert claim(clinic.lake, ENTITIES, clock=clock) == []
    for path in RUN:
        upload(path)
    assert len(claim(clinic.lake, ENTITIES, clock=clock)) == 1


def test_a_partner_may_be_written_with_another_number_of_digits(upload, clinic: Clinic) -> None:
    upload("subject_1/run_1.csv")
    upload("subject_01/run_01_header.json")
    assert len(claim(clinic.lake, ENTITIES, clock=clock)) == 1


def test_a_file_that_is_none_of_the_measurement_is_claimed_so_that_it_is_seen(upload, clinic: Clinic) -> None:
    upload("notes.txt")
    upload("subject_01/run_1.csv")
    claim(clinic.lake, ENTITIES, clock=clock)
    assert names(clinic.path(CLAIM)) == ["notes.txt"]
    assert names(clinic.path("latest")) == ["subject_01/run_1.csv"]


def test_claims_in_the_same_second_get_numbers(upload, clinic: Clinic) -> None:
    claimed = []
    for number in (1, 2, 3):
        for path in (f"subject_01/run_{number}.csv", f"subject_01/run_{number}_header.json"):
            upload(path)
        claimed += [delivery.name for delivery in claim(clinic.lake, ENTITIES, clock=clock)]
    assert claimed == [CLAIM, f"{CLAIM}-2", f"{CLAIM}-3"]
    assert names(clinic.path(f"{CLAIM}-2")) == ["subject_01/run_2.csv", "subject_01/run_2_header.json"]


def test_each_clinic_gets_a_delivery_of_its_own(upload, clinic: Clinic) -> None:
    other = Clinic(clinic.lake, "st_elsewhere")
    for path in RUN:
        upload(path)
        written = clinic.lake.path(other.put("latest", path, b"y"))
        os.utime(written, (NOW - 60, NOW - 60))
    assert claim(clinic.lake, ENTITIES, "st_elsewhere", clock=clock) == [Delivery("st_elsewhere", "ecg", CLAIM)]
    assert names(clinic.path("latest")) == sorted(RUN)
    assert claim(clinic.lake, ENTITIES, clock=clock) == [Delivery("sf_state", "ecg", CLAIM)]
    assert [delivery.key for delivery in clinic.lake.deliveries()] == [f"sf_state/{CLAIM}", f"st_elsewhere/{CLAIM}"]


@pytest.mark.parametrize("moves_before_the_kill", [0, 1, 2, 3, 4])
def test_a_killed_claim_is_finished_by_the_next(
    upload, clinic: Clinic, monkeypatch: pytest.MonkeyPatch, moves_before_the_kill: int
) -> None:
    every = [f"subject_01/run_{run}{rest}" for run in (1, 2) for rest in (".csv", "_header.json")]
    for path in every:
        upload(path)
    rename, moved = Path.rename, []

    def killing(self: Path, target: Path) -> Path:
        if len(moved) == moves_before_the_kill:
            raise KeyboardInterrupt
        moved.append(self)
        return rename(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killing)
        with pytest.raises(KeyboardInterrupt):
            claim(clinic.lake, ENTITIES, clock=clock)
    # Nobody takes half a claim for a delivery.
    assert clinic.lake.deliveries() == []

    claim(clinic.lake, ENTITIES, clock=lambda: time.time() + 60)
    # It keeps the time at which it began, takes the rest, and leaves nothing behind.
    assert [delivery.name for delivery in clinic.lake.deliveries()] == [CLAIM]
    assert names(clinic.path(CLAIM)) == every
    assert everything(clinic.path("latest")) == []
    assert not list(clinic.path("").glob(".claiming*"))


def test_a_file_written_anew_after_a_killed_claim_goes_into_the_next_one(upload, clinic: Clinic) -> None:
    clinic.put(".claiming-2026-11-22T091459Z", RUN[0], b"old")
    for path in RUN:
        upload(path, content=b"new")
    claim(clinic.lake, ENTITIES, clock=clock)
    assert clinic.path("2026-11-22T091459Z", RUN[0]).read_bytes() == b"old"
    assert clinic.path("latest", RUN[0]).read_bytes() == b"new"


def test_an_empty_killed_claim_leaves_nothing(clinic: Clinic) -> None:
    clinic.path(".claiming-2026-11-22T091459Z").mkdir(parents=True)
    assert claim(clinic.lake, ENTITIES, clock=clock) == []
    assert everything(clinic.path("")) == []


def test_a_directory_that_was_just_made_is_not_removed(upload, clinic: Clinic) -> None:
    # The provider has made it to write its next file there: removing it would make that fail.
    for path in RUN:
        upload(path)
    os.utime(clinic.path("latest", "subject_01"), (NOW - 1, NOW - 1))
    claim(clinic.lake, ENTITIES, clock=clock)
    assert everything(clinic.path("latest")) == ["subject_01"]


def test_a_file_that_vanishes_while_it_is_claimed_stops_nothing(
    upload, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (*RUN, "notes.txt"):
        upload(path)
    ready = claim_module._ready

    def vanishing(*arguments: object) -> list[str]:
        found = ready(*arguments)
        clinic.path("latest", "notes.txt").unlink()
        return found

    monkeypatch.setattr(claim_module, "_ready", vanishing)
    claim(clinic.lake, ENTITIES, clock=clock)
    assert names(clinic.path(CLAIM)) == sorted(RUN)


class TestLinks:
    """A link may lead out of the lake: it is moved as it is, named as refused, and never followed."""

    @pytest.fixture
    def outside(self, tmp_path: Path) -> Path:
        folder = tmp_path / "outside"
        for name in RUN:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("secret")
            os.utime(path, (NOW - 60, NOW - 60))
        return folder

    def test_in_latest_a_link_is_moved_and_what_it_leads_to_is_not(self, upload, clinic: Clinic, outside: Path) -> None:
        clinic.path("latest").mkdir(parents=True)
        clinic.path("latest", "subject_01").symlink_to(outside / "subject_01")
        clinic.path("latest", "notes.txt").symlink_to(outside / RUN[0])
        claim(clinic.lake, ENTITIES, clock=lambda: time.time() + 60)
        (delivery,) = clinic.lake.deliveries()
        assert names(clinic.path(delivery.name)) == ["notes.txt", "subject_01"]
        assert all(path.is_symlink() for path in clinic.path(delivery.name).iterdir())
        assert names(outside) == sorted(RUN)

    @pytest.mark.parametrize("level", ["latest", "measurement=ecg", "clinic=sf_state"])
    def test_a_link_in_the_place_of_a_folder_of_the_lake_is_not_entered(
        self, lake: Lake, tmp_path: Path, level: str
    ) -> None:
        folders = ["incoming", "clinic=sf_state", "measurement=ecg", "latest"]
        above, below = folders[: folders.index(level)], folders[folders.index(level) + 1 :]
        real = tmp_path / "outside"
        for name in RUN:
            path = real.joinpath(*below, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("secret")
            os.utime(path, (NOW - 60, NOW - 60))
        lake.root.joinpath(*above).mkdir(parents=True)
        lake.root.joinpath(*above, level).symlink_to(real)
        before = everything(real)
        assert claim(lake, ENTITIES, clock=clock) == []
        assert lake.deliveries() == []
        assert everything(real) == before

    def test_a_listing_names_links_and_does_not_enter_them(self, clinic: Clinic, outside: Path) -> None:
        clinic.path("D1").mkdir(parents=True)
        clinic.path("D1", "subject_01").symlink_to(outside / "subject_01")
        clinic.path("D1", "run_1.csv").symlink_to(outside / RUN[0])
        listing = clinic.lake.list_directory(clinic.delivery("D1").path)
        assert listing is not None
        assert listing.directories == ()
        assert len(listing.entries) == 2
        assert all(entry.problem and "symbolic link" in entry.problem for entry in listing.entries)

    def test_a_link_is_not_opened(self, clinic: Clinic, outside: Path) -> None:
        clinic.path("D1").mkdir(parents=True)
        clinic.path("D1", "run_1.csv").symlink_to(outside / RUN[0])
        with pytest.raises(OSError, match="symbolic link"):
            clinic.lake.read_bytes(clinic.raw_path("D1", "run_1.csv"))

    def test_files_read_together_are_read_as_each_alone(self, clinic: Clinic, outside: Path) -> None:
        below = ("a/run_1.csv", "a/run_2.csv", "a/gone.csv", "a/pipe.csv", "b/run_1.csv", "linked/run_1.csv", "run.csv")
        for path in (*below[:2], below[4], below[6]):
            clinic.put("D1", path, path.encode())
        os.mkfifo(clinic.path("D1", "a/pipe.csv"))
        clinic.path("D1", "linked").symlink_to(outside / "subject_01")
        clinic.path("D1", "a/link.csv").symlink_to(outside / RUN[0])
        paths = [clinic.raw_path("D1", path) for path in (*below, "a/link.csv", "nowhere/run_1.csv", below[0])]

        def alone(path: str) -> object:
            try:
                return clinic.lake.read_bytes(path)
            except OSError as error:
                return error.strerror

        together = [found.strerror if isinstance(found, OSError) else found for found in clinic.lake.read_all(paths)]
        assert together == [alone(path) for path in paths]
        assert together[:2] == [b"a/run_1.csv", b"a/run_2.csv"]
        assert together.count("No such file or directory") == 2

    def test_a_directory_that_became_a_link_is_not_entered(self, clinic: Clinic, outside: Path) -> None:
        # Between the crawl and the load: the crawl saw a directory.
        clinic.path("D1").mkdir(parents=True)
        clinic.path("D1", "subject_01").symlink_to(outside / "subject_01")
        with pytest.raises(OSError, match="Not a directory"):
            clinic.lake.read_bytes(clinic.raw_path("D1", RUN[0]))

    def test_a_link_in_the_place_of_a_delivery_is_none(self, clinic: Clinic, outside: Path) -> None:
        clinic.path("").mkdir(parents=True)
        clinic.path("D1").symlink_to(outside)
        assert clinic.lake.deliveries() == []
        assert clinic.lake.list_directory(clinic.delivery("D1").path) is None


class TestDirectories:
    """A listing says what stands in a directory, whatever its names and kinds are."""

    def test_what_is_no_file_is_named_as_such(self, clinic: Clinic) -> None:
        clinic.path("D1").mkdir(parents=True)
        os.mkfifo(clinic.path("D1", "pipe.csv"))
        listing = clinic.lake.list_directory(clinic.delivery("D1").path)
        assert listing is not None
        assert [(entry.raw_path[-8:], entry.problem) for entry in listing.entries] == [
            ("pipe.csv", "it is not a regular file: deliver a file")
        ]

    def test_opening_a_pipe_does_not_wait_for_a_writer(self, clinic: Clinic) -> None:
        clinic.path("D1").mkdir(parents=True)
        os.mkfifo(clinic.path("D1", "pipe.csv"))
        with clinic.lake.open(clinic.raw_path("D1", "pipe.csv")) as file:
            assert file.read() in (b"", None)

    def test_a_name_that_is_not_utf8_is_shown_with_escapes(self, clinic: Clinic) -> None:
        folder = clinic.path("D1")
        folder.mkdir(parents=True)
        Path(os.fsdecode(os.fsencode(folder) + b"/run_\xff.csv")).write_text("x")
        Path(os.fsdecode(os.fsencode(folder) + b"/subject_\xff")).mkdir()
        listing = clinic.lake.list_directory(clinic.delivery("D1").path)
        assert listing is not None
        assert listing.directories == ()
        assert [entry.raw_path.rpartition("/")[2] for entry in listing.entries] == [r"run_\xff.csv", r"subject_\xff"]
        assert all(entry.problem and "not valid UTF-8" in entry.problem for entry in listing.entries)

    def test_what_is_not_there_has_no_listing(self, clinic: Clinic) -> None:
        assert clinic.lake.list_directory(clinic.delivery("D1").path) is None
        assert clinic.lake.modified_ns(clinic.put("D1", "file", b"x")) is None

    def test_an_entry_that_vanishes_meanwhile_is_left_out(
        self, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clinic.put("D1", "a.csv", b"x")
        clinic.put("D1", "b.csv", b"x")
        scan = directory.scan

        def vanishing(folder: Path) -> list[os.DirEntry[str]]:
            found = scan(folder)
            clinic.path("D1", "a.csv").unlink()
            return found

        monkeypatch.setattr(directory, "scan", vanishing)
        listing = clinic.lake.list_directory(clinic.delivery("D1").path)
        assert listing is not None
        assert [entry.raw_path[-5:] for entry in listing.entries] == ["b.csv"]
