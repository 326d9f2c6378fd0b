"""Files of a study's watches, and how they are loaded."""

import json
from collections.abc import Sequence
from pathlib import Path

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.ingest.load import crawl_and_load
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.wearable.contract import WEARABLE_READING, WEARABLE_ROSTER, WEARABLE_SLEEP
from orchestration.lib.warehouse.connection import Warehouse

STUDY = "watch_study"
ENTITIES = (WEARABLE_ROSTER, WEARABLE_SLEEP, WEARABLE_READING)


def heart_rate_file(day: str, *readings: tuple[str, object], resting: int | None = None) -> bytes:
    """A day of heart rate as `wearipedia` keeps it from the Fitbit Web API: times of day and values."""
    dataset = [{"time": time, "value": value} for time, value in readings]
    value = {} if resting is None else {"restingHeartRate": resting}
    heart = {
        "activities-heart": [{"dateTime": day, "value": value}],
        "activities-heart-intraday": {"dataset": dataset, "datasetInterval": 1, "datasetType": "second"},
    }
    return json.dumps([{"heart_rate_day": [heart]}]).encode()


def roster_file(*lines: str) -> bytes:
    """A roster of these lines; a bare id has taken part in Berlin since 20 October 2024, with a token."""
    header = "participant_id,enrolled_on,withdrawn_on,timezone,has_token"
    full = [line if "," in line else f"{line},2024-10-20,,Europe/Berlin,true" for line in lines]
    return ("\n".join([header, *full]) + "\n").encode()


def put(lake: Lake, delivery: str, path_below: str, content: bytes) -> Path:
    """Write a file of a delivery, over one that may be there, as a careful provider does."""
    path = lake.path(Delivery(STUDY, "wearable", delivery).path) / path_below
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(path.name + ".part")
    written.write_bytes(content)
    written.replace(path)
    return path


def ingest(lake: Lake, warehouse: Warehouse, deliveries: Sequence[Delivery] | None = None) -> list[LoadReport]:
    """Load what has come: rosters, nights and readings."""
    return [crawl_and_load(entity, ENTITIES, lake, warehouse, deliveries, settle_seconds=0) for entity in ENTITIES]
