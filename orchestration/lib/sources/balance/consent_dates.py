"""Find when the consents of the customers change next, without any new record."""

from datetime import datetime

import duckdb


def next_consent_change_at(con: duckdb.DuckDBPyConnection, after: datetime) -> datetime | None:
    """Find the next time (UTC) at which a record or a consent that is dated in the future takes effect.

    A record counts from its `lastUpdateDate` on, and its consent from `shareWithResearchAsOfDate` on. None if no date
    lies after ``after``.
    """
    row = con.execute(
        """
        select make_timestamp(min(epoch_ms) * 1000)
        from (
            select "lastUpdateDate" as epoch_ms from raw.balance_customer
            union all
            select cast(try_cast("shareWithResearchAsOfDate" as double) as bigint) as epoch_ms from raw.balance_customer
        )
        where epoch_ms > epoch_ms($after::timestamp) and epoch_ms <= 253402300799999
        """,
        {"after": after},
    ).fetchone()
    return row[0] if row else None
