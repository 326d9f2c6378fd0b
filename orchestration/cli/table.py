"""Tables for people: aligned text, cut to the width of a terminal and whole elsewhere."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

GAP = "  "
# In a terminal a long text gives way to other columns: a raw path is recognisable by this much of it.
LONGEST_CELL = 40


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None) -> None:
    """Print rows under their column names, after an empty line."""
    print()
    if title:
        print(title)
    print(table(columns, list(rows), width()))


def width() -> int | None:
    """Characters in a line of the terminal; None where the output goes elsewhere and nobody set ``COLUMNS``."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None) -> str:
    """Rows as text; numbers stand to the right. Columns that do not fit into ``width`` are counted in a last line."""
    blocks = [_block(name, [row[index] for row in rows], width) for index, name in enumerate(columns)]
    shown = blocks if width is None else _fitting(blocks, width)
    lines = [GAP.join(cells).rstrip() for cells in zip(*shown, strict=True)]
    if len(shown) < len(blocks):
        lines.append(f"… and {len(blocks) - len(shown)} more columns: {', '.join(columns[len(shown) :])}"[:width])
    return "\n".join(lines)


def _block(name: str, values: Sequence[object], width: int | None) -> list[str]:
    """A column: its name, a line, and its values, all equally wide."""
    longest = None if width is None else LONGEST_CELL
    cells = [_cut(shown(value), longest) for value in values]
    size = max(map(len, [name, *cells]))
    is_right = any(is_number(value) for value in values)
    return [cell.rjust(size) if is_right else cell.ljust(size) for cell in (name, "─" * size, *cells)]


def _fitting(blocks: Sequence[list[str]], width: int) -> list[list[str]]:
    """As many blocks as fit, at least one."""
    fitting: list[list[str]] = []
    used = 0
    for block in blocks:
        used += len(block[0]) + (len(GAP) if fitting else 0)
        if fitting and used > width:
            break
        fitting.append(block)
    return fitting


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else f"…{text[len(text) - longest + 1 :]}"


def is_number(value: object) -> bool:
    """Whether a value is one that people compare by the places of its digits."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def shown(value: object) -> str:
    """A value as people read it, on one line: no more digits than mean something, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return ", ".join(shown(item) for item in value)
    return " ".join(str(value).split("\n"))
