"""The warehouse is opened in one place: it waits for its lock, names the holder, and makes every table."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.catalog import tables
from orchestration.lib.catalog.schema import create_tables, raw_tables
from orchestration.lib.contract.entity import Table
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.sources import COMPUTED_TABLES, ENTITIES, open_warehouse
from orchestration.lib.warehouse.connection import Warehouse, WarehouseLocked, lock_holder, transaction

_HOLD = """
import sys, duckdb
con = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
print("held", flush=True)
sys.stdin.read(1)
"""


@contextmanager
def held(path: Path, how: str = "write") -> Iterator[subprocess.Popen[str]]:
    """Another process that has the warehouse open."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path), how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin
    assert holder.stdout
    try:
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        release(holder)


def release(holder: subprocess.Popen[str]) -> None:
    """Let the other process end, if it has not."""
    if holder.poll() is None:
        holder.communicate("x")


@pytest.fixture
def made(tmp_path: Path) -> Warehouse:
    warehouse = open_warehouse(tmp_path / "warehouse.duckdb")
    with warehouse.write():
        pass
    return warehouse


class TestLock:
    @pytest.mark.parametrize("how", ["write", "read"])
    def test_the_message_names_the_process_that_holds_it(self, made: Warehouse, how: str) -> None:
        made.lock_timeout_seconds = 0.2
        said: list[str] = []
        made.say = said.append
        with held(made.path) as holder, pytest.raises(WarehouseLocked) as raised, getattr(made, how)():
            pass
        message = str(raised.value)
        assert "\n" not in message
        assert f"warehouse.duckdb is in use by process {holder.pid} (" in message
        assert "gave up after 0 s" in message
        # Said once while waiting, not at each attempt.
        assert len(said) == 1
        assert said[0].startswith(f"warehouse.duckdb is in use by process {holder.pid} (")
        assert said[0].endswith(": waiting")

    def test_it_is_taken_when_it_is_free_again(self, made: Warehouse) -> None:
        with held(made.path) as holder:
            made.say = lambda message: release(holder)
            with made.write() as con:
                assert con.execute("select count(*) from catalog.file").fetchone() == (0,)

    def test_readers_share_it_and_a_writer_waits_for_them(self, made: Warehouse) -> None:
        made.lock_timeout_seconds = 0
        with held(made.path, "read"):
            with made.read() as con:
                assert con.execute("select count(*) from catalog.file").fetchone() == (0,)
            with pytest.raises(WarehouseLocked), made.write():
                pass

    def test_another_connection_of_this_process_is_named_as_such(self, made: Warehouse) -> None:
        made.lock_timeout_seconds = 0
        with made.write(), pytest.raises(WarehouseLocked, match="another connection of this process"), made.read():
            pass

    def test_errors_that_are_not_about_a_lock(self) -> None:
        assert lock_holder(duckdb.Error("Catalog Error: no such table")) is None
        assert lock_holder(duckdb.Error("Could not set lock on file")) == "another process"
        gone = "Could not set lock on file: Conflicting lock is held in /usr/bin/python3.11 (PID 999999999)"
        assert lock_holder(duckdb.Error(gone)) == "process 999999999 (python3.11)"


class TestErrors:
    """Whatever is wrong with the file, the message is one line."""

    def test_no_warehouse_yet(self, tmp_path: Path) -> None:
        path = tmp_path / "warehouse.duckdb"
        with pytest.raises(VitalhouseError, match=r"yet: run `vitalhouse build` first$"), open_warehouse(path).read():
            pass
        assert not path.exists()

    @pytest.mark.parametrize("content", [b"this is no database", bytes(100_000), b"x" * 5000])
    @pytest.mark.parametrize("how", ["write", "read"])
    def test_a_file_that_is_no_warehouse(self, tmp_path: Path, content: bytes, how: str) -> None:
        path = tmp_path / "warehouse.duckdb"
        path.write_bytes(content)
        with pytest.raises(VitalhouseError) as raised, getattr(open_warehouse(path), how)():
            pass
        assert str(raised.value).startswith(f"cannot open {path}: ")
        assert "\n" not in str(raised.value)
        assert path.read_bytes() == content

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
    def test_a_file_that_may_not_be_read(self, made: Warehouse) -> None:
        made.path.chmod(0)
        with pytest.raises(VitalhouseError, match="cannot open"), made.read():
            pass


class TestTables:
    def test_every_catalog_and_raw_table_exists_from_the_first_write_on(self, made: Warehouse) -> None:
        with made.read() as con:
            for table in (*tables.TABLES, *raw_tables(ENTITIES, COMPUTED_TABLES)):
                found = con.execute(f"select column_name, column_type from (describe {table.name})").fetchall()
                assert found == list(table.columns.items()), table.name
            assert con.execute("select * from catalog.delivered_content").fetchall() == []

    def test_no_sequence_constraint_index_or_enum(self, made: Warehouse) -> None:
        with made.read() as con:
            for what in ("duckdb_constraints()", "duckdb_sequences()", "duckdb_indexes()"):
                assert con.execute(f"select * from {what}").fetchall() == [], what
            assert (
                con.execute("select distinct data_type from duckdb_columns() where data_type like 'ENUM%'").fetchall()
                == []
            )

    def test_a_contract_that_gains_a_field_keeps_its_rows(self, made: Warehouse) -> None:
        (first, *rest) = COMPUTED_TABLES
        with made.write() as con:
            con.execute(f"insert into {first.name} (_raw_path) values ('a')")
        grown = Table(first.name, {**first.columns, "new figure": "DOUBLE"})
        create = partial(create_tables, entities=ENTITIES, computed_tables=(grown, *rest))
        for _ in range(2):
            with Warehouse(made.path, create).write() as con:
                found = con.execute(f'select _raw_path, "new figure" from {first.name}').fetchall()
                assert found == [("a", None)]

    def test_a_kill_while_it_is_made_leaves_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        warehouse = open_warehouse(tmp_path / "new" / "warehouse.duckdb")
        with monkeypatch.context() as patch:
            patch.setattr(Path, "hardlink_to", lambda self, target: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt), warehouse.write():
                pass
        assert not warehouse.path.exists()
        with warehouse.write() as con:
            assert con.execute("select count(*) from catalog.file").fetchone() == (0,)
        assert [path.name for path in warehouse.path.parent.iterdir()] == ["warehouse.duckdb"]


def insert_and_fail(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("insert into catalog.directory (raw_path) values ('a')")
    raise ZeroDivisionError


class TestTransaction:
    def test_all_or_nothing(self, made: Warehouse) -> None:
        with made.write() as con:
            with pytest.raises(ZeroDivisionError), transaction(con):
                insert_and_fail(con)
            with transaction(con):
                con.execute("insert into catalog.directory (raw_path) values ('b')")
        with made.read() as con:
            assert con.execute("select raw_path from catalog.directory").fetchall() == [("b",)]

    def test_an_error_of_the_database_is_the_one_that_is_seen(self, made: Warehouse) -> None:
        with made.write() as con, pytest.raises(duckdb.Error, match="the reason"), transaction(con):
            con.execute("select error('the reason')")
