"""Read JSON of any known shape, value by value."""

import json

from orchestration.lib.contract.entity import FileContent, RejectedRow
from orchestration.lib.ingest import records
from orchestration.lib.sources.wearable.formats.readings import Columns, parsed
from orchestration.lib.sources.wearable.formats.shapes import UnknownShape, candidates


def read_json(content: bytes, participant: str) -> FileContent:
    """Read the readings of one file of a participant."""
    try:
        text = content.decode("utf-8-sig")
        document = json.loads(text)
    except UnicodeDecodeError as error:
        return FileContent(reason=f"it is not UTF-8 text (byte {error.start:,}): save it as UTF-8")
    except json.JSONDecodeError as error:
        cut = " (the file ends within it)" if error.pos >= len(text.rstrip()) else ""
        raw = records.escape_unprintable(text[max(error.pos - 40, 0) : error.pos + 40])
        return FileContent(rejected=[RejectedRow(error.lineno, raw, f"it is not valid JSON: {error.msg}{cut}")])
    except RecursionError:
        return FileContent(reason="it is nested too deeply to be JSON of a wearable")
    columns, rejected, finder = Columns(), [], _Finder(text)
    try:
        for candidate in candidates(document):
            columns.count += 1
            try:
                local, utc, sleep_date, value = parsed(candidate)
            except ValueError as error:
                line, raw = finder.find(candidate.source)
                rejected.append(RejectedRow(line, raw, str(error)))
            else:
                columns.add(participant, candidate.metric, local, utc, sleep_date, value)
    except UnknownShape as error:
        return FileContent(reason=str(error))
    return FileContent(columns.table(), rejected)


class _Finder:
    """Find the lines of records in a text that was read as a whole."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.places: dict[str, int] = {}

    def find(self, record: object) -> tuple[int, str]:
        """Return line and text of a record; equal ones are found one after the other. Line 1 if its form is unusual."""
        written = [json.dumps(record), json.dumps(record, separators=(",", ":"))]
        if isinstance(record, dict):
            # indented: its first text is enough to find the line
            written += [json.dumps(value) for value in record.values() if isinstance(value, str)]
        for piece in written:
            place = self.text.find(piece, self.places.get(piece, -1) + 1)
            if place >= 0:
                self.places[piece] = place
                return self.text.count("\n", 0, place) + 1, records.escape_unprintable(
                    written[0][: records.RAW_TEXT_CHARACTERS]
                )
        return 1, records.escape_unprintable(written[0][: records.RAW_TEXT_CHARACTERS])
