"""What the loader leaves in the warehouse after ECG runs arrived in some order, without any files and transforms."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.support.dbt_home import DbtHome

_FIRST_CRAWL = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Upload:
    """One run in one delivery; without its header where ``recorded_on`` is ``None``, without its signal where
    ``samples`` is empty.
    """

    delivery: str
    subject: str
    run: int
    recorded_on: date | None = date(2004, 12, 7)
    age: int | None = 25
    sex: str | None = "male"
    fs: float = 500.0
    samples: str | None = None
    folder: str | None = None
    clinic: str = "sf_state"
    feature: dict[str, Any] = field(default_factory=dict)

    @property
    def record_key(self) -> str:
        return f"{self.clinic}:{self.subject}:{self.run}"

    @property
    def header(self) -> str | None:
        """What the header says; no header without a day."""
        return None if self.recorded_on is None else f"{self.fs} {self.recorded_on} {self.age} {self.sex}"

    @property
    def signal(self) -> str | None:
        """Name of the samples; each run has its own unless the upload says otherwise, and "" is no signal."""
        return f"samples of {self.record_key}" if self.samples is None else self.samples or None

    def path_below(self, ending: str) -> str:
        return f"{self.folder or f'subject_{self.subject}'}/run_{self.run}{ending}"

    def raw_path(self, ending: str) -> str:
        return f"incoming/clinic={self.clinic}/measurement=ecg/{self.delivery}/{self.path_below(ending)}"


def arrive(home: DbtHome, uploads: Iterable[Upload], correlations: Iterable[tuple[str, str]] = ()) -> None:
    """Fill catalog and raw tables as the loader does when the uploads arrive in this order, each by a load of its own.

    ``correlations``: pairs of names of samples whose filtered signals are nearly equal.
    """
    loads: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    headers: list[dict[str, Any]] = []
    features: list[dict[str, Any]] = []
    known: set[tuple[str, str, str]] = set()
    raw_paths: dict[tuple[str, str, str], list[str]] = {}
    for load_id, upload in enumerate(uploads, start=1):
        crawled_at = _FIRST_CRAWL + timedelta(hours=load_id)
        loads.append({"load_id": load_id, "measurement": "ecg"})
        for entity, ending, content in (
            ("run_header", "_header.json", upload.header),
            ("run_signal", ".csv", upload.signal),
        ):
            if content is None:
                continue
            key = (upload.clinic, upload.path_below(ending), content)
            is_new = key not in known
            known.add(key)
            files.append(
                {
                    "raw_path": upload.raw_path(ending),
                    "clinic": upload.clinic,
                    "measurement": "ecg",
                    "delivery": upload.delivery,
                    "entity": entity,
                    "record_key": upload.record_key,
                    "path_below": upload.path_below(ending),
                    "size_bytes": 100,
                    "modified_at": crawled_at,
                    "content_hash": content,
                    "first_crawled_at": crawled_at,
                    "last_crawled_at": crawled_at,
                    "processed_at": crawled_at,
                    "load_id": load_id,
                    "row_count": int(is_new),
                    "rejected_count": 0,
                    "status": "loaded" if is_new else "duplicate",
                }
            )
            if not is_new:
                continue
            origin = {
                "clinic": upload.clinic,
                "delivery": upload.delivery,
                "subject": upload.subject,
                "run": upload.run,
                "_raw_path": upload.raw_path(ending),
                "_row_number": 1,
                "_load_id": load_id,
                "_loaded_at": crawled_at,
            }
            if entity == "run_header":
                headers.append(
                    origin
                    | {
                        "fs": upload.fs,
                        "units": "mV",
                        "date": upload.recorded_on,
                        "age": upload.age,
                        "sex": upload.sex,
                    }
                )
            else:
                raw_paths.setdefault((upload.clinic, upload.subject, content), []).append(upload.raw_path(ending))
                features.append(
                    origin
                    | {
                        "header_raw_path": upload.raw_path("_header.json"),
                        "sampling_rate_hz": upload.fs,
                        "units": "mV",
                        "sample_count": 10_000,
                        "duration_s": 10_000 / upload.fs,
                        "raw_min_mv": -1.0,
                        "raw_max_mv": 1.0,
                        "heart_rate_bpm": 60.0,
                        "is_usable": True,
                        "signal_sha256": content,
                        "signal_path": f"processed/{upload.raw_path('.parquet')}",
                        "transform_version": "1",
                    }
                    | upload.feature
                )
    home.insert("catalog.load", loads)
    home.insert("catalog.file", files)
    home.insert("raw.ecg_run_header", headers)
    home.insert("raw.ecg_run_feature", features)
    pairs = [
        {
            "clinic": clinic,
            "subject": subject,
            "_raw_path": path,
            "other_raw_path": other_path,
            "correlation": 0.99999,
            "transform_version": "1",
            "_row_number": 1,
            "_load_id": 1,
            "_loaded_at": _FIRST_CRAWL,
        }
        for one, other in correlations
        for (clinic, subject, samples), paths in raw_paths.items()
        if samples == one
        for path in paths
        for other_path in raw_paths.get((clinic, subject, other), [])
    ]
    if pairs:
        home.insert("raw.ecg_run_similarity", pairs)
