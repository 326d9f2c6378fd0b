"""Find new deliveries: claim and crawl, wait for files to settle, and select the deliveries with files to load."""

from __future__ import annotations

import time
from collections.abc import Sequence

import duckdb

from orchestration.lib.catalog.crawl import crawl
from orchestration.lib.contract.entity import Entity
from orchestration.lib.core import progress
from orchestration.lib.lake.claim import claim
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery, is_settled
from orchestration.lib.lake.files import Lake


def claim_settled(lake: Lake, entities: Sequence[Entity]) -> None:
    """Claim the files in ``latest/``; wait first for files that have just been put there to settle."""
    measurements = dict.fromkeys(entity.measurement for entity in entities)
    if any(_is_being_written(lake, measurement) for measurement in measurements):
        wait_until_settled("files in latest/")
    for delivery in claim(lake, entities):
        progress.write(f"claimed {delivery.measurement} delivery {delivery.key}")


def crawl_settled(con: duckdb.DuckDBPyConnection, lake: Lake, entities: Sequence[Entity]) -> None:
    """Crawl the deliveries of one measurement; wait for files that have just changed to settle, and crawl again."""
    unsettled_count = crawl(con, lake, entities).unsettled_count
    if unsettled_count:
        wait_until_settled(f"{unsettled_count:,} {entities[0].measurement} files")
        crawl(con, lake, entities)


def changed_deliveries(
    lake: Lake, con: duckdb.DuckDBPyConnection, measurement: str, settle_seconds: float = SETTLE_SECONDS
) -> dict[str, int]:
    """Find the deliveries that have settled since a crawl saw them last, or have files to load.

    Parameters
    ----------
    settle_seconds
        0 for deliveries that never settle, since somebody always writes into them.

    Returns
    -------
    The time of the newest change below each delivery in nanoseconds, by the delivery's key: by that time a caller knows
    which changes it has acted on already.
    """
    rows = con.execute(
        "select clinic, delivery, raw_path, modified_ns from catalog.directory where measurement = ?", [measurement]
    ).fetchall()
    changed = {
        (Delivery(clinic, measurement, name), path)
        for clinic, name, path, modified_ns in rows
        if lake.modified_ns(path) != modified_ns
    }
    known = {Delivery(clinic, measurement, name) for clinic, name, _, _ in rows}
    changed |= {(delivery, delivery.path) for delivery in lake.deliveries(measurement) if delivery not in known}
    newest = dict.fromkeys(pending_deliveries(con, measurement), 0)
    for delivery, path in changed:
        newest[delivery] = max(newest.get(delivery, 0), _newest_change(lake, path))
    now = time.time()
    return {delivery.key: change for delivery, change in newest.items() if is_settled(change, settle_seconds, now)}


def _newest_change(lake: Lake, path: str) -> int:
    """Find the time of the last change of a directory or anything below it; 0 if it is gone."""
    newest, folders = 0, [path]
    while folders:
        listing = lake.list_directory(folders.pop())
        if listing is not None:
            newest = max(newest, listing.modified_ns, *(entry.modified_ns for entry in listing.entries))
            folders += listing.directories
    return newest


def pending_deliveries(con: duckdb.DuckDBPyConnection, measurement: str) -> set[Delivery]:
    """Select the deliveries that have files to load."""
    rows = con.execute(
        "select distinct clinic, delivery from catalog.file where measurement = ? and status = 'pending'", [measurement]
    ).fetchall()
    return {Delivery(clinic, measurement, name) for clinic, name in rows}


def _is_being_written(lake: Lake, measurement: str) -> bool:
    """Return whether a file below a ``latest/`` of this measurement has not settled."""
    incoming = lake.list_directory("incoming")
    clinics = incoming.directories if incoming else ()
    folders = [f"{clinic}/measurement={measurement}/latest" for clinic in clinics]
    while folders:
        listing = lake.list_directory(folders.pop())
        if listing is None:
            continue
        if not all(is_settled(entry.modified_ns, SETTLE_SECONDS, time.time()) for entry in listing.entries):
            return True
        folders += listing.directories
    return False


def wait_until_settled(files: str) -> None:
    """Wait for files to settle, and say so; ``files`` names them in words."""
    progress.write(f"{files} changed within the last {SETTLE_SECONDS:.0f} s: waiting that long, in case more follows")
    time.sleep(SETTLE_SECONDS)
