"""Define the balance assets: customers with their consents, and readings of their phones and step trainers."""

import dagster as dg

from orchestration.defs.raw_assets import WAREHOUSE_POOL, raw_asset
from orchestration.lib.sources.balance.consent_funnel import funnel_of
from orchestration.lib.sources.balance.contract import BALANCE_ACCELEROMETER, BALANCE_CUSTOMER, BALANCE_STEP_TRAINER
from orchestration.lib.warehouse.connection import Warehouse


@dg.asset_check(asset=["balance", "funnel"], name="every_drop_has_its_reason", pool=WAREHOUSE_POOL)
def every_drop_has_its_reason(warehouse: dg.ResourceParam[Warehouse]) -> dg.AssetCheckResult:
    """Check zone by zone that every row is kept, or dropped for a reason that is counted."""
    funnel = funnel_of(warehouse)
    return dg.AssetCheckResult(
        passed=not funnel.gaps,
        metadata={
            "funnel": dg.MetadataValue.md(funnel.as_markdown()),
            "gaps": dg.MetadataValue.json(funnel.gaps),
            **funnel.kept,
        },
    )


assets = [
    raw_asset(BALANCE_CUSTOMER, "Customers' records: full snapshots with their consents, delivered repeatedly."),
    raw_asset(BALANCE_ACCELEROMETER, "Readings of a phone's accelerometer, under a customer's email address."),
    raw_asset(BALANCE_STEP_TRAINER, "Readings of a step trainer, under its serial number."),
]
checks = [every_drop_has_its_reason]
