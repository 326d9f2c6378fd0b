"""Open the published file for a notebook, say how fresh it is, and what to do where data is missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
import marimo as mo

from orchestration.lib.core.errors import VitalhouseError
from orchestration.lib.core.home import Home
from orchestration.lib.core.sql import quote_text
from orchestration.lib.modelling import test_results
from orchestration.lib.publish.relations import PUBLICATION
from orchestration.lib.query.published import connect_published


@dataclass(frozen=True)
class Published:
    """Hold the publication that a notebook shows. It shows a later one when the notebook is opened again."""

    home: Home
    con: duckdb.DuckDBPyConnection
    published_at: datetime
    row_counts: Mapping[str, int]
    heading: mo.Html

    def has(self, *relations: str) -> bool:
        """Return whether each of these relations is published and has rows."""
        return all(self.row_counts.get(relation) for relation in relations)

    def values(self, sql: str) -> list[Any]:
        """Read the one column of a query, for the options of a control."""
        return [value for (value,) in self.con.execute(sql).fetchall()]

    def row(self, sql: str) -> tuple[Any, ...]:
        """Read the first row of a query that has one."""
        row = self.con.execute(sql).fetchone()
        assert row is not None
        return row


def open_publication(
    title: str, about: str, *, source: str | None = None, needs: Iterable[str] = (), reads: Iterable[str] = ()
) -> Published:
    """Open the current publication; if there is nothing to show, end the notebook with a message.

    Parameters
    ----------
    title, about
        Heading of the page, and a sentence on what it shows, as Markdown.
    source
        The measurement whose data it shows, for the commands of an empty state; without it, all measurements.
    needs
        Relations (``ecg.run``) that must have rows. If one has none, the notebook ends with the commands to type.
    reads
        Relations that may be empty, but must exist.

    Returns
    -------
    The publication. Show its ``heading``; its connection is the notebook's own, and no build waits for it.
    """
    home = Home.from_environment()
    con, row_counts, published_at, problem = _open(home)
    if problem is None and not all(row_counts.get(relation) for relation in needs):
        problem = f"No {source or 'such'} data is published."
    if problem is None and not all(relation in row_counts for relation in reads):
        problem = "The publication was made by an older version of Vitalhouse."
    mo.stop(problem is not None, mo.vstack([_heading(title, about), missing(problem or "", *commands(source))]))
    return Published(home, con, published_at, row_counts, _heading(title, about, _freshness(published_at)))


def _open(home: Home) -> tuple[duckdb.DuckDBPyConnection, dict[str, int], datetime, str | None]:
    """Open the published file; or an empty database, and return the problem too."""
    con, problem = duckdb.connect(":memory:"), ""
    try:
        con = connect_published(home.published_path)
        # Columns hold paths relative to the lake: `read_parquet(signal_path)` finds them.
        con.execute(f"set file_search_path = {quote_text(str(home.lake_path))}")
        rows = con.execute(f"select relation, row_count, published_at from {PUBLICATION}").fetchall()
        return con, {relation: row_count for relation, row_count, _ in rows}, max(at for *_, at in rows), None
    except VitalhouseError:
        problem = "Nothing is published yet."
    except duckdb.Error as error:
        # Written by another version of DuckDB, or not by Vitalhouse at all.
        problem = f"The published file cannot be read: {str(error).splitlines()[0]}"
    return con, {}, datetime.min, problem


def commands(source: str | None) -> tuple[str, ...]:
    """Return the commands that make data of a source, or of all."""
    return f"vitalhouse generate {source or 'all'}", "vitalhouse build"


def missing(message: str, *commands: str) -> mo.Html:
    """Show an empty state: the message, and the commands that make the data."""
    typed = "\n".join(f"    {command}" for command in commands)
    how = f"\n\nPut files into the lake, or try it with sample deliveries. Type in a terminal:\n\n{typed}"
    return mo.callout(mo.md(f"**{message}**{how if commands else ''}"), kind="neutral")


def _heading(title: str, about: str, freshness: str = "") -> mo.Html:
    return mo.md(f"# {title}\n\n{about}\n\n<small>{freshness}</small>")


def _freshness(published_at: datetime) -> str:
    age = datetime.now(UTC).replace(tzinfo=None) - published_at
    return (
        f"Published {published_at:%Y-%m-%d %H:%M} UTC, {_age(age.total_seconds())} before this page was opened. "
        "Reload the page to see a newer publication. All times are UTC."
    )


def _age(seconds: float) -> str:
    """Write a duration in the largest unit of which it has two or more."""
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"


def readable(publication: Published, path: str) -> bool:
    """Return whether the notebook's process can read a file of the lake, named relative to it."""
    try:
        (publication.home.lake_path / path).open("rb").close()
    except OSError:
        return False
    return True


def text(value: Any) -> str:
    """Write a text literal for an SQL cell, so that a choice stays a value."""
    return quote_text(str(value))


def texts(values: Iterable[Any]) -> str:
    """Write a list of text literals for an SQL cell, as ``in`` and ``list_contains`` take it."""
    return "[" + ", ".join(map(text, values)) + "]"


def failed_checks(home: Home) -> list[test_results.Check]:
    """Read the failed checks of the latest builds, those first that keep a build from publishing."""
    failed = [check for check in test_results.read(home.checks_path) if check.is_bad]
    return sorted(failed, key=lambda check: (check.status == "warn", check.relation, check.name))
