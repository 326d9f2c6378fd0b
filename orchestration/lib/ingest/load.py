"""Exactly-once loading: pending files become raw rows, rejected rows and catalog updates in one transaction.

Killed at any instant, the next run ends with the same tables as a run that was never killed: what was committed is not
done again, and what was not committed left no trace.
"""

import logging
import time
from collections.abc import Sequence

import duckdb

from orchestration.lib.catalog.crawl import crawl
from orchestration.lib.catalog.load_queue import mark_for_reload, select_pending_files
from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.catalog.load_transaction import PendingFile, load_transaction
from orchestration.lib.contract.entity import Entity, entities_of
from orchestration.lib.core import progress
from orchestration.lib.core.clock import utc_now
from orchestration.lib.ingest import bulk, strict
from orchestration.lib.ingest.typed_files import insert_typed_files
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.connection import Warehouse, transaction

_LOG = logging.getLogger(__name__)


def load(
    entity: Entity,
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Load every pending file of an entity into its raw table, once. The catalog says which files are pending.

    Parameters
    ----------
    deliveries
        Load only these (and files of any delivery that waited for a partner). Default: all.
    reload
        Load the deliveries' files anew, replacing their rows.
    """
    started = time.monotonic()
    report = LoadReport()
    with warehouse.write() as con:
        if reload:
            mark_for_reload(con, entity, deliveries)
        with transaction(con):
            files = select_pending_files(con, entity, deliveries, report)
        if files and entity.reader is not None:
            with load_transaction(con, entity, files, report) as load:
                insert_typed_files(con, entity, lake, load, files)
        elif files:
            _load_records(con, entity, lake, files, report)
    if report.unknown_fields:
        names = ", ".join(report.unknown_fields)
        (log or _LOG).warning("%s: fields that the contract does not know: %s", entity.table.name, names)
    report.seconds = time.monotonic() - started
    return report


def crawl_and_load(
    entity: Entity,
    entities: Sequence[Entity],
    lake: Lake,
    warehouse: Warehouse,
    deliveries: Sequence[Delivery] | None = None,
    reload: bool = False,
    settle_seconds: float = SETTLE_SECONDS,
    log: logging.Logger | None = None,
) -> LoadReport:
    """Crawl the deliveries and load an entity's pending files; ``entities`` are the kinds of file of its measurement.

    The report counts the files that the crawl rejected too. A build crawls once for all of its loads, and calls `load`
    alone.
    """
    with warehouse.write() as con:
        crawled = crawl(con, lake, entities_of(entities, entity.measurement), deliveries, settle_seconds, log)
    report = load(entity, lake, warehouse, deliveries, reload, log)
    report.add_crawl(crawled)
    return report


def _load_records(
    con: duckdb.DuckDBPyConnection, entity: Entity, lake: Lake, files: list[PendingFile], report: LoadReport
) -> None:
    """Read files of records into temporary tables, then load their rows.

    Reading comes before the transaction: a file that DuckDB cannot read would abort it.
    """
    today = utc_now().date().isoformat()
    large = [file for file in files if bulk.can_read(entity, lake, file)]
    with progress.task(f"Loading {entity.table.name}", total=len(files)) as task:
        bulk_rows = bulk.read(con, entity, lake, large, today)
        remaining = set(files) - bulk_rows.files
        task.advance(len(files) - len(remaining))
        strict_rows = strict.read(
            con, entity, lake, sorted(remaining, key=lambda file: file.raw_path), today, task.advance
        )
    with load_transaction(con, entity, files, report) as load:
        bulk.insert(con, entity, load, bulk_rows)
        strict.insert(con, entity, load, strict_rows)
