"""Encode records and times as the provider's files have them."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

MS_A_DAY = 86_400_000
# From 7:00 to 16:00 at UTC-8: a test has the same day in UTC.
OPENING_MS = 15 * 3_600_000
OPEN_MS = MS_A_DAY - OPENING_MS
DAYS_A_YEAR = 365.25
# The three ways in which records stand in a file; the files use them in turn.
SHAPES = ("lines", "array", "one_after_another")


def encode_records(texts: Sequence[str], shape: str) -> bytes:
    """Write the texts of records into one file, in one of `SHAPES`."""
    match shape:
        case "array":
            text = "[\n" + ",\n".join(texts) + "\n]\n"
        case "one_after_another":
            text = "".join(texts)
        case _:
            text = "\n".join(texts) + "\n"
    return text.encode()


def epoch_ms(day: date) -> int:
    """Return the start of a day, UTC, in milliseconds since 1970."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
