"""Wearable: readings of participants' watches, their nights, and the study's roster."""

import dagster as dg

from orchestration.defs.deliveries import LoadConfig, chosen, delivered, materialized, step
from orchestration.lib import sources
from orchestration.lib.lake import Lake
from orchestration.lib.loader import load
from orchestration.lib.warehouse import Warehouse


def raw_asset(entity: sources.Entity, description: str) -> dg.AssetsDefinition:
    """The raw table of one kind of file."""
    key = f"wearable_{entity.name}"

    @dg.asset(
        key=["raw", key],
        group_name="wearable",
        description=description,
        kinds={"duckdb", entity.file_format},
        **delivered("wearable"),
    )
    def raw_table(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[None]:
        with step(context):
            report = load(entity, lake, warehouse, chosen(context, "wearable"), reload=config.reload, log=context.log)
            return materialized(key, report, warehouse)

    return raw_table


assets = [
    raw_asset(sources.WEARABLE_ROSTER, "Participants of a study as each roster lists them."),
    raw_asset(sources.WEARABLE_SLEEP, "Nights as a Fitbit export logs them."),
    raw_asset(sources.WEARABLE_READING, "Readings as delivered, of every metric, each as often as it came."),
]
