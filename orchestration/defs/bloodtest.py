"""Blood tests: what comes from a clinic's deliveries, patients and tests side by side."""

import dagster as dg

from orchestration.defs.deliveries import LoadConfig, chosen, delivered, materialized, step
from orchestration.lib import sources
from orchestration.lib.lake import Lake
from orchestration.lib.loader import load
from orchestration.lib.warehouse import Warehouse


def raw_asset(entity: sources.Entity, description: str) -> dg.AssetsDefinition:
    """The raw table of one kind of file."""
    key = f"{entity.measurement}_{entity.name}"

    @dg.asset(
        key=["raw", key],
        group_name=entity.measurement,
        kinds={"duckdb", "json"},
        description=description,
        **delivered(entity.measurement),
    )
    def table(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[None]:
        with step(context):
            report = load(
                entity, lake, warehouse, chosen(context, entity.measurement), reload=config.reload, log=context.log
            )
            return materialized(key, report, warehouse)

    return table


assets = [
    raw_asset(sources.BLOODTEST_PATIENT, "Patients in the chosen deliveries, with their doctors, as received."),
    raw_asset(sources.BLOODTEST_LOG, "Blood tests in the chosen deliveries, as received."),
]
