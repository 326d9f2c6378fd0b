"""A made-up source with every kind of field that a contract can have: what the loader does for one, it does for all."""

import re

from orchestration.lib.contract.entity import Entity, Field

READING = Entity(
    measurement="gadget",
    name="reading",
    path_pattern=re.compile(r"(?P<room>[^/]+)/[^/]+\.json"),
    path_example="<room>/<any>.json",
    path_columns={"room": ("VARCHAR", lambda match: match["room"])},
    fields=(
        Field("id", "BIGINT", "a whole number", is_required=True),
        Field("email", "VARCHAR", "an address", is_required=True, aliases=("user",)),
        # Names that differ in case alone, as the maker of a real device wrote them.
        Field("measured_at_ms", "BIGINT", "a time in ms", aliases=("timestamp", "timeStamp")),
        # A field with the name of a folder of the lake.
        Field("practice", "VARCHAR", "a name", aliases=("clinic",)),
        Field("reading", "DOUBLE", "a number of 0 or more", check="{value} >= 0"),
        Field("level", "TINYINT", "1, 2 or 3", check="{value} between 1 and 3"),
        Field("price", "DECIMAL(12,2)", "an amount"),
        Field("taken_on", "DATE", "a day"),
        Field("is_ok", "BOOLEAN", "true or false"),
        Field("detail", "VARCHAR", "anything"),
    ),
)

# Without a field that must be there: whatever is an object is a record.
NOTE = Entity(
    measurement="gadget",
    name="note",
    path_pattern=re.compile(r"[^/]+\.note"),
    path_example="<any>.note",
    fields=(Field("text", "VARCHAR", "anything"), Field("stars", "INTEGER", "a whole number")),
)

GADGET = (READING, NOTE)
