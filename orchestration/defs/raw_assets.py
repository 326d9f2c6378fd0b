"""What the raw assets of all sources have in common: a partition a delivery, the warehouse pool, what they report."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import dagster as dg
from pydantic import Field

from orchestration.lib.build.partitions import BUILD_TAG
from orchestration.lib.catalog.crawl import CrawlReport, crawl
from orchestration.lib.contract.entity import Entity, entities_of
from orchestration.lib.core import progress
from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.ingest.load import load
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.warehouse.connection import Warehouse
from orchestration.lib.warehouse.row_counts import count_rows

WAREHOUSE_POOL = "warehouse"

# Dagster is pinned exactly, so that a beta parameter cannot change under us.
warnings.filterwarnings("ignore", message="Parameter `backfill_policy`", category=dg.BetaWarning)


class LoadConfig(dg.Config):
    """What may be asked of a load beyond taking what is new."""

    reload: bool = Field(default=False, description="Replace the rows of these deliveries, changed or not.")


class TransformConfig(LoadConfig):
    """What may be asked of a computation beyond taking what is new."""

    recompute: bool = Field(default=False, description="Compute again what an older version of the transform computed.")


class Report(Protocol):
    """What the loader and the transforms report."""

    def as_metadata(self) -> dict[str, int | float | str]: ...


def partitions_of(measurement: str) -> dg.DynamicPartitionsDefinition:
    """The deliveries of a measurement; a partition's key is ``clinic/delivery``."""
    return dg.DynamicPartitionsDefinition(name=f"{measurement}_deliveries")


def raw_asset_options(measurement: str) -> dict[str, Any]:
    """What an asset needs that takes its rows from a measurement's deliveries."""
    return {
        "partitions_def": partitions_of(measurement),
        # The loader reads many files at once, so all chosen deliveries are one run.
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "pool": WAREHOUSE_POOL,
    }


def selected_deliveries(context: dg.AssetExecutionContext, measurement: str) -> list[Delivery]:
    """The deliveries that this run is about."""
    keys = (key.split("/", 1) for key in context.partition_keys)
    return [Delivery(clinic, measurement, name) for clinic, name in keys]


@contextmanager
def user_errors_as_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Show progress in the run's log; where a user can mend what fails, fail with its message, not with a traceback."""
    with progress.showing_in(context.log):
        try:
            yield
        except VitalhouseError as error:
            raise dg.Failure(str(error), metadata={"problems": dg.JsonMetadataValue([str(error)])}) from None


def crawl_unless_built(
    context: dg.AssetExecutionContext,
    lake: Lake,
    warehouse: Warehouse,
    measurement: str,
    deliveries: Sequence[Delivery],
) -> CrawlReport:
    """Crawl the deliveries, unless the run is part of a `vitalhouse build`, which has crawled them before."""
    if BUILD_TAG in context.run.tags:
        return CrawlReport()
    with warehouse.write() as con:
        return crawl(con, lake, entities_of(ENTITIES, measurement), deliveries, log=context.log)


def materialized(key: str, report: Report, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    """What the UI shows of a raw table after a load: what came, and how many rows the table has now."""
    # Of a raw table that is a view, the table of its values says the same, and at once.
    stored = {entity.table.name: entity.tables[-1].name for entity in ENTITIES if entity.tables}
    table = stored.get(f"raw.{key}", f"raw.{key}")
    row_count = count_rows(warehouse, [table])[table]
    return dg.MaterializeResult(
        asset_key=["raw", key], metadata={**report.as_metadata(), "dagster/row_count": row_count}
    )


def raw_asset(entity: Entity, description: str) -> dg.AssetsDefinition:
    """The raw table of one kind of file, loaded as it was delivered."""
    key, measurement = f"{entity.measurement}_{entity.name}", entity.measurement

    @dg.asset(
        key=["raw", key],
        group_name=measurement,
        description=description,
        kinds={"duckdb", entity.file_format},
        **raw_asset_options(measurement),
    )
    def raw_table(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[None]:
        with user_errors_as_failures(context):
            deliveries = selected_deliveries(context, measurement)
            crawled = crawl_unless_built(context, lake, warehouse, measurement, deliveries)
            report = load(entity, lake, warehouse, deliveries, reload=config.reload, log=context.log)
            report.add_crawl(crawled)
            return materialized(key, report, warehouse)

    return raw_table
