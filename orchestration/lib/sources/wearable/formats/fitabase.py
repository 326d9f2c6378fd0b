"""Read Fitabase's CSV files."""

import re
from datetime import datetime

from orchestration.lib.contract.entity import Field, FileContent, RejectedRow
from orchestration.lib.ingest import records
from orchestration.lib.sources.wearable.formats.readings import EXPECTED, Candidate, Columns, microseconds, value_of

_FITABASE = (
    Field("Id", "VARCHAR", "a participant", is_required=True),
    Field("Time", "VARCHAR", "a time", is_required=True),
    Field("Value", "VARCHAR", "a number", is_required=True),
)
_CLOCK = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d\d):(\d\d) ([AP])M")


def read_fitabase(content: bytes, participant: str | None) -> FileContent:
    """Read heart rate of many participants: `Id,Time,Value`, local times such as ``4/1/2016 7:54:00 AM``."""
    columns, rejected = Columns(), []
    times: dict[str, int] = {}  # the same seconds come for many participants
    for record in records.scan_csv(content, _FITABASE):
        columns.count += 1
        if record.problem:
            problem = record.problem
            if columns.count == 1 and record.line_number == 1:
                problem += f", which is the header of a Fitabase file. A wearable's file is {EXPECTED}"
            rejected.append(RejectedRow(record.line_number, record.raw_text, problem))
            continue
        owner, time, written = (record.values.get(name) for name in ("Id", "Time", "Value"))
        try:
            if not owner:
                raise ValueError("its Id is missing: expected the participant")
            if participant not in (None, owner):
                raise ValueError(f"its Id is {owner!r}, but it lies in the folder of participant {participant}")
            value = value_of(Candidate("heart_rate_bpm", None, None, "", written, None))
            local = times.get(time or "")
            if local is None:
                local = times[time or ""] = _fitabase_time(time)
        except ValueError as error:
            rejected.append(RejectedRow(record.line_number, record.raw_text, str(error)))
        else:
            columns.add(owner, "heart_rate_bpm", local, None, None, value)
    return FileContent(columns.table(), rejected)


def _fitabase_time(text: str | None) -> int:
    match = _CLOCK.fullmatch(text or "")
    try:
        if not match or not 1 <= int(match[4]) <= 12:
            raise ValueError
        month, day, year, hour, minute, second = map(int, match.groups()[:6])
        return microseconds(datetime(year, month, day, hour % 12 + 12 * (match[7] == "P"), minute, second))
    except ValueError:
        raise ValueError(f"its time is {text!r}: expected one such as 4/1/2016 7:54:00 AM") from None
