"""Read the funnel of a consent-gated source: rows kept and dropped at each step, why, and whether they add up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from orchestration.lib.warehouse.connection import Warehouse

_STEPS = (("lake", "landing"), ("landing", "trusted"), ("trusted", "curated"))


@dataclass(frozen=True)
class Outcome:
    """The rows of an entity that were kept, or dropped for one reason, between two zones."""

    entity: str
    from_zone: str
    to_zone: str
    outcome: str
    is_kept: bool
    row_count: int


@dataclass(frozen=True)
class Funnel:
    """All outcomes of the source."""

    outcomes: tuple[Outcome, ...]

    @property
    def kept(self) -> dict[str, int]:
        """Count the rows that reached each zone, by ``entity in zone``."""
        return {f"{step.entity} in {step.to_zone}": step.row_count for step in self.outcomes if step.is_kept}

    @property
    def gaps(self) -> list[str]:
        """Name the steps whose kept and dropped rows are not those that the step before kept; empty if all add up."""
        gaps = []
        for entity in dict.fromkeys(outcome.entity for outcome in self.outcomes):
            for (_, zone), (from_zone, to_zone) in pairwise(_STEPS):
                row_count = self.kept.get(f"{entity} in {zone}", 0)
                accounted = sum(
                    outcome.row_count
                    for outcome in self.outcomes
                    if (outcome.entity, outcome.from_zone) == (entity, from_zone)
                )
                if row_count != accounted:
                    gaps.append(
                        f"{entity}: {row_count:,} rows in {from_zone}, {accounted:,} kept or dropped before {to_zone}"
                    )
        return gaps

    def as_markdown(self) -> str:
        """Write a table for Dagster's UI."""
        rows = [
            f"| {step.entity} | {step.from_zone} → {step.to_zone} | {step.outcome} | {step.row_count:,} |"
            for step in self.outcomes
        ]
        return "\n".join(["| entity | zones | outcome | rows |", "|---|---|---|--:|", *rows])


def funnel_of(warehouse: Warehouse) -> Funnel:
    """Read the funnel of the balance source.

    Raises
    ------
    VitalhouseError
        If there is no warehouse, or another process holds it for too long.
    """
    zones = [zone for zone, _ in _STEPS]
    with warehouse.read() as con:
        rows = con.execute(
            """
            select entity, from_zone, to_zone, outcome, is_kept, row_count
            from balance.funnel
            order by entity, list_position(?, from_zone), is_kept, outcome
            """,
            [zones],
        ).fetchall()
    return Funnel(tuple(Outcome(*row) for row in rows))
