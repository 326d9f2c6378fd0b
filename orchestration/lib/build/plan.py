"""Plan the runs of a build, and report its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from orchestration.lib.core.errors import UsageError
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.sources import MEASUREMENTS

if TYPE_CHECKING:
    pass

from orchestration.lib.build.partitions import partition_ranges

# More would scroll the summary away; `vitalhouse status` and catalog.rejected_row have them all.
SHOWN = 20
# Sources that are modelled one by one. Each pays dbt's start again, some 4 s; all models of all sources together take
# 22 s, so from the third source on one run of all is about as quick.
ALONE = 2


@dataclass(frozen=True)
class Request:
    """The options of a build. ``deliveries`` are names, or ``clinic/name``; none named means all."""

    measurement: str | None = None
    deliveries: tuple[str, ...] = ()
    reload: bool = False
    recompute: bool = False
    full_refresh: bool = False

    @property
    def is_explicit(self) -> bool:
        """Return whether an option asks for work even if nothing is new."""
        return self.reload or self.recompute or self.full_refresh

    @property
    def measurements(self) -> tuple[str, ...]:
        """Return the measurements to build.

        Raises
        ------
        UsageError
            If the requested one does not exist.
        """
        if self.measurement is None:
            return MEASUREMENTS
        if self.measurement not in MEASUREMENTS:
            known = ", ".join(MEASUREMENTS)
            raise UsageError(f"there is no measurement {self.measurement}: choose from {known}")
        return (self.measurement,)


@dataclass
class Report:
    """The result of a build, in lines to print.

    ``failures`` ended it; ``rejected`` was refused in it; ``waiting`` misses its partner. Of the latter two the first
    ``SHOWN`` are named and all are counted. ``row_counts`` is empty where nothing was new since ``last_news_at`` (UTC).
    """

    failures: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    rejected_count: int = 0
    waiting: list[str] = field(default_factory=list)
    waiting_count: int = 0
    row_counts: dict[str, int] = field(default_factory=dict)
    previous_row_counts: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    last_news_at: str | None = None

    @property
    def is_good(self) -> bool:
        """Return whether every delivered file was loaded and every test passed."""
        return not self.failures and not self.rejected_count


@dataclass(frozen=True)
class Run:
    """One run of a job: for a range of partitions (first and last key), or without; of its raw assets or of all."""

    job: str
    keys: tuple[str, str] | None = None
    part: str = "all"


def plan(request: Request, news: Mapping[str, Sequence[Delivery]], known: Mapping[str, Sequence[str]]) -> list[Run]:
    """Plan the runs of a build.

    A measurement is one run of its job. Of more than `ALONE`, each is loaded by a job of its own, and all models and
    tests, those of the raw tables included, are run once, by the job ``marts``.
    """
    ranges = {
        measurement: partition_ranges(
            [delivery.key for delivery in deliveries], known[measurement], exact=request.reload
        )
        for measurement, deliveries in news.items()
    }
    if len(news) > ALONE:
        loads = [Run(f"load_{measurement}", keys) for measurement, of_source in ranges.items() for keys in of_source]
        return [*loads, Run("marts")]
    runs: list[Run] = []
    for measurement, of_source in ranges.items():
        if len(of_source) == 1:
            runs.append(Run(measurement, of_source[0]))
        else:
            runs += [*(Run(measurement, keys, "raw") for keys in of_source), Run(measurement, part="marts")]
    return runs


@dataclass(frozen=True)
class RejectionSnapshot:
    """The rejections up to a moment, with which later ones are compared."""

    last_load_id: int
    raw_paths: frozenset[str]

    @classmethod
    def of(cls, con: duckdb.DuckDBPyConnection) -> RejectionSnapshot:
        """Note the present rejections."""
        rows = con.execute("select raw_path from catalog.file where status = 'rejected'").fetchall()
        load_id = con.execute("select coalesce(max(load_id), 0) from catalog.load").fetchone()
        assert load_id is not None
        return cls(int(load_id[0]), frozenset(path for (path,) in rows))

    def since(self, con: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
        """Count the rows and whole files rejected since then, and describe the first of them."""
        lines = con.execute(
            """
            select raw_path, line_number, reason from catalog.rejected_row where load_id > $load_id
            union all
            select raw_path, null, reason from catalog.file
            where
                status = 'rejected'
                and (load_id > $load_id or not list_contains($raw_paths, raw_path))
                and raw_path not in (select raw_path from catalog.rejected_row where load_id > $load_id)
            order by raw_path, line_number
            """,
            {"load_id": self.last_load_id, "raw_paths": list(self.raw_paths)},
        ).fetchall()
        return len(lines), [
            f"{path}: {reason}" if line is None else f"{path}, line {line}: {reason}"
            for path, line, reason in lines[:SHOWN]
        ]


def waiting_files(con: duckdb.DuckDBPyConnection) -> tuple[int, list[str]]:
    """Count the files that wait for their partner; name the first of them."""
    lines = con.execute(
        "select raw_path, reason from catalog.file where status = 'waiting' order by raw_path"
    ).fetchall()
    return len(lines), [f"{path}: {reason}" for path, reason in lines[:SHOWN]]
