"""Report a load: its counts, and for each file its rows and its rejected rows."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestration.lib.catalog.crawl import CrawlReport
from orchestration.lib.contract.entity import RejectedRow


@dataclass
class FileResult:
    """The result of loading one file."""

    raw_path: str
    row_count: int = 0
    rejected: list[RejectedRow] = field(default_factory=list)
    reason: str | None = None

    @property
    def status(self) -> str:
        """Return the file's status in the catalog."""
        return "loaded" if self.row_count else "rejected"

    def describe(self, row: RejectedRow) -> str:
        """Write one line that names file, line and reason."""
        return _one_line(f"{self.raw_path}:{row.line_number}: {row.reason}")


@dataclass
class LoadReport:
    """The counts of a load. ``row_count`` and ``rejected_count`` count rows, the others files."""

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
        """Return the counts that a Dagster asset shows."""
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

    def add(self, results: Iterable[FileResult]) -> None:
        """Count the results of files."""
        for result in results:
            self.file_count += 1
            self.row_count += result.row_count
            self.rejected_count += len(result.rejected)
            self.rejected_file_count += result.status == "rejected"
            self.problems += [result.describe(row) for row in result.rejected]
            if result.status == "rejected" and not result.rejected:
                self.problems.append(_one_line(f"{result.raw_path}: {result.reason}"))

    def add_crawl(self, crawled: CrawlReport) -> None:
        """Count the files that a crawl rejected: files of no known kind, links and the like."""
        self.rejected_file_count += crawled.rejected_count
        self.unsettled_count += crawled.unsettled_count
        self.problems = [*map(_one_line, crawled.problems), *self.problems]


def _one_line(text: str) -> str:
    """Escape line breaks: a file's name, or a value that the reason quotes, may have them."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
