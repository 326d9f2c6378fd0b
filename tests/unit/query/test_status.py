"""What `vitalhouse status` reads, from the warehouse and from a publication that may lack the reasons."""

import duckdb
import pytest

from orchestration.lib.catalog.schema import create_tables
from orchestration.lib.query.status import SHOWN, Section, sections
from orchestration.lib.sources import COMPUTED_TABLES, ENTITIES


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    create_tables(con, ENTITIES, COMPUTED_TABLES)
    return con


def found(con: duckdb.DuckDBPyConnection) -> dict[str, Section]:
    return {section.title: section for section in sections(con)}


def refuse(con: duckdb.DuckDBPyConnection, count: int) -> None:
    for number in range(1, count + 1):
        con.execute(
            "insert into catalog.file by name "
            "select ? as raw_path, 'rejected' as status, 'fs is missing' as reason, 'ecg' as measurement",
            [f"file {number:02d}"],
        )
        con.execute(
            "insert into catalog.rejected_row values (?, ?, 'text', 'fs is missing', 1)", [f"file {number:02d}", 7]
        )


def test_an_empty_catalog_has_nothing_to_say(con: duckdb.DuckDBPyConnection) -> None:
    assert all(section.rows == [] for section in sections(con))


def test_rejected_rows_are_counted_by_reason(con: duckdb.DuckDBPyConnection) -> None:
    refuse(con, 3)
    assert found(con)["Rejected rows"].rows == [("3 in 3 files: fs is missing (for example file 01, line 7)",)]


def test_more_files_than_are_shown_are_counted(con: duckdb.DuckDBPyConnection) -> None:
    refuse(con, SHOWN + 5)
    lines = [line for (line,) in found(con)["Rejected files"].rows]
    assert lines[0] == "file 01: fs is missing"
    assert len(lines) == SHOWN + 1
    assert lines[-1] == "… and 5 more"


def test_a_publication_without_reasons_is_read_all_the_same(con: duckdb.DuckDBPyConnection) -> None:
    refuse(con, 2)
    con.execute("drop view catalog.delivered_content")
    for table in ("file", "rejected_row"):
        con.execute(f"alter table catalog.{table} drop column reason")
    assert found(con)["Rejected files"].rows[0] == ("file 01: the warehouse says why when the build is over",)
    assert found(con)["Rejected rows"].rows[0][0].startswith("2 in 2 files: the warehouse says why")
