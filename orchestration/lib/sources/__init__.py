"""The registry of sources: their kinds of file, and the raw tables that the rows of these land in.

A source is a package here. General code gets these contracts as arguments and knows no source by name.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.catalog.schema import create_tables
from orchestration.lib.contract.entity import Entity, Table
from orchestration.lib.sources.balance import contract as balance
from orchestration.lib.sources.balance.consent_dates import next_consent_change_at
from orchestration.lib.sources.bloodtest import contract as bloodtest
from orchestration.lib.sources.ecg import contract as ecg
from orchestration.lib.sources.practice import contract as practice
from orchestration.lib.sources.wearable import contract as wearable
from orchestration.lib.warehouse.connection import Warehouse

ENTITIES: tuple[Entity, ...] = (
    *ecg.ENTITIES,
    *bloodtest.ENTITIES,
    *practice.ENTITIES,
    *balance.ENTITIES,
    *wearable.ENTITIES,
)

# Raw tables that a transform fills rather than the loader.
COMPUTED_TABLES: tuple[Table, ...] = ecg.COMPUTED_TABLES

MEASUREMENTS: tuple[str, ...] = tuple(dict.fromkeys(entity.measurement for entity in ENTITIES))

# Functions that find when the marts of a source change next without a new file: for sources whose models use the
# time of the build.
NEXT_CHANGE_AT: Mapping[str, Callable[[duckdb.DuckDBPyConnection, datetime], datetime | None]] = {
    "balance": next_consent_change_at,
}


def open_warehouse(path: Path, **options: Any) -> Warehouse:
    """Return the warehouse at a path, in which the tables of every source exist; options as of `Warehouse`."""
    return Warehouse(path, partial(create_tables, entities=ENTITIES, computed_tables=COMPUTED_TABLES), **options)
