"""The source contracts: which files a measurement consists of, and the raw tables their rows land in.

A source is a module here: ``ENTITIES`` takes its kinds of file in, and its ``__all__`` says what callers may name. The
loader, the catalog and the command line read the contracts and know no source by name.
"""

import re

from orchestration.lib.sources import balance, bloodtest, ecg, practice, wearable
from orchestration.lib.sources.balance import *
from orchestration.lib.sources.bloodtest import *
from orchestration.lib.sources.contract import Entity as Entity
from orchestration.lib.sources.contract import Field as Field
from orchestration.lib.sources.contract import Table as Table
from orchestration.lib.sources.ecg import *
from orchestration.lib.sources.practice import *
from orchestration.lib.sources.wearable import *

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


def raw_tables() -> tuple[Table, ...]:
    """Every table of the schema ``raw``."""
    return (*(table for entity in ENTITIES for table in entity.stored), *COMPUTED_TABLES)


def raw_views() -> dict[str, str]:
    """Views of the schema ``raw``: the SQL that makes each, by name."""
    return {entity.table.name: entity.view_sql for entity in ENTITIES if entity.view_sql is not None}


def entities_of(measurement: str) -> tuple[Entity, ...]:
    """The kinds of file of one measurement."""
    return tuple(entity for entity in ENTITIES if entity.measurement == measurement)


def recognise(measurement: str, path_below: str) -> tuple[Entity, re.Match[str]] | None:
    """Find the entity that a file belongs to, from its path below the delivery."""
    for entity in entities_of(measurement):
        if match := entity.match(path_below):
            return entity, match
    return None
