"""List the directories of a delivery that are new or changed since the last crawl, and remember when they changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import duckdb
import pyarrow as pa

from orchestration.lib.contract.entity import Entity, find_entity
from orchestration.lib.core.clock import utc_now
from orchestration.lib.lake.delivery import Delivery, is_settled
from orchestration.lib.lake.directory import DirectoryEntry, DirectoryListing
from orchestration.lib.lake.files import Lake
from orchestration.lib.warehouse.arrow import insert_arrow

# Coarsest step of a file system's clock that we rely on: a directory changed within it may change again unseen.
_CLOCK_STEP_SECONDS = 0.05
# A directory's time does not show that a file in it was written on in place, as by an upload that stalls and goes on.
# So each directory is listed once a day all the same: 60,000 files take 0.5 s.
LIST_AGAIN_SECONDS = 24 * 3600.0

# Modification time of each directory, by its path; ``None`` where the next crawl must list it again.
ModifiedNs = dict[str, int | None]


@dataclass
class ListedDirectories:
    """The directories of one delivery that were listed, and the entries in them.

    Parameters
    ----------
    listed
        Directories that were listed.
    unlisted
        Directories that could not be listed, and why. Their files stay as the catalog knows them.
    gone
        Directories that a crawl has seen and that are no longer there.
    entries
        Entries in the listed directories, by path; unsettled files too, so that a known one does not count as missing.
    """

    listed: ModifiedNs = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    entries: dict[str, DirectoryEntry] = field(default_factory=dict)


def remembered_directories(con: duckdb.DuckDBPyConnection, measurement: str) -> dict[Delivery, ModifiedNs]:
    """Read when the directories of a measurement's deliveries were changed, as the last crawl saw them."""
    remembered: dict[Delivery, ModifiedNs] = {}
    for raw_path, clinic, delivery, modified_ns in con.execute(
        "select raw_path, clinic, delivery, if(looked_at > ?, modified_ns, null) from catalog.directory"
        " where measurement = ?",
        [utc_now() - timedelta(seconds=LIST_AGAIN_SECONDS), measurement],
    ).fetchall():
        remembered.setdefault(Delivery(clinic, measurement, delivery), {})[raw_path] = modified_ns
    return remembered


def list_changed(
    lake: Lake,
    entities: Sequence[Entity],
    delivery: Delivery,
    remembered: ModifiedNs,
    settle_seconds: float,
    now: float,
) -> ListedDirectories:
    """List every directory of a delivery that is new or changed, and those below it.

    Parameters
    ----------
    now
        Seconds since 1970: a directory in which something changed within ``settle_seconds`` is listed again next time.
    """
    directories = ListedDirectories()
    waiting = [
        path
        for path, modified_ns in (remembered or {delivery.path: None}).items()
        if modified_ns is None or lake.modified_ns(path) != modified_ns
    ]
    while waiting:
        path = waiting.pop()
        listing = lake.list_directory(path)
        if listing is None:
            directories.gone.append(path)
        elif listing.problem:
            directories.unlisted[path] = listing.problem
        else:
            waiting += [
                directory
                for directory in listing.directories
                if directory not in remembered and directory not in directories.listed
            ]
            directories.entries |= {entry.raw_path: entry for entry in listing.entries}
            directories.entries |= _directories_in_place_of_files(entities, delivery, listing)
            is_quiet = _is_quiet(listing, settle_seconds, now)
            directories.listed[path] = listing.modified_ns if is_quiet else None
    return directories


def _is_quiet(listing: DirectoryListing, settle_seconds: float, now: float) -> bool:
    """Return whether a directory and its files have settled."""
    return is_settled(listing.modified_ns, max(settle_seconds, _CLOCK_STEP_SECONDS), now) and all(
        entry.problem or is_settled(entry.modified_ns, settle_seconds, now) for entry in listing.entries
    )


def _directories_in_place_of_files(
    entities: Sequence[Entity], delivery: Delivery, listing: DirectoryListing
) -> dict[str, DirectoryEntry]:
    problem = "it is a directory where a file is expected: deliver the file itself"
    return {
        directory: DirectoryEntry(directory, 0, 0, problem)
        for directory in listing.directories
        if find_entity(entities, directory.removeprefix(delivery.path + "/"))
    }


def remember(con: duckdb.DuckDBPyConnection, delivery: Delivery, directories: ListedDirectories) -> None:
    """Write into the catalog when the listed directories were changed."""
    seen = directories.listed | dict.fromkeys(directories.unlisted)
    con.execute("delete from catalog.directory where raw_path in (select unnest(?))", [[*seen, *directories.gone]])
    insert_arrow(
        con,
        """
        insert into catalog.directory by name
        select *, ? as clinic, ? as measurement, ? as delivery, ?::timestamp as looked_at from rows
        """,
        pa.table(
            {
                "raw_path": pa.array(seen.keys(), pa.string()),
                "modified_ns": pa.array(seen.values(), pa.int64()),
            }
        ),
        [delivery.clinic, delivery.measurement, delivery.name, utc_now()],
    )
