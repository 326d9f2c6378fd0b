"""dbt in this process, on a home of the test's own."""

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.sources.ecg import transform
from tests.support import dbt_parse_cache as parses

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT_PATH = REPOSITORY / "dbt_project"


@dataclass(frozen=True)
class DbtHome:
    """A folder with a lake, a warehouse and what dbt writes, and the project that is built in it."""

    path: Path
    project_path: Path = PROJECT_PATH

    @property
    def warehouse_path(self) -> Path:
        return self.path / "warehouse.duckdb"

    @property
    def target_path(self) -> Path:
        return self.path / "target"

    def prepare(self) -> "DbtHome":
        """Make an empty warehouse and lake, as the first build does."""
        self.path.mkdir(parents=True, exist_ok=True)
        with open_warehouse(self.warehouse_path).write():
            transform.prepare(Lake(self.path / "lake"))
        return self

    def dbt(self, *arguments: str, on_message: Callable[[str], None] = lambda message: None) -> "DbtRun":
        """Run dbt with these arguments in this process; ``on_message`` hears each line of its log."""
        flags = ["--quiet", "--no-use-colors", "--log-level-file", "none"]
        folders = {
            "--project-dir": self.project_path,
            "--profiles-dir": self.project_path,
            "--target-path": self.target_path,
            "--log-path": self.path / "logs",
        }
        options = [str(word) for option in folders.items() for word in option]
        variables = arguments[arguments.index("--vars") + 1] if "--vars" in arguments else ""
        is_shared = self.project_path == PROJECT_PATH
        # Parsing takes a second of each command. What variables change, and compiled SQL, is parsed for itself.
        is_parsed = is_shared and not variables and arguments[0] in ("build", "run", "test")
        parsed = parsed_project() if is_parsed else None
        if is_shared and parsed is None:
            parses.restore_parse_cache(self.target_path, self.warehouse_path, variables)
        before = os.environ.get("VITALHOUSE_HOME")
        os.environ["VITALHOUSE_HOME"] = str(self.path)
        try:
            with chdir(self.project_path):
                result = dbtRunner(parsed, callbacks=[lambda event: on_message(event.info.msg)]).invoke(
                    [*flags, *arguments, *options]
                )
        finally:
            # dbt-duckdb keeps the file open for the next command in the same process.
            DuckDBConnectionManager.close_all_connections()
            gc.collect()
            if before is None:
                del os.environ["VITALHOUSE_HOME"]
            else:
                os.environ["VITALHOUSE_HOME"] = before
        if is_shared and result.success:
            parses.save_parse_cache(self.target_path, variables)
        statuses = {}
        if result.result is not None and hasattr(result.result, "results"):
            statuses = {outcome.node.name: str(outcome.status) for outcome in result.result.results}
        return DbtRun(bool(result.success), statuses, result.exception, result.result)

    @property
    def manifest(self) -> dict[str, Any]:
        """What dbt understood of the project when it last ran."""
        return dict(json.loads((self.target_path / "manifest.json").read_text()))

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse, open for reading and writing."""
        con = duckdb.connect(str(self.warehouse_path))
        try:
            yield con
        finally:
            con.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse() as con:
            return con.execute(sql).fetchall()

    def insert(self, table: str, rows: list[Mapping[str, Any]]) -> None:
        """Insert rows that may leave columns out."""
        with self.warehouse() as con:
            con.register("new_rows", pa.Table.from_pylist([dict(row) for row in rows]))
            con.execute(f"insert into {table} by name select * from new_rows")


@cache
def parsed_project() -> Any:
    """Parse the dbt project, once a process."""
    with TemporaryDirectory() as folder:
        outcome = DbtHome(Path(folder)).dbt("parse")
    assert outcome.success, outcome.exception
    return outcome.result


@dataclass(frozen=True)
class DbtRun:
    """Outcome of a dbt command: status of each model or test by name."""

    success: bool
    statuses: Mapping[str, str]
    exception: BaseException | None
    result: Any = None

    def named(self, status: str) -> set[str]:
        return {name for name, found in self.statuses.items() if found == status}
