"""Bad input is refused or flagged with a reason that says what was expected, and everything else loads."""

import re
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.catalog.load_report import LoadReport
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import open_warehouse
from orchestration.lib.warehouse.connection import Warehouse
from synthetic.ecg import BAD_INPUTS, write_bad_inputs
from tests.support.ecg_files import Clinic, header_file, ingest, reasons, samples_file, signal_file, statuses

# What becomes of signal and header of each generated case: status, and the whole reason.
GENERATED: dict[str, dict[str, tuple[str, str | None]]] = {
    "csv_without_header_line": {
        "csv": ("rejected", r"line 1: it has no header line: expected ecg_raw on the first line"),
        "json": ("loaded", None),
    },
    "csv_more_columns": {
        "csv": ("rejected", r"line 1: it has more than one column: expected one column ecg_raw"),
        "json": ("loaded", None),
    },
    "csv_text_among_numbers": {
        "csv": ("rejected", r"line 5002: expected a finite number, got 'artifact'"),
        "json": ("loaded", None),
    },
    "csv_infinity": {
        "csv": ("rejected", r"line 5002: expected a finite number, got 'inf'"),
        "json": ("loaded", None),
    },
    "csv_shorter_than_2_s": {
        "csv": ("rejected", r"it has 999 samples, 1\.998 s at 500 Hz: at least 2 s are needed"),
        "json": ("loaded", None),
    },
    "csv_empty": {
        "csv": ("rejected", r"line 1: it is empty: expected a header line ecg_raw and one value a line"),
        "json": ("loaded", None),
    },
    "csv_without_samples": {
        "csv": ("rejected", r"it has 0 samples, 0\.000 s at 500 Hz: at least 2 s are needed"),
        "json": ("loaded", None),
    },
    "header_without_signal": {"json": ("waiting", r"its run_signal has not come")},
    "signal_without_header": {
        "csv": ("waiting", r"its header has not come, or was rejected|its run_header has not come")
    },
    "fs_zero": {"json": ("rejected", r"line 1: fs is '0': expected a sampling rate in Hz between 50 and 100000")},
    "fs_missing": {
        "json": ("rejected", r"line 1: fs is missing: expected a sampling rate in Hz between 50 and 100000")
    },
    "fs_text": {
        "json": ("rejected", r"line 1: fs is 'five hundred': expected a sampling rate in Hz between 50 and 100000")
    },
    "date_is_none": {"json": ("rejected", r"line 1: date is '31\.02\.2005': expected a day as DD\.MM\.YYYY or .*")},
    "date_missing": {"json": ("rejected", r"line 1: date is missing: expected a day as DD\.MM\.YYYY or .*")},
    "date_in_the_future": {
        "json": ("rejected", r"line 1: date is '24\.12\.2999': expected a day .* that is not in the future")
    },
    "age_negative": {"csv": ("loaded", None), "json": ("loaded", None)},
    "age_200": {"csv": ("loaded", None), "json": ("loaded", None)},
    "units_unknown": {"json": ("rejected", r"line 1: units is 'furlong': expected mV or uV")},
    "run_number_twice": {"csv": ("loaded", None), "json": ("loaded", None)},
}


class Loaded:
    """A lake whose one delivery was loaded, and what came of it."""

    def __init__(self, folder: Path) -> None:
        self.lake = Lake(folder / "lake")
        self.clinic = Clinic(self.lake)
        self.warehouse = open_warehouse(folder / "warehouse.duckdb")

    def load(self) -> LoadReport:
        self.report = ingest(self.lake, self.warehouse)
        self.statuses, self.reasons = statuses(self.warehouse), reasons(self.warehouse)
        return self.report

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.read() as con:
            return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, dict[str, list[str]]]:
    """The delivery of bad inputs that the generator writes, with a good run in it; and the raw paths of each case."""
    loaded = Loaded(tmp_path_factory.mktemp("generated"))
    written = write_bad_inputs(loaded.lake.root / "incoming")
    cases = {case: [str(path.relative_to(loaded.lake.root)) for path in paths] for case, paths in written.items()}
    loaded.clinic.put_run("2021-01-01-bad-input", 1, 1)
    loaded.load()
    return loaded, cases


def test_every_generated_case_is_expected_here() -> None:
    assert GENERATED.keys() == BAD_INPUTS.keys()


@pytest.mark.parametrize("case", BAD_INPUTS)
def test_generated_case(generated: tuple[Loaded, dict[str, list[str]]], case: str) -> None:
    loaded, cases = generated
    for raw_path in cases[case]:
        ending = raw_path.rpartition(".")[2]
        # A signal whose header was refused waits for a better one.
        default = ("waiting", r"its header has not come, or was rejected")
        status, reason = GENERATED[case].get(ending, default)
        assert loaded.statuses[raw_path] == status, raw_path
        found = loaded.reasons[raw_path]
        assert (found is None) if reason is None else re.fullmatch(reason, str(found)), found
        if status == "rejected":
            # The report, and so the command's last lines, name the file and say why.
            (line,) = [problem for problem in loaded.report.problems if problem.startswith(raw_path)]
            assert str(found).removeprefix("line ").partition(": ")[2] in line


def test_everything_else_in_the_delivery_is_loaded(generated: tuple[Loaded, dict[str, list[str]]]) -> None:
    loaded, _ = generated
    assert loaded.query("select record_key from catalog.delivered_content where entity = 'run_signal' order by 1") == [
        ("sf_state:01:1",),
        *[
            (f"sf_state:{9001 + list(BAD_INPUTS).index(case)}:1",)
            for case in ("age_negative", "age_200", "run_number_twice", "run_number_twice")
        ],
    ]
    assert loaded.query("select count(*) from raw.ecg_run_feature where is_usable") == [(5,)]


def test_a_second_build_says_nothing_new(generated: tuple[Loaded, dict[str, list[str]]]) -> None:
    loaded, _ = generated
    before = loaded.query("select * exclude (last_crawled_at) from catalog.file order by raw_path")
    report = ingest(loaded.lake, loaded.warehouse)
    assert (report.file_count, report.problems) == (0, [])
    assert loaded.query("select * exclude (last_crawled_at) from catalog.file order by raw_path") == before


def test_an_age_that_cannot_be_is_kept_for_the_mart_to_flag(generated: tuple[Loaded, dict[str, list[str]]]) -> None:
    loaded, cases = generated
    ages = dict(loaded.query("select _raw_path, age from raw.ecg_run_header"))
    assert ages[cases["age_negative"][1]] == -3
    assert ages[cases["age_200"][1]] == 200


def test_of_two_files_that_claim_one_run_the_first_name_is_current(
    generated: tuple[Loaded, dict[str, list[str]]],
) -> None:
    loaded, cases = generated
    claims = tuple(cases["run_number_twice"])
    current = loaded.query(
        f"select path_below from catalog.delivered_content where raw_path in {claims} and is_current"
    )
    assert sorted(current) == [("subject_009019/run_1.csv",), ("subject_009019/run_1_header.json",)]


# -- cases beyond the generated ones ----------------------------------------------------------------------------------

HEADERS: dict[str, tuple[bytes, str | None]] = {
    "no object": (b"[1, 2]", "it is not a JSON object"),
    "empty": (b"", "it is empty: expected JSON objects"),
    "not closed": (
        header_file()[:-1],
        "it is not a valid JSON object: Expecting ',' delimiter (the file ends within it)",
    ),
    "utf-16": (header_file().decode().encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
    "latin-1": (header_file(units="µV").replace(b"\\u00b5", b"\xb5"), "it is not valid UTF-8"),
    "fs negative": (header_file(fs=-500), "fs is '-500': expected a sampling rate in Hz between 50 and 100000"),
    "fs NaN": (header_file(fs=float("nan")), "fs is 'NaN': expected a sampling rate in Hz between 50 and 100000"),
    "fs infinite": (
        header_file(fs=float("inf")),
        "fs is 'Infinity': expected a sampling rate in Hz between 50 and 100000",
    ),
    "fs too large": (b'{"fs": 1e400, "units": "mV", "date": "07.12.2004"}', "fs is '1e400': expected a sampling rate"),
    "fs object": (header_file(fs={"hz": 500}), "fs is '{\"hz\":500}': expected a sampling rate in Hz"),
    "units missing": (header_file(without="units"), "units is missing: expected mV or uV"),
    "units of two lines": (header_file(units="m\nV"), "units is 'm\nV': expected mV or uV"),
    "units V": (header_file(units="V"), "units is 'V': expected mV or uV"),
    "date empty": (header_file(date=""), "date is missing: expected a day as DD.MM.YYYY or YYYY-MM-DD"),
    "date in words": (header_file(date="7 Dec 2004"), "date is '7 Dec 2004': expected a day as DD.MM.YYYY"),
    "date american": (header_file(date="12/07/2004"), "date is '12/07/2004': expected a day as DD.MM.YYYY"),
    "date as number": (header_file(date=20041207), "date is '20041207': expected a day as DD.MM.YYYY"),
    "date of short year": (header_file(date="07.12.04"), "date is '07.12.04': expected a day as DD.MM.YYYY"),
    "age in words": (header_file(age="young"), "age is 'young': expected an age in whole years"),
    "age with a fraction": (header_file(age=25.5), "age is '25.5': expected an age in whole years"),
    "age too large": (header_file(age=10**30), f"age is '{10**30}': expected an age in whole years"),
    "two objects": (header_file() * 2, "this file holds one object, and this is another"),
    # Accepted, each with what it says.
    "iso date": (header_file(date="2004-12-07"), None),
    "micro sign": (header_file(units="µV"), None),
    "micro letter": (header_file(units="μv"), None),
    "age whole number with decimals": (header_file(age="25.0"), None),
    "age missing": (header_file(without="age"), None),
    "age null": (header_file(age=None), None),
    "sex missing": (header_file(without="sex"), None),
    "sex unknown word": (header_file(sex="x"), None),
    "fs as text": (header_file(fs="100"), None),
    "byte order mark": (b"\xef\xbb\xbf" + header_file(), None),
    "more fields": (header_file(device="A", nested={"a": [1]}), None),
}

SIGNALS: dict[str, tuple[bytes, str | None]] = {
    "text": (b"ecg_raw\n" + b"abc\n" * 300, "expected a finite number, got 'abc'"),
    "comma for point": (b"ecg_raw\n" + b"0,5\n" * 300, "expected one column, got '0,5'"),
    "utf-16": (signal_file().decode().encode("utf-16"), "it is UTF-16 text: save it as UTF-8"),
    "json": (header_file(), "it has more than one column: expected one column ecg_raw"),
    "one line": (b"ecg_raw " + b"0.5 " * 300, "its header line is not ecg_raw"),
    "NaN alone": (b"ecg_raw\n" + b"NaN\n" * 300, None),
    "constant": (b"ecg_raw\n" + b"0.5\n" * 300, None),
    "zero": (b"ecg_raw\n" + b"0\n" * 300, None),
    "huge": (samples_file([1e300, -1e300] * 150), None),
    "tiny": (samples_file([5e-324, 0] * 150), None),
    "one spike": (samples_file([0.0] * 299 + [1e6]), None),
    "exactly 2 s": (signal_file(0, 200), None),
    "one sample less": (signal_file(0, 199), "it has 199 samples, 1.990 s at 100 Hz: at least 2 s are needed"),
    "a gap of 1 s": (signal_file(1, 300).replace(b"\n", b"\n" * 100, 3), None),
    "windows lines": (signal_file().replace(b"\n", b"\r\n"), None),
}


@pytest.fixture(scope="module")
def more(tmp_path_factory: pytest.TempPathFactory) -> tuple[Loaded, dict[str, str]]:
    """All of the cases above in one delivery; and the raw path of each."""
    loaded, paths = Loaded(tmp_path_factory.mktemp("more")), {}
    for number, (case, (content, _)) in enumerate(HEADERS.items(), start=1):
        paths[f"header {case}"] = loaded.clinic.put_run("D1", number, 1, header=content)[1]
    for number, (case, (content, _)) in enumerate(SIGNALS.items(), start=1):
        paths[f"signal {case}"] = loaded.clinic.put_run("D1", number, 2, signal=content)[0]
    loaded.load()
    return loaded, paths


@pytest.mark.parametrize(
    ("case", "reason"),
    [(f"header {case}", reason) for case, (_, reason) in HEADERS.items()]
    + [(f"signal {case}", reason) for case, (_, reason) in SIGNALS.items()],
)
def test_case(more: tuple[Loaded, dict[str, str]], case: str, reason: str | None) -> None:
    loaded, paths = more
    raw_path = paths[case]
    kept = loaded.query(f"select reason from catalog.rejected_row where raw_path = '{raw_path}'")
    if case == "header two objects":
        # The first is the header; the second is refused.
        assert loaded.statuses[raw_path] == "loaded"
        assert kept == [(reason,)]
    elif reason is None:
        assert (loaded.statuses[raw_path], kept) == ("loaded", [])
    else:
        assert loaded.statuses[raw_path] == "rejected"
        assert re.sub(r"^line \d+: ", "", str(loaded.reasons[raw_path])).startswith(reason)


def test_every_problem_is_one_line(more: tuple[Loaded, dict[str, str]]) -> None:
    loaded, _ = more
    assert all(len(line.splitlines()) == 1 for line in loaded.report.problems)
    assert [line for line in loaded.report.problems if "units is 'm\\nV': expected mV or uV" in line]


def test_the_other_runs_of_that_delivery_are_loaded(more: tuple[Loaded, dict[str, str]]) -> None:
    loaded, paths = more
    bad = {path for case, path in paths.items() if loaded.statuses[path] == "rejected"}
    for raw_path, status in loaded.statuses.items():
        partner = raw_path.replace(".csv", "_header.json") if raw_path.endswith(".csv") else None
        expected = "rejected" if raw_path in bad else "waiting" if partner in bad else "loaded"
        assert status == expected, raw_path


def test_a_signal_that_no_figure_can_be_made_of_is_flagged(more: tuple[Loaded, dict[str, str]]) -> None:
    loaded, paths = more
    verdicts = dict(loaded.query("select _raw_path, unusable_reason from raw.ecg_run_feature where not is_usable"))
    for case in ("NaN alone", "constant", "zero", "huge", "a gap of 1 s"):
        assert verdicts[paths[f"signal {case}"]], case
    assert paths["signal windows lines"] not in verdicts


def test_units_are_converted(more: tuple[Loaded, dict[str, str]]) -> None:
    loaded, paths = more
    for case in ("micro sign", "micro letter"):
        number = list(HEADERS).index(case) + 1
        header = paths[f"header {case}"]
        (row,) = loaded.query(
            f"select raw_max_mv, _raw_path from raw.ecg_run_feature where header_raw_path = '{header}'"
        )
        written = signal_file(100 * number + 1).decode().split()[1:]
        assert row[0] == pytest.approx(max(map(float, written)) / 1000)


@pytest.mark.parametrize("rate_hz", [50, 51.3, 60, 80.5, 99.9, 128, 360, 1000, 25_000, 100_000])
def test_every_accepted_sampling_rate_is_computed_or_flagged(
    clinic: Clinic, warehouse: Warehouse, rate_hz: float
) -> None:
    signal = signal_file(3, int(2.2 * rate_hz), rate_hz)
    clinic.put_run("D1", 1, 1, signal=signal, header=header_file(fs=rate_hz))
    report = ingest(clinic.lake, warehouse)
    assert (report.problems, report.row_count) == ([], 2)
    with warehouse.read() as con:
        found = con.execute("select is_usable, unusable_reason is null from raw.ecg_run_feature").fetchall()
    assert found in ([(True, True)], [(False, False)])
