"""The funnel of a consent-gated source: what came, what was dropped on the way and why, and whether that adds up."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from orchestration.lib.warehouse.connection import Warehouse

_STEPS = (("lake", "landing"), ("landing", "trusted"), ("trusted", "curated"))


@dataclass(frozen=True)
class Outcome:
    """What became of some rows of an entity between two zones."""

    entity: str
    from_zone: str
    to_zone: str
    outcome: str
    is_kept: bool
    row_count: int


@dataclass(frozen=True)
class Funnel:
    """All outcomes, by entity and zone."""

    outcomes: tuple[Outcome, ...]

    @property
    def kept(self) -> dict[str, int]:
        """Rows that reached each zone, by ``entity in zone``."""
        return {f"{each.entity} in {each.to_zone}": each.row_count for each in self.outcomes if each.is_kept}

    @property
    def gaps(self) -> list[str]:
        """Steps that do not share out exactly the rows which the step before kept, in words; empty if all do."""
        found = []
        for entity in dict.fromkeys(each.entity for each in self.outcomes):
            for (_, zone), (from_zone, to_zone) in pairwise(_STEPS):
                came = self.kept.get(f"{entity} in {zone}", 0)
                went = sum(
                    each.row_count for each in self.outcomes if (each.entity, each.from_zone) == (entity, from_zone)
                )
                if came != went:
                    found.append(f"{entity}: {came:,} rows in {from_zone}, {went:,} kept or dropped before {to_zone}")
        return found

    def as_markdown(self) -> str:
        """A table for Dagster's UI."""
        rows = [
            f"| {each.entity} | {each.from_zone} → {each.to_zone} | {each.outcome} | {each.row_count:,} |"
            for each in self.outcomes
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
