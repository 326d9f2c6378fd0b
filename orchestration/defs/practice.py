"""Practice: the claims, diagnoses and patients of doctor's offices, as the listener and the offices deliver them."""

import dagster as dg

from orchestration.defs.deliveries import LoadConfig, chosen, delivered, materialized, step
from orchestration.lib import sources
from orchestration.lib.lake import Lake
from orchestration.lib.loader import load
from orchestration.lib.warehouse import Warehouse


def raw_asset(entity: sources.Entity, description: str) -> dg.AssetsDefinition:
    """The raw table of one kind of file."""
    key = f"practice_{entity.name}"

    @dg.asset(
        key=["raw", key],
        group_name="practice",
        description=description,
        kinds={"duckdb", entity.file_format},
        **delivered("practice"),
    )
    def raw_table(
        context: dg.AssetExecutionContext,
        config: LoadConfig,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
    ) -> dg.MaterializeResult[None]:
        with step(context):
            report = load(entity, lake, warehouse, chosen(context, "practice"), reload=config.reload, log=context.log)
            return materialized(key, report, warehouse)

    return raw_table


assets = [
    raw_asset(sources.PRACTICE_CLAIM, "Claims as received, each id as often as it came."),
    raw_asset(sources.PRACTICE_DIAGNOSIS, "Diagnoses as received, each id as often as it came."),
    raw_asset(sources.PRACTICE_PATIENT, "Lists of the offices' patients as delivered."),
]
