"""Define the tables of the schema ``catalog``: files, loads, rejected rows, directories."""

from orchestration.lib.contract.entity import Table

FILE = Table(
    "catalog.file",
    {
        "raw_path": "VARCHAR",
        "clinic": "VARCHAR",
        "measurement": "VARCHAR",
        "delivery": "VARCHAR",
        "entity": "VARCHAR",
        "record_key": "VARCHAR",
        "path_below": "VARCHAR",
        "size_bytes": "BIGINT",
        "modified_at": "TIMESTAMP",
        "content_hash": "VARCHAR",
        "first_crawled_at": "TIMESTAMP",
        "last_crawled_at": "TIMESTAMP",
        "processed_at": "TIMESTAMP",
        "load_id": "BIGINT",
        "row_count": "BIGINT",
        "rejected_count": "BIGINT",
        "status": "VARCHAR",
        "reason": "VARCHAR",
    },
)

LOAD = Table(
    "catalog.load",
    {
        "load_id": "BIGINT",
        "measurement": "VARCHAR",
        "entity": "VARCHAR",
        "deliveries": "VARCHAR[]",
        "started_at": "TIMESTAMP",
        "finished_at": "TIMESTAMP",
        "file_count": "BIGINT",
        "row_count": "BIGINT",
        "rejected_count": "BIGINT",
        "unknown_fields": "VARCHAR[]",
        # Rows that the load replaced or dropped. Incremental models that have seen them are rebuilt.
        "removed_row_count": "BIGINT",
    },
)

REJECTED_ROW = Table(
    "catalog.rejected_row",
    {
        "raw_path": "VARCHAR",
        "line_number": "BIGINT",
        "raw_text": "VARCHAR",
        "reason": "VARCHAR",
        "load_id": "BIGINT",
    },
)

# Modification time of a directory at the last crawl: while it stands, no name in the directory has come or gone.
DIRECTORY = Table(
    "catalog.directory",
    {
        "raw_path": "VARCHAR",
        "clinic": "VARCHAR",
        "measurement": "VARCHAR",
        "delivery": "VARCHAR",
        "modified_ns": "BIGINT",
        "looked_at": "TIMESTAMP",
    },
)

TABLES = (FILE, LOAD, REJECTED_ROW, DIRECTORY)

# One row per loaded file. A byte-identical re-delivery is not loaded again, yet it says that this content was valid
# once more; so "the latest delivery wins" asks for the last delivery in which a content came, not for the one it was
# loaded from. Of several files for one record key, exactly one is current, whatever the order of arrival.
DELIVERED_CONTENT = """
create view catalog.delivered_content as
with content as (
    select
        clinic,
        measurement,
        entity,
        path_below,
        content_hash,
        min(delivery) as first_delivery,
        max(delivery) as last_delivery,
        count(*) as delivery_count
    from catalog.file
    where status in ('loaded', 'duplicate', 'missing')
    group by all
),
loaded as (
    select raw_path, clinic, measurement, delivery, entity, record_key, path_below, content_hash
    from catalog.file
    where load_id is not null and row_count > 0 and status in ('loaded', 'missing')
)
select
    loaded.raw_path,
    loaded.clinic,
    loaded.measurement,
    loaded.entity,
    loaded.record_key,
    loaded.path_below,
    loaded.content_hash,
    content.first_delivery,
    content.last_delivery,
    content.delivery_count,
    case
        when loaded.record_key is not null then row_number() over (
            partition by loaded.measurement, loaded.entity, loaded.record_key
            order by content.last_delivery desc, loaded.path_below, loaded.raw_path
        ) = 1
    end as is_current
from loaded
inner join content using (clinic, measurement, entity, path_below, content_hash)
"""
