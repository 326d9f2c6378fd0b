"""The time now."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Tell the time now, UTC, without a zone: as every timestamp of the warehouse is kept."""
    return datetime.now(UTC).replace(tzinfo=None)
