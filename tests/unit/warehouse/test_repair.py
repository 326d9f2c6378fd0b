"""Whatever page of a block a kill tears, the warehouse can be repaired, with every row that was committed."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from dbt.adapters.duckdb.credentials import DuckDBCredentials

from orchestration.cli.commands import main
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.repair import BLOCK_BYTES, CHECKSUM_BYTES, HEADER_BYTES, checksum, repair

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


def test_a_block_torn_at_any_page_is_repaired(torn: Torn, tmp_path: Path) -> None:
    warehouse, refused = open_warehouse(tmp_path / "warehouse.duckdb"), 0
    for offset in torn.blocks():
        for pages in (1, 2, 5, 17, 40, 63):
            is_refused = torn.write(warehouse.path, offset, pages)
            assert (repair(warehouse.path) is not None) == is_refused
            refused += is_refused
            with warehouse.read() as con:
                assert contents(con) == torn.expected, f"block at {offset}, {pages} pages"
            with warehouse.write() as con:
                assert contents(con) == torn.expected
    assert refused, "no block was torn where it is needed"


@pytest.fixture
def damaged(torn: Torn, tmp_path: Path) -> Path:
    """A warehouse that DuckDB refuses to open."""
    path = tmp_path / "warehouse.duckdb"
    offset = next(at for at in torn.blocks() if torn.write(path, at, 1))
    torn.write(path, offset, 1)
    path.with_name("probe.duckdb").unlink()
    return path


def log(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def test_opening_changes_nothing_and_names_the_command(damaged: Path) -> None:
    before = damaged.read_bytes()
    for opened in (open_warehouse(damaged).read, open_warehouse(damaged).write):
        with pytest.raises(VitalhouseError, match=r"a process was killed: run `vitalhouse repair`$"), opened():
            pass
    assert damaged.read_bytes() == before


def test_the_original_is_kept(damaged: Path) -> None:
    before = damaged.read_bytes(), log(damaged).read_bytes()
    original = repair(damaged)
    assert original is not None
    assert (original.read_bytes(), log(original).read_bytes()) == before
    assert set(damaged.parent.iterdir()) == {damaged, log(damaged), original, log(original)}
    assert repair(damaged) is None


def refuse(path: Path, message: str) -> None:
    """See a file refused, and no other file made."""
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(VitalhouseError, match=message):
        repair(path)
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


def test_a_file_of_a_storage_version_that_is_not_known_is_not_touched(
    damaged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.lib.warehouse.repair.KNOWN_STORAGE_VERSIONS", (65, 66))
    refuse(damaged, r"its storage version is 64, and this Vitalhouse knows 65, 66")


def test_a_file_that_was_closed_is_not_touched(damaged: Path) -> None:
    log(damaged).unlink()
    refuse(damaged, "does not match stored checksum")
    with pytest.raises(VitalhouseError, match="does not match stored checksum"), open_warehouse(damaged).read():
        pass


def test_what_is_damaged_in_another_way_is_not_touched(damaged: Path) -> None:
    content = damaged.read_bytes()
    damaged.write_bytes(b"x" * 5000)
    refuse(damaged, "cannot repair .* move this one away")
    damaged.write_bytes(content[: HEADER_BYTES + BLOCK_BYTES // 2])
    refuse(damaged, "cannot repair ")


def test_a_file_that_is_open_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with open_warehouse(path).write(), pytest.raises(VitalhouseError, match="is in use by another connection"):
        repair(path)
    assert repair(path) is None


def test_the_command_says_what_it_did(damaged: Path) -> None:
    environment = {ENVIRONMENT_VARIABLE: str(damaged.parent)}
    result = CliRunner().invoke(main, ["repair"], env=environment)
    assert result.exit_code == 0, result.output
    assert re.search(
        r"repaired .*warehouse\.duckdb; the original is kept as warehouse\.duckdb\.damaged-", result.output
    )
    assert "needs no repair" in CliRunner().invoke(main, ["repair"], env=environment).output


def test_dbt_names_the_command(damaged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from orchestration.lib.modelling.dbt_cli import PROJECT_PATH

    monkeypatch.syspath_prepend(str(PROJECT_PATH / "plugins"))
    import warehouse_file

    credentials = DuckDBCredentials(database="warehouse", schema="main", path=str(damaged))
    plugin = warehouse_file.Plugin("warehouse_file", {}, credentials)
    plugin.initialize({})
    with pytest.raises(RuntimeError, match="Run `vitalhouse repair`"):
        plugin.update_connection_config(credentials, {})
