"""The catalog's tables. Every load writes them in the transaction of its rows, so no step of their own makes them.

They have no upstream here for that reason: an edge from each raw table to each of them would hide all others.
"""

import dagster as dg

DESCRIPTIONS = {
    "file": "One row per file ever seen in the lake, and what became of it. Written by every load.",
    "load": "One row per load transaction. Written by every load.",
    "rejected_row": "One row per row of a file that was not loaded, with its text and the reason.",
    "delivered_content": "One row per loaded file, with the deliveries in which its content came. A view.",
}
tables = [
    dg.AssetSpec(["catalog", name], group_name="catalog", description=text, kinds={"duckdb"})
    for name, text in DESCRIPTIONS.items()
]
