"""Define the ECG assets: headers from a clinic's deliveries, and features computed from the signals."""

import dagster as dg

from orchestration.defs.raw_assets import (
    LoadConfig,
    TransformConfig,
    crawl_unless_built,
    materialized,
    raw_asset_options,
    selected_deliveries,
    user_errors_as_failures,
)
from orchestration.lib.ingest.load import load
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER
from orchestration.lib.sources.ecg.transform import transform_runs
from orchestration.lib.warehouse.connection import Warehouse


@dg.asset(key=["raw", "ecg_run_header"], group_name="ecg", kinds={"duckdb", "json"}, **raw_asset_options("ecg"))
def ecg_run_header(
    context: dg.AssetExecutionContext,
    config: LoadConfig,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult[None]:
    """Load the headers of the ECG runs in the chosen deliveries: sampling rate, units, date, age and sex."""
    with user_errors_as_failures(context):
        deliveries = selected_deliveries(context, "ecg")
        crawled = crawl_unless_built(context, lake, warehouse, "ecg", deliveries)
        report = load(ECG_RUN_HEADER, lake, warehouse, deliveries, reload=config.reload, log=context.log)
        report.add_crawl(crawled)
        return materialized("ecg_run_header", report, warehouse)


@dg.multi_asset(
    name="ecg_transform",
    group_name="ecg",
    specs=[
        dg.AssetSpec(
            ["raw", "ecg_run_feature"],
            deps=[ecg_run_header],
            kinds={"duckdb", "parquet", "numpy"},
            description="Beats, intervals, waves, quality and mean beat of each run; signals go to Parquet files.",
        ),
        dg.AssetSpec(
            ["raw", "ecg_run_similarity"],
            deps=[ecg_run_header],
            kinds={"duckdb", "numpy"},
            description="Pairs of one subject's runs whose filtered signals are nearly the same.",
        ),
    ],
    **raw_asset_options("ecg"),
)
def ecg_transform(
    context: dg.AssetExecutionContext,
    config: TransformConfig,
    lake: dg.ResourceParam[Lake],
    warehouse: dg.ResourceParam[Warehouse],
) -> tuple[dg.MaterializeResult[None], dg.MaterializeResult[None]]:
    """Filter the runs' signals, find their beats and compute their features."""
    with user_errors_as_failures(context):
        report = transform_runs(
            lake,
            warehouse,
            selected_deliveries(context, "ecg"),
            reload=config.reload,
            recompute=config.recompute,
            log=context.log,
        )
        return (
            materialized("ecg_run_feature", report, warehouse),
            materialized("ecg_run_similarity", report, warehouse),
        )


assets = [ecg_run_header, ecg_transform]
