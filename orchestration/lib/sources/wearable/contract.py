"""Describe the files of a study's watches: its roster, nights and readings of each participant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchestration.lib.contract.entity import Entity, Field
from orchestration.lib.sources.wearable.series_storage import SeriesStorage

if TYPE_CHECKING:
    from orchestration.lib.contract.entity import FileContent

__all__ = ["WEARABLE_READING", "WEARABLE_ROSTER", "WEARABLE_SLEEP"]


def _read_readings(content: bytes, match: re.Match[str]) -> FileContent:
    # Imported when there is something to read: who needs only the contracts needs no numpy.
    from orchestration.lib.sources.wearable.formats import read_readings

    return read_readings(content, match["participant"])


_PARTICIPANT = r"participant=(?P<participant>[^/=]+)/"

WEARABLE_ROSTER = Entity(
    measurement="wearable",
    name="roster",
    path_pattern=re.compile(r"roster\.csv"),
    path_example="roster.csv",
    file_format="csv",
    fields=(
        Field("participant_id", "VARCHAR", "an id such as p001, as in the folder participant=p001", is_required=True),
        Field("enrolled_on", "DATE", "a day as YYYY-MM-DD", is_required=True),
        Field("withdrawn_on", "DATE", "a day as YYYY-MM-DD, or nothing", cast="try_cast(nullif({value}, '') as date)"),
        Field(
            "timezone",
            "VARCHAR",
            "an IANA time zone such as Europe/Berlin",
            is_required=True,
            check="{value} in (select name from pg_timezone_names())",
        ),
        Field("has_token", "BOOLEAN", "true or false", is_required=True),
    ),
)

# A night's sleep as the Fitbit export logs it, one object each.
WEARABLE_SLEEP = Entity(
    measurement="wearable",
    name="sleep",
    path_pattern=re.compile(_PARTICIPANT + r"sleep[^/]*\.json(\.gz)?"),
    path_example="participant=<id>/sleep<any>.json[.gz]",
    path_columns={"participant": ("VARCHAR", lambda match: match["participant"])},
    fields=(
        Field("logId", "BIGINT", "a whole number of up to 64 bits", is_required=True),
        Field("dateOfSleep", "DATE", "a day as YYYY-MM-DD", is_required=True),
        Field("startTime", "TIMESTAMP", "a local time as YYYY-MM-DDTHH:MM:SS", is_required=True),
        Field("endTime", "TIMESTAMP", "a local time as YYYY-MM-DDTHH:MM:SS", is_required=True),
        # A day and an hour: nobody sleeps longer, and the clock may change once.
        Field("duration", "BIGINT", "milliseconds from 0 to 25 hours", check="{value} between 0 and 90000000"),
        Field("minutesAsleep", "INTEGER", "minutes from 0 to 1500", check="{value} between 0 and 1500"),
        Field("mainSleep", "BOOLEAN", "true or false"),
        Field("levels", "VARCHAR", "an object"),
    ),
)

WEARABLE_READING = Entity(
    measurement="wearable",
    name="reading",
    path_pattern=re.compile(rf"({_PARTICIPANT}[^/]+\.(json|csv)|[^/]+\.csv)(\.gz)?"),
    path_example="participant=<id>/<metric><any>.json[.gz] or a Fitabase <any>.csv[.gz]",
    reader=_read_readings,
    storage=SeriesStorage(shared=("participant", "metric")),
    fields=(
        Field("participant", "VARCHAR", "a participant"),
        Field("metric", "VARCHAR", "a metric"),
        Field("local_time", "TIMESTAMP", "a local time"),
        Field("utc_time", "TIMESTAMP", "a UTC time"),
        Field("sleep_date", "DATE", "a day"),
        Field("value", "DOUBLE", "a number"),
    ),
)

ENTITIES = (WEARABLE_ROSTER, WEARABLE_SLEEP, WEARABLE_READING)
