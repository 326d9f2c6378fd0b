"""What became of files: the figures of a load, and for each file its rows and what was refused of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestration.lib.catalog.crawl import CrawlReport
from orchestration.lib.contract.entity import RejectedRow


@dataclass
class FileResult:
    """What became of one file."""

    raw_path: str
    row_count: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    reason: str | None = None

    @property
    def status(self) -> str:
        return "loaded" if self.row_count else "rejected"

    def describe(self, row: RejectedRow) -> str:
        """One line that names file, line and reason."""
        return _one_line(f"{self.raw_path}:{row.line_number}: {row.reason}")


@dataclass
class LoadReport:
    """What a load did. ``row_count`` and ``rejected_count`` are rows, the other counts files."""

    file_count: int = 0
    row_count: int = 0
    rejected_count: int = 0
    rejected_file_count: int = 0
    duplicate_count: int = 0
    waiting_count: int = 0
    unsettled_count: int = 0
    seconds: float = 0.0
    unknown_fields: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def as_metadata(self) -> dict[str, int | float | str]:
        """The figures that a Dagster asset shows."""
        return {
            "files": self.file_count,
            "rows": self.row_count,
            "rejected rows": self.rejected_count,
            "rejected files": self.rejected_file_count,
            "duplicate files": self.duplicate_count,
            "waiting files": self.waiting_count,
            "seconds": round(self.seconds, 3),
            "unknown fields": ", ".join(self.unknown_fields) or "none",
        }

    def add(self, outcomes: Iterable[FileResult]) -> None:
        """Count what became of files."""
        for outcome in outcomes:
            self.file_count += 1
            self.row_count += outcome.row_count
            self.rejected_count += len(outcome.rejected)
            self.rejected_file_count += outcome.status == "rejected"
            self.problems += [outcome.describe(row) for row in outcome.rejected]
            if outcome.status == "rejected" and not outcome.rejected:
                self.problems.append(_one_line(f"{outcome.raw_path}: {outcome.reason}"))

    def add_crawl(self, crawled: CrawlReport) -> None:
        """Count what a crawl refused: files of no known kind, links and the like."""
        self.rejected_file_count += crawled.rejected_count
        self.unsettled_count += crawled.unsettled_count
        self.problems = [*map(_one_line, crawled.problems), *self.problems]


def _one_line(text: str) -> str:
    """A file's name, or a value that the reason quotes, may have line breaks."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
