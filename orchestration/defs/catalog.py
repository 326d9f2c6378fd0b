"""Define the catalog's tables as external assets: every load writes them, in the same transaction as its rows.

They have no upstream assets here: an edge from each raw table to each of them would hide all other edges.
"""

import dagster as dg

DESCRIPTIONS = {
    "file": "One row per file ever seen in the lake, with its status. Written by every load.",
    "load": "One row per load transaction. Written by every load.",
    "rejected_row": "One row per row of a file that was rejected, with its text and the reason.",
    "delivered_content": "One row per loaded file, with the deliveries that had its content. A view.",
}
tables = [
    dg.AssetSpec(["catalog", name], group_name="catalog", description=text, kinds={"duckdb"})
    for name, text in DESCRIPTIONS.items()
]
