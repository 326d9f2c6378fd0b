"""Every file is loaded once: its good records become rows, the rest is kept with line, text and reason."""

import json
import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestration.lib.catalog import load_transaction
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.schema import create_tables
from orchestration.lib.contract.entity import Entity
from orchestration.lib.ingest import bulk
from orchestration.lib.ingest import load as loader
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import COMPUTED_TABLES, ENTITIES
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.ecg_files import Clinic, header_file, ingest, reasons, signal_file, statuses
from tests.support.fake_source import GADGET, NOTE, READING
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

GOOD = b'{"id": 1, "user": "a@b.c"}\n'


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return gadget_warehouse(tmp_path / "warehouse.duckdb")


def gadget_warehouse(path: Path) -> Warehouse:
    """A warehouse that has the tables of the made-up source too."""
    return Warehouse(
        path,
        partial(create_tables, entities=(*ENTITIES, *GADGET), computed_tables=COMPUTED_TABLES),
        lock_timeout_seconds=10,
    )


@pytest.fixture
def maker(lake: Lake) -> Clinic:
    return Clinic(lake, "acme", "gadget")


def load(
    lake: Lake, warehouse: Warehouse, entity: Entity = READING, deliveries: list[Any] | None = None, **options: Any
) -> LoadReport:
    return loader.crawl_and_load(entity, (*ENTITIES, *GADGET), lake, warehouse, deliveries, settle_seconds=0, **options)


def query(warehouse: Warehouse, sql: str) -> list[tuple[Any, ...]]:
    with warehouse.read() as con:
        return con.execute(sql).fetchall()


def rows(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    return query(warehouse, "select delivery, id from raw.gadget_reading order by all")


class TestRows:
    def test_a_row_has_what_the_path_the_record_and_the_load_say(self, maker: Clinic, warehouse: Warehouse) -> None:
        record = {
            "id": 7,
            "user": "a@b.c",
            "timeStamp": 1655564376361.0,
            "clinic": "Dr. Who",
            "reading": 0.5,
            "level": "2",
            "price": 12.3,
            "taken_on": "2020-02-29",
            "is_ok": True,
            "detail": {"k": [1]},
        }
        raw_path = maker.put("D1", "kitchen/one.json", json.dumps(record).encode())
        report = load(maker.lake, warehouse)
        assert (report.file_count, report.row_count, report.rejected_count, report.problems) == (1, 1, 0, [])
        (row,) = query(warehouse, "select * exclude (_loaded_at) from raw.gadget_reading")
        assert [str(value) for value in row] == [
            *("acme", "D1", "kitchen", "7", "a@b.c", "1655564376361", "Dr. Who", "0.5", "2", "12.30", "2020-02-29"),
            *("True", '{"k":[1]}', raw_path, "1", "1"),
        ]
        (kept,) = query(warehouse, "select status, reason, load_id, row_count, rejected_count from catalog.file")
        assert kept == ("loaded", None, 1, 1, 0)

    def test_good_records_load_and_the_others_are_kept(self, maker: Clinic, warehouse: Warehouse) -> None:
        content = GOOD + b'{"id": 2}\nnonsense\n{"id": 2.5, "user": "x", "level": 9}\n{"id": 3, "user": "c"}\n{"id": 4,'
        raw_path = maker.put("D1", "kitchen/one.json", content)
        report = load(maker.lake, warehouse)
        assert (report.row_count, report.rejected_count, report.rejected_file_count) == (2, 4, 0)
        assert query(warehouse, "select id, _row_number from raw.gadget_reading order by id") == [(1, 1), (3, 5)]
        assert query(warehouse, "select line_number, raw_text, reason from catalog.rejected_row order by all") == [
            (2, '{"id": 2}', "email is missing: expected an address"),
            (3, "nonsense", "it is not a JSON object"),
            (
                4,
                '{"id": 2.5, "user": "x", "level": 9}',
                "id is '2.5': expected a whole number; level is '9': expected 1, 2 or 3",
            ),
            (
                6,
                '{"id": 4,',
                "it is not a valid JSON object: Expecting property name enclosed in double quotes "
                "(the file ends within it)",
            ),
        ]
        assert report.problems[0] == f"{raw_path}:2: email is missing: expected an address"
        assert statuses(warehouse) == {raw_path: "loaded"}

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "it is empty: expected JSON objects"),
            (b"[]", "it is empty: expected JSON objects"),
            (b"nonsense", "line 1: it is not a JSON object"),
            (b'\n{"id": 1}', "line 2: email is missing: expected an address"),
        ],
    )
    def test_a_file_without_a_good_record_is_refused(
        self, maker: Clinic, warehouse: Warehouse, content: bytes, reason: str
    ) -> None:
        raw_path = maker.put("D1", "kitchen/one.json", content)
        maker.put("D1", "kitchen/two.json", GOOD)
        report = load(maker.lake, warehouse)
        assert report.rejected_file_count == 1
        assert statuses(warehouse)[raw_path] == "rejected"
        assert reasons(warehouse)[raw_path] == reason
        assert rows(warehouse) == [("D1", 1)]

    def test_a_file_of_one_record_holds_no_second(self, clinic: Clinic, warehouse: Warehouse) -> None:
        clinic.put_run("D1", 1, 1, header=header_file() + b"\n" + header_file(age=99))
        load(clinic.lake, warehouse, ECG_RUN_HEADER)
        assert query(warehouse, "select age from raw.ecg_run_header") == [(25,)]
        assert query(warehouse, "select line_number, reason from catalog.rejected_row") == [
            (2, "this file holds one object, and this is another")
        ]

    def test_a_file_that_vanishes_after_the_crawl_is_refused(
        self, maker: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raw_path = maker.put("D1", "kitchen/one.json", GOOD)
        maker.put("D1", "kitchen/two.json", b'{"id": 2, "user": "x"}')
        choose = loader.select_pending_files

        def vanishing(*arguments: Any) -> Any:
            maker.lake.path(raw_path).unlink(missing_ok=True)
            return choose(*arguments)

        monkeypatch.setattr(loader, "select_pending_files", vanishing)
        report = load(maker.lake, warehouse)
        assert report.problems == [f"{raw_path}: it cannot be read (No such file or directory)"]
        assert rows(warehouse) == [("D1", 2)]

    def test_the_lake_may_lie_where_names_look_like_patterns(
        self, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk, "BULK_BYTES", 0)
        for root, identity in (("lake[1]", 1), ("lake1", 2), ("it's", 3)):
            maker = Clinic(Lake(tmp_path / root), "acme", "gadget")
            maker.put("D1", "[ab]*/{x,y}?.json", json.dumps({"id": identity, "user": "x"}).encode())
            other = gadget_warehouse(tmp_path / f"{identity}.duckdb")
            load(maker.lake, other)
            assert rows(other) == [("D1", identity)]


class TestUnknownFields:
    @pytest.mark.parametrize("bulk_bytes", [0, 10**9])
    def test_they_are_named_once_and_counted(
        self,
        maker: Clinic,
        warehouse: Warehouse,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        bulk_bytes: int,
    ) -> None:
        monkeypatch.setattr(bulk, "BULK_BYTES", bulk_bytes)
        for number in range(3):
            record = {"id": number, "user": "x", "Color": "red", "size": {"x": 1}, "Clinic": "y"}
            maker.put("D1", f"kitchen/{number}.json", (json.dumps(record) + "\n").encode() * 2)
        with caplog.at_level(logging.WARNING):
            report = load(maker.lake, warehouse)
        assert report.unknown_fields == ["Clinic", "Color", "size"]
        assert [record.getMessage() for record in caplog.records] == [
            "raw.gadget_reading: fields that the contract does not know: Clinic, Color, size"
        ]
        assert query(warehouse, "select unknown_fields from catalog.load") == [(["Clinic", "Color", "size"],)]
        assert query(warehouse, "select distinct practice from raw.gadget_reading") == [(None,)]

    def test_names_that_cannot_be_stored_are_shown_with_escapes(self, maker: Clinic, warehouse: Warehouse) -> None:
        maker.put("D1", "kitchen/one.json", b'{"id": 1, "user": "x", "\\ud800": 1, "a\\u0000b": 2}')
        assert load(maker.lake, warehouse).unknown_fields == ["\\ud800", "a\\x00b"]


class TestOnce:
    def test_a_load_with_nothing_to_do_takes_no_id(self, maker: Clinic, warehouse: Warehouse) -> None:
        maker.put("D1", "kitchen/one.json", GOOD)
        for _ in range(3):
            load(maker.lake, warehouse)
        assert query(warehouse, "select load_id, file_count, row_count, deliveries from catalog.load") == [
            (1, 1, 1, ["acme/D1"])
        ]
        assert rows(warehouse) == [("D1", 1)]

    def test_the_load_id_grows_by_one_a_transaction(self, maker: Clinic, warehouse: Warehouse) -> None:
        for number in (1, 2, 3):
            maker.put(f"D{number}", "kitchen/one.json", b'{"id": %d, "user": "x"}' % number)
            load(maker.lake, warehouse)
        assert query(warehouse, "select delivery, _load_id from raw.gadget_reading order by all") == [
            ("D1", 1),
            ("D2", 2),
            ("D3", 3),
        ]

    def test_a_refused_file_is_not_tried_again(self, maker: Clinic, warehouse: Warehouse) -> None:
        maker.put("D1", "kitchen/one.json", b"nonsense")
        load(maker.lake, warehouse)
        report = load(maker.lake, warehouse)
        assert (report.file_count, report.problems) == (0, [])
        assert query(warehouse, "select count(*) from catalog.rejected_row") == [(1,)]

    def test_only_the_chosen_deliveries_are_loaded(self, maker: Clinic, warehouse: Warehouse) -> None:
        maker.put("D1", "kitchen/one.json", GOOD)
        maker.put("D2", "kitchen/two.json", b'{"id": 2, "user": "x"}')
        load(maker.lake, warehouse, deliveries=[maker.delivery("D2")])
        assert rows(warehouse) == [("D2", 2)]
        load(maker.lake, warehouse, deliveries=[])
        assert rows(warehouse) == [("D2", 2)]
        load(maker.lake, warehouse)
        assert rows(warehouse) == [("D1", 1), ("D2", 2)]

    def test_a_load_that_fails_leaves_no_row(
        self, maker: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        maker.put("D1", "kitchen/one.json", GOOD)
        with monkeypatch.context() as patch:
            patch.setattr(load_transaction, "_write_load", lambda *arguments: 1 // 0)
            with pytest.raises(ZeroDivisionError):
                load(maker.lake, warehouse)
        assert rows(warehouse) == []
        assert list(statuses(warehouse).values()) == ["pending"]
        load(maker.lake, warehouse)
        assert query(warehouse, "select id, _load_id from raw.gadget_reading") == [(1, 1)]


class TestDuplicates:
    def test_the_same_content_under_the_same_path_is_loaded_once(self, maker: Clinic, warehouse: Warehouse) -> None:
        first = maker.put("D1", "kitchen/one.json", GOOD)
        second = maker.put("D2", "kitchen/one.json", GOOD)
        report = load(maker.lake, warehouse)
        assert (report.file_count, report.duplicate_count, report.row_count) == (1, 1, 1)
        assert statuses(warehouse) == {first: "loaded", second: "duplicate"}
        assert reasons(warehouse)[second] == f"the same content as {first}"
        third = maker.put("D0", "kitchen/one.json", GOOD)
        assert load(maker.lake, warehouse).duplicate_count == 1
        assert statuses(warehouse)[third] == "duplicate"
        assert rows(warehouse) == [("D1", 1)]

    @pytest.mark.parametrize(
        ("clinic", "path_below"),
        [("acme", "kitchen/other.json"), ("acme", "hall/one.json"), ("other", "kitchen/one.json")],
    )
    def test_under_another_path_or_clinic_it_is_a_file_of_its_own(
        self, maker: Clinic, warehouse: Warehouse, clinic: str, path_below: str
    ) -> None:
        maker.put("D1", "kitchen/one.json", GOOD)
        Clinic(maker.lake, clinic, "gadget").put("D2", path_below, GOOD)
        assert load(maker.lake, warehouse).row_count == 2

    def test_the_first_content_again_is_current_again(self, clinic: Clinic, warehouse: Warehouse) -> None:
        for delivery, age in (("D1", 30), ("D2", 31), ("D3", 30)):
            clinic.put_run(delivery, 1, 1, header=header_file(age=age))
            ingest(clinic.lake, warehouse)
        current = """
            select header.age, content.first_delivery, content.last_delivery, content.delivery_count
            from catalog.delivered_content as content inner join raw.ecg_run_header as header
                on header._raw_path = content.raw_path
            where content.is_current
        """
        assert query(warehouse, current) == [(30, "D1", "D3", 2)]
        assert query(warehouse, "select count(*) from raw.ecg_run_header") == [(2,)]

    def test_a_duplicate_of_a_refused_file_is_refused_for_the_same_reason(
        self, maker: Clinic, warehouse: Warehouse
    ) -> None:
        for delivery in ("D1", "D2"):
            maker.put(delivery, "kitchen/one.json", b"nonsense")
        load(maker.lake, warehouse)
        assert set(statuses(warehouse).values()) == {"rejected"}
        assert set(reasons(warehouse).values()) == {"line 1: it is not a JSON object"}

    def test_a_duplicate_takes_the_place_of_an_original_that_changed(self, maker: Clinic, warehouse: Warehouse) -> None:
        first = maker.put("D1", "kitchen/one.json", GOOD)
        second = maker.put("D2", "kitchen/one.json", GOOD)
        load(maker.lake, warehouse)
        maker.put("D1", "kitchen/one.json", b'{"id": 5, "user": "x"}')
        load(maker.lake, warehouse)
        assert statuses(warehouse) == {first: "loaded", second: "loaded"}
        assert rows(warehouse) == [("D1", 5), ("D2", 1)]

    def test_a_changed_file_that_became_a_duplicate_leaves_no_row(self, clinic: Clinic, warehouse: Warehouse) -> None:
        clinic.put_run("D1", 1, 1, signal=signal_file(1))
        clinic.put_run("D2", 1, 1, signal=signal_file(2), header=header_file(age=30))
        ingest(clinic.lake, warehouse)
        clinic.put_run("D2", 1, 1, signal=signal_file(1))
        ingest(clinic.lake, warehouse)
        assert query(warehouse, "select delivery from raw.ecg_run_header") == [("D1",)]
        assert query(warehouse, "select delivery from raw.ecg_run_feature") == [("D1",)]


class TestPartners:
    def test_a_header_waits_for_its_signal_in_whatever_delivery(self, clinic: Clinic, warehouse: Warehouse) -> None:
        header = clinic.put("D2", "subject_01/run_1_header.json", header_file())
        report = ingest(clinic.lake, warehouse)
        assert (report.row_count, report.waiting_count) == (0, 1)
        assert statuses(warehouse) == {header: "waiting"}
        assert reasons(warehouse) == {header: "its run_signal has not come"}
        signal = clinic.put("D1", "subject_1/run_01.csv", signal_file())
        ingest(clinic.lake, warehouse, [clinic.delivery("D1")])
        assert statuses(warehouse) == {header: "loaded", signal: "loaded"}

    def test_a_signal_waits_for_its_header(self, clinic: Clinic, warehouse: Warehouse) -> None:
        signal = clinic.put("D1", "subject_01/run_1.csv", signal_file())
        ingest(clinic.lake, warehouse)
        assert statuses(warehouse) == {signal: "waiting"}
        header = clinic.put("D2", "subject_01/run_1_header.json", header_file())
        ingest(clinic.lake, warehouse, [clinic.delivery("D2")])
        assert statuses(warehouse) == {signal: "loaded", header: "loaded"}
        assert query(warehouse, "select delivery, header_raw_path from raw.ecg_run_feature") == [("D1", header)]

    def test_the_partner_of_another_clinic_is_none(self, clinic: Clinic, warehouse: Warehouse) -> None:
        clinic.put("D1", "subject_01/run_1.csv", signal_file())
        Clinic(clinic.lake, "st_elsewhere").put("D1", "subject_01/run_1_header.json", header_file())
        ingest(clinic.lake, warehouse)
        assert set(statuses(warehouse).values()) == {"waiting"}

    def test_a_signal_waits_for_a_better_header_than_a_refused_one(self, clinic: Clinic, warehouse: Warehouse) -> None:
        signal, bad = clinic.put_run("D1", 1, 1, header=header_file(fs=0))
        ingest(clinic.lake, warehouse)
        assert statuses(warehouse) == {signal: "waiting", bad: "rejected"}
        assert reasons(warehouse)[signal] == "its header has not come, or was rejected"
        good = clinic.put("D2", "subject_01/run_1_header.json", header_file())
        ingest(clinic.lake, warehouse, [clinic.delivery("D2")])
        assert statuses(warehouse) == {signal: "loaded", bad: "rejected", good: "loaded"}


class TestReplacing:
    def test_a_changed_file_replaces_its_rows(self, maker: Clinic, warehouse: Warehouse) -> None:
        maker.put("D1", "kitchen/one.json", GOOD + b"junk")
        maker.put("D1", "kitchen/two.json", b'{"id": 2, "user": "x"}')
        load(maker.lake, warehouse)
        maker.put("D1", "kitchen/one.json", b'{"id": 10, "user": "x"}{"id": 11, "user": "x"}')
        load(maker.lake, warehouse)
        assert query(warehouse, "select id, _load_id from raw.gadget_reading order by id") == [(2, 1), (10, 2), (11, 2)]
        assert query(warehouse, "select count(*) from catalog.rejected_row") == [(0,)]

    def test_a_file_that_changed_for_the_worse_loses_its_rows(self, maker: Clinic, warehouse: Warehouse) -> None:
        raw_path = maker.put("D1", "kitchen/one.json", GOOD)
        load(maker.lake, warehouse)
        maker.put("D1", "kitchen/one.json", b"junk")
        load(maker.lake, warehouse)
        assert rows(warehouse) == []
        assert statuses(warehouse) == {raw_path: "rejected"}

    def test_a_reload_replaces_exactly_the_rows_of_its_deliveries(self, maker: Clinic, warehouse: Warehouse) -> None:
        for number in (1, 2, 3):
            maker.put(f"D{number}", f"kitchen/{number}.json", b'{"id": %d, "user": "x"}\njunk' % number)
            load(maker.lake, warehouse)
        report = load(maker.lake, warehouse, deliveries=[maker.delivery("D2")], reload=True)
        assert (report.file_count, report.row_count, report.rejected_count) == (1, 1, 1)
        assert query(warehouse, "select id, _load_id from raw.gadget_reading order by id") == [(1, 1), (2, 4), (3, 3)]
        assert query(warehouse, "select load_id from catalog.rejected_row order by all") == [(1,), (3,), (4,)]
        assert set(statuses(warehouse).values()) == {"loaded"}

    @pytest.mark.parametrize("reloaded", [("D1",), ("D2",), ("D1", "D2")])
    def test_a_reload_of_runs_changes_nothing_but_the_load(
        self, clinic: Clinic, warehouse: Warehouse, reloaded: tuple[str, ...]
    ) -> None:
        # D2 came first: the file of D1 is the duplicate. After a reload of both, it is the other way round.
        for delivery in ("D2", "D1"):
            clinic.put_run(delivery, 1, 1)
            clinic.put_run(
                delivery, 2, 1, signal=signal_file(7), header=header_file(age=40 if delivery == "D1" else 41)
            )
            ingest(clinic.lake, warehouse)

        def current() -> list[tuple[Any, ...]]:
            return query(
                warehouse,
                """
                select record_key, entity, first_delivery, last_delivery, delivery_count, content_hash
                from catalog.delivered_content where is_current order by all
                """,
            )

        before = current()
        assert len(before) == 4
        ingest(clinic.lake, warehouse, [clinic.delivery(name) for name in reloaded], reload=True)
        assert current() == before
        # A row for each loaded file, and no other.
        for entity, table in (("run_header", "raw.ecg_run_header"), ("run_signal", "raw.ecg_run_feature")):
            assert query(warehouse, f"select _raw_path from {table} order by all") == query(
                warehouse,
                f"select raw_path from catalog.file where entity = '{entity}' and status = 'loaded' order by all",
            )

    def test_a_reload_leaves_what_is_no_file_as_it_was(
        self, clinic: Clinic, warehouse: Warehouse, tmp_path: Path
    ) -> None:
        for delivery in ("D1", "D2"):
            clinic.put_run(delivery, 1, 1)
            for name in ("run_2.csv", "run_2_header.json"):
                clinic.path(delivery, f"subject_01/{name}").symlink_to(tmp_path)
            clinic.path(delivery, "subject_01/run_3.csv").mkdir()
        ingest(clinic.lake, warehouse)
        before = reasons(warehouse), statuses(warehouse)
        ingest(clinic.lake, warehouse, reload=True)
        assert (reasons(warehouse), statuses(warehouse)) == before


# -- the fast path and the strict path --------------------------------------------------------------------------------

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
numbers = (
    st.integers()
    | st.integers(-(2**70), 2**70)
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(0, 2**53).map(float)
)
number_texts = numbers.map(str) | st.sampled_from(["1e3", "1e400", "-0", "2.0", " 7 ", "2.7", "0.10", "x", ""])
nested = st.lists(numbers | texts, max_size=2) | st.dictionaries(texts, numbers | texts | st.none(), max_size=2)
anything = st.none() | st.booleans() | numbers | number_texts | texts | nested
good = {"id": st.integers(-(2**63), 2**63 - 1), "user": texts.map(lambda text: "u" + text)}
optional: dict[str, st.SearchStrategy[Any]] = {
    "id": anything,
    "email": anything,
    "user": anything,
    "measured_at_ms": anything,
    "timestamp": anything,
    "timeStamp": anything,
    "clinic": anything,
    "practice": anything,
    "reading": anything,
    "level": anything,
    "price": anything,
    "taken_on": st.dates().map(str) | anything,
    "is_ok": anything,
    "detail": anything,
    "unknown": anything,
    "Clinic": anything,
}
record = (
    st.fixed_dictionaries(good)
    | st.fixed_dictionaries(good, optional={key: optional[key] for key in optional.keys() - good.keys()})
    | st.fixed_dictionaries({}, optional=optional)
)
# Trailing commas and nan are left out: DuckDB's reader takes them for JSON, and Python's does not.
junk = st.sampled_from(
    ["junk", "5", '"x"', "null", "[1]", "{", "}", '{"id": 1', '{"id": }', "{'id': 1}", '{"id": "\\ud800"}']
)


@st.composite
def record_file(draw: st.DrawFn) -> bytes:
    pieces = [
        json.dumps(piece, ensure_ascii=draw(st.booleans())) if isinstance(piece, dict) else piece
        for piece in draw(st.lists(record | record | record | junk, max_size=5))
    ]
    separator = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", ",\n", "", " ", "\n\n"]))
    text = separator.join(pieces)
    if draw(st.booleans()):
        text += "\n"
    if draw(st.integers(0, 3)) == 0:
        text = f"[{','.join(pieces)}]"
    content = text.encode()
    if draw(st.integers(0, 7)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    if draw(st.integers(0, 9)) == 0:
        content = b"\xef\xbb\xbf" + content
    if draw(st.integers(0, 15)) == 0:
        content = content.replace(b"u", b"\xfc", 1)
    return content


def outcome(
    warehouse: MemoryWarehouse, entity: Entity, folder: Path, contents: list[bytes], bulk_bytes: int
) -> dict[str, Any]:
    """Everything that a load of these files leaves behind, but times."""
    warehouse.clear()
    maker = Clinic(Lake(folder / "lake"), "acme", "gadget")
    for number, content in enumerate(contents):
        maker.put("D1", f"kitchen/{number}.json" if entity is READING else f"{number}.note", content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "BULK_BYTES", bulk_bytes)
        report = load(maker.lake, warehouse, entity)
    with warehouse.read() as con:
        left = {
            table: sorted(map(repr, con.execute(f"select {columns} from {table}").fetchall()))
            for table, columns in (
                (entity.table.name, "* exclude (_loaded_at)"),
                ("catalog.file", "raw_path, status, reason, row_count, rejected_count, load_id"),
                ("catalog.rejected_row", "*"),
                ("catalog.load", "* exclude (started_at, finished_at)"),
            )
        }
    report.seconds = 0
    return left | {"report": report}


@pytest.mark.parametrize(("entity", "count"), [(READING, 40), (NOTE, 15)], ids=["reading", "note"])
def test_large_files_and_small_ones_are_read_alike(entity: Entity, count: int) -> None:
    """DuckDB's reader, for speed, and ours, which knows lines and reasons, leave the same tables behind."""
    warehouse = MemoryWarehouse((*ENTITIES, *GADGET))

    @settings(max_examples=examples(count), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(record_file(), min_size=1, max_size=6))
    @example([b'[{"id": 1, "user": "x"}]\n{"id": 2, "user": "x"}'])
    @example([b'{"id": 1, "user": "x"}\n\n\n{"id": 2, "user": "x"} {"id": 3, "user": "x"}\n', GOOD])
    @example([b'{"id": 1, "user": "x"},\n{"id": 2, "user": "x"},\n', GOOD, b""])
    @example([b'{"id": 1, "user": "x", "detail": 1.10}{"id": 2, "user": "x", "detail": {"b": 1, "a": [1.0, -0]}}'])
    @example([b'{"id": 1, "user": "x", "timeStamp": 5, "clinic": "y"}\n{"id": 2, "user": "x", "user": "z"}'])
    @example([b'{"text": "x"}\n7\n{"stars": 5}', b'{"text": "x"}\n{"other": "x"}\n{}'])
    # Cut off in the last record: after whole ones, in an object within one, after a broken one, in an array, at once.
    @example([b'{"id": 1, "user": "x"}\n{"id": 2, "user": "x"},\n\n{"id": 3, "us', GOOD])
    @example([b'{"id": 1, "user": "x"}{"id": 2, "user": "x", "detail": [{"b": 1}, {"b"', b'{"id": 1, "use'])
    @example([b'{"id": 1, "user": "x"}{"id": "a", "user": "x"}{"id": 3,', b'[{"id": 1, "user": "x"}, {"id": 2', GOOD])
    @example([b'{"text": "x"}\n{"text": "y"', b'{"id": 1, "user": "x"} {"id": 2, "user": "x"} and so on'])
    def check(contents: list[bytes]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            strict_tables = outcome(warehouse, entity, Path(folder), contents, 10**9)
            bulk_tables = outcome(warehouse, entity, Path(folder), contents, 0)
        assert bulk_tables == strict_tables

    check()


def test_a_large_file_that_is_truncated_is_read_record_by_record(
    maker: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BULK_BYTES", 1)
    whole = b"".join(b'{"id": %d, "user": "x"}\n' % number for number in range(100))
    maker.put("D1", "kitchen/0.json", whole + b'{"id": 100, "us')
    report = load(maker.lake, warehouse)
    assert (report.row_count, report.rejected_count) == (100, 1)
    with warehouse.read() as con:
        assert con.execute("select line_number, raw_text from catalog.rejected_row").fetchall() == [
            (101, '{"id": 100, "us')
        ]


def test_a_large_file_that_cannot_be_read_stops_no_other(
    maker: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BULK_BYTES", 1)
    for number in range(8):
        maker.put("D1", f"kitchen/{number}.json", b'{"id": %d, "user": "x"}\n' % number)
    for number, content in enumerate((bytes(1000), b"{" * 1000, b"\xff" * 1000)):
        maker.put("D1", f"kitchen/bad {number}.json", content)
    report = load(maker.lake, warehouse)
    assert (report.row_count, report.rejected_file_count) == (8, 3)
    assert rows(warehouse) == [("D1", number) for number in range(8)]
