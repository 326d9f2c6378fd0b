"""The catalog's tables: written by every load along with its rows, so they are no step of their own."""

from collections.abc import Sequence

import dagster as dg

DESCRIPTIONS = {
    "file": "One row per file ever seen in the lake, and what became of it.",
    "load": "One row per load transaction.",
    "rejected_row": "One row per row of a file that was not loaded, with its text and the reason.",
    "delivered_content": "One row per loaded file, with the deliveries in which its content came.",
}


def tables(raw_assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetSpec]:
    """Assets of the catalog that dbt and the publication read, downstream of what writes them."""
    return [
        dg.AssetSpec(["catalog", name], deps=raw_assets, group_name="catalog", description=text, kinds={"duckdb"})
        for name, text in DESCRIPTIONS.items()
    ]
