"""Whatever page of a block a kill tears, the warehouse opens again, with every row that was committed."""

import shutil
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.repair import BLOCK_BYTES, CHECKSUM_BYTES, HEADER_BYTES, checksum

PAGE_BYTES = 4096
TABLES = 20


class Torn:
    """A file as a kill within a checkpoint leaves it: the old header, and blocks that are half old and half new."""

    def __init__(self, folder: Path) -> None:
        path = folder / "source.duckdb"
        con = duckdb.connect(str(path))
        con.execute("set wal_autocheckpoint = '1TB'")
        for number in range(TABLES):
            con.execute(f"create table t{number} as select range as a, 'x' || range as b from range({number * 1000})")
        con.execute("checkpoint")
        for number in range(0, TABLES, 3):
            con.execute(f"insert into t{number} select range, 'y' from range(5000)")
        con.execute("delete from t19 where a % 3 = 0")
        self.expected = contents(con)
        self.before = path.read_bytes()
        self.log = path.with_name("source.duckdb.wal").read_bytes()
        con.execute("checkpoint")
        self.after = path.read_bytes()
        con.close()

    def blocks(self) -> list[int]:
        """Where the blocks lie that the checkpoint changed in place."""
        offsets = range(HEADER_BYTES, len(self.before), BLOCK_BYTES)
        return [at for at in offsets if self.before[at : at + BLOCK_BYTES] != self.after[at : at + BLOCK_BYTES]]

    def write(self, path: Path, offset: int, pages: int, *, with_log: bool = True) -> bool:
        """Write the file with so many pages of a block's new content; says whether DuckDB refuses it."""
        end = offset + pages * PAGE_BYTES
        path.write_bytes(self.before[:offset] + self.after[offset:end] + self.before[end:])
        log = path.with_name(path.name + ".wal")
        log.unlink(missing_ok=True)
        if with_log:
            log.write_bytes(self.log)
        probe = path.with_name("probe.duckdb")
        shutil.copy(path, probe)
        try:
            duckdb.connect(str(probe), read_only=True).close()
        except duckdb.IOException:
            return True
        return False


def contents(con: duckdb.DuckDBPyConnection) -> list[object]:
    return [
        con.execute(f"select count(*), sum(a), count(distinct b), min(b) from t{number}").fetchone()
        for number in range(TABLES)
    ]


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory) -> Torn:
    return Torn(tmp_path_factory.mktemp("torn"))


def test_the_checksum_is_the_one_that_duckdb_writes(torn: Torn) -> None:
    offset = torn.blocks()[-1]
    block = torn.after[offset : offset + BLOCK_BYTES]
    assert checksum(block[CHECKSUM_BYTES:]) == int.from_bytes(block[:CHECKSUM_BYTES], "little")


def test_a_block_torn_at_any_page_is_mended(torn: Torn, tmp_path: Path) -> None:
    warehouse, refused = open_warehouse(tmp_path / "warehouse.duckdb"), 0
    for offset in torn.blocks():
        for pages in (1, 2, 5, 17, 40, 63):
            refused += torn.write(warehouse.path, offset, pages)
            with warehouse.read() as con:
                assert contents(con) == torn.expected, f"block at {offset}, {pages} pages"
            with warehouse.write() as con:
                assert contents(con) == torn.expected
    assert refused, "no block was torn where it is needed"


def test_it_is_said(torn: Torn, tmp_path: Path) -> None:
    said: list[str] = []
    warehouse = open_warehouse(tmp_path / "warehouse.duckdb", say=said.append)
    offset = next(at for at in torn.blocks() if torn.write(warehouse.path, at, 1))
    torn.write(warehouse.path, offset, 1)
    with warehouse.read():
        pass
    assert said == ["warehouse.duckdb: a process was killed while it wrote to it; mended"]


def test_a_file_that_was_closed_is_not_touched(torn: Torn, tmp_path: Path) -> None:
    warehouse = open_warehouse(tmp_path / "warehouse.duckdb")
    offset = next(at for at in torn.blocks() if torn.write(warehouse.path, at, 1, with_log=False))
    torn.write(warehouse.path, offset, 1, with_log=False)
    bytes_before = warehouse.path.read_bytes()
    with pytest.raises(VitalhouseError, match="does not match stored checksum"), warehouse.read():
        pass
    assert warehouse.path.read_bytes() == bytes_before
