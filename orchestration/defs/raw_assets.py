"""Define what the raw assets of all sources have in common: a partition a delivery, the warehouse pool, metadata."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypedDict

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
    """Options of a load."""

    reload: bool = Field(default=False, description="Replace the rows of these deliveries, changed or not.")


class TransformConfig(LoadConfig):
    """Options of a load with a computation."""

    recompute: bool = Field(default=False, description="Compute again what an older version of the transform computed.")


class Report(Protocol):
    """The report of a load or a transform."""

    def as_metadata(self) -> dict[str, int | float | str]:
        """Convert to Dagster's metadata."""


def partitions_of(measurement: str) -> dg.DynamicPartitionsDefinition:
    """Define a partition for each delivery of a measurement; its key is ``clinic/delivery``."""
    return dg.DynamicPartitionsDefinition(name=f"{measurement}_deliveries")


class RawAssetOptions(TypedDict):
    """Arguments of the decorator of an asset whose rows come from deliveries."""

    partitions_def: dg.DynamicPartitionsDefinition
    backfill_policy: dg.BackfillPolicy
    pool: str


def raw_asset_options(measurement: str) -> RawAssetOptions:
    """Return the decorator's arguments for an asset whose rows come from a measurement's deliveries."""
    return {
        "partitions_def": partitions_of(measurement),
        # The loader reads many files at once, so one run loads all selected deliveries.
        "backfill_policy": dg.BackfillPolicy.single_run(),
        "pool": WAREHOUSE_POOL,
    }


def selected_deliveries(context: dg.AssetExecutionContext, measurement: str) -> list[Delivery]:
    """Return the deliveries of this run."""
    keys = (key.split("/", 1) for key in context.partition_keys)
    return [Delivery(clinic, measurement, name) for clinic, name in keys]


@contextmanager
def user_errors_as_failures(context: dg.AssetExecutionContext) -> Iterator[None]:
    """Show progress in the run's log; fail with the message of an error that a user can mend, not with a traceback."""
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
    """Report a load of a raw table, with the rows that the table has now."""
    # A raw table that is a view has as many rows as the table of its values, which is quick to count.
    stored = {entity.table.name: entity.tables[-1].name for entity in ENTITIES if entity.tables}
    table = stored.get(f"raw.{key}", f"raw.{key}")
    row_count = count_rows(warehouse, [table])[table]
    return dg.MaterializeResult(
        asset_key=["raw", key], metadata={**report.as_metadata(), "dagster/row_count": row_count}
    )


def raw_asset(entity: Entity, description: str) -> dg.AssetsDefinition:
    """Define the asset of a raw table, which is loaded from one kind of file."""
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
