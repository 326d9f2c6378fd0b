"""Templates in the warehouse: one for each usable signal, made once, gone with what it was made of."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from orchestration.lib import identity
from orchestration.lib.errors import VitalhouseError
from orchestration.lib.identity import enrol_runs, match_runs, rate_protocols
from orchestration.lib.variability import compared_features, vary_features
from orchestration.lib.warehouse import Warehouse
from python_transforms.ecg import FEATURES
from python_transforms.ecg.identification import PROTOCOLS
from python_transforms.ecg.template import TEMPLATE_SAMPLES, beat_templates
from tests.ecg_files import Clinic, header_file, ingest, samples_file, signal_file

LONG = {"sample_count": 1_000}


def templates(warehouse: Warehouse) -> list[tuple[Any, ...]]:
    with warehouse.read() as con:
        return con.execute(
            "select subject, run, template_mv, _load_id from raw.ecg_run_template order by subject, run, _raw_path"
        ).fetchall()


@pytest.fixture
def enrolled(clinic: Clinic, warehouse: Warehouse) -> Clinic:
    """Two runs with beats enough, and one without."""
    clinic.put_run("D1", 1, 1, signal=signal_file(1, **LONG))
    clinic.put_run("D1", 1, 2, signal=signal_file(2, **LONG))
    clinic.put_run("D1", 2, 1, signal=signal_file(3, sample_count=250))
    ingest(clinic.lake, warehouse)
    report = enrol_runs(clinic.lake, warehouse)
    assert (report.template_count, report.without_template_count, report.removed_count) == (2, 1, 0)
    return clinic


class TestEnrolment:
    def test_each_usable_signal_has_a_row_and_its_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        rows = templates(warehouse)
        assert [(subject, run) for subject, run, *_ in rows] == [("01", 1), ("01", 2), ("02", 1)]
        assert [template is None for _, _, template, _ in rows] == [False, False, True]
        assert {len(template) for _, _, template, _ in rows if template} == {TEMPLATE_SAMPLES}
        with warehouse.read() as con:
            assert con.execute(
                """
                select count(*) from raw.ecg_run_template as template
                inner join raw.ecg_run_feature as feature using (clinic, subject, run, _raw_path, _load_id, _loaded_at)
                """
            ).fetchone() == (3,)

    def test_nothing_is_computed_twice(
        self, enrolled: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = templates(warehouse)
        enrolled.put_run("D2", 3, 1, signal=signal_file(4, **LONG))
        ingest(enrolled.lake, warehouse)
        computed: list[int] = []
        monkeypatch.setattr(
            identity, "beat_templates", lambda *args: (computed.append(len(args[0])), beat_templates(*args))[1]
        )
        enrol_runs(enrolled.lake, warehouse)
        assert computed == [1]
        assert enrol_runs(enrolled.lake, warehouse).template_count == 0
        assert templates(warehouse)[:3] == before

    def test_a_signal_transformed_anew_is_enrolled_anew(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        before = templates(warehouse)
        ingest(enrolled.lake, warehouse, reload=True)
        report = enrol_runs(enrolled.lake, warehouse)
        assert (report.removed_count, report.template_count) == (3, 2)
        after = templates(warehouse)
        assert [row[:3] for row in after] == [row[:3] for row in before]
        assert min(row[3] for row in after) > max(row[3] for row in before)

    def test_a_corrected_rate_corrects_the_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        before = templates(warehouse)
        enrolled.put("D2", "subject_01/run_1_header.json", header_file(fs=110))
        ingest(enrolled.lake, warehouse)
        report = enrol_runs(enrolled.lake, warehouse)
        assert (report.removed_count, report.template_count) == (1, 1)
        after = templates(warehouse)
        assert after[0][2] != before[0][2]
        assert after[1:] == before[1:]

    def test_a_signal_that_became_unusable_leaves_no_template(self, enrolled: Clinic, warehouse: Warehouse) -> None:
        enrolled.put("D1", "subject_01/run_1.csv", samples_file([1.0] * 1_000))
        ingest(enrolled.lake, warehouse)
        enrol_runs(enrolled.lake, warehouse)
        assert [row[:2] for row in templates(warehouse)] == [("01", 2), ("02", 1)]

    def test_another_version_is_made_anew(
        self, enrolled: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(identity, "TEMPLATE_VERSION", "next")
        assert enrol_runs(enrolled.lake, warehouse).removed_count == 3
        with warehouse.read() as con:
            versions = con.execute("select distinct template_version from raw.ecg_run_template").fetchall()
        assert versions == [("next",)]

    def test_a_kill_between_two_transactions_costs_nothing(
        self, clinic: Clinic, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for run in range(1, 6):
            clinic.put_run("D1", 1, run, signal=signal_file(run, **LONG))
        ingest(clinic.lake, warehouse)
        monkeypatch.setattr(identity, "TRANSACTION_RUNS", 2)
        original, calls = identity._read, []

        def dies(*args: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return original(*args)

        monkeypatch.setattr(identity, "_read", dies)
        with pytest.raises(KeyboardInterrupt):
            enrol_runs(clinic.lake, warehouse)
        assert len(templates(warehouse)) == 2
        assert enrol_runs(clinic.lake, warehouse).template_count == 3
        assert [row[1] for row in templates(warehouse)] == [1, 2, 3, 4, 5]

    def test_a_lost_signal_is_named_with_what_to_do(self, clinic: Clinic, warehouse: Warehouse) -> None:
        clinic.put_run("D1", 1, 1, signal=signal_file(1, **LONG))
        ingest(clinic.lake, warehouse)
        with warehouse.read() as con:
            (signal_path,) = con.execute("select signal_path from raw.ecg_run_feature").fetchall()[0]
        clinic.lake.path(signal_path).unlink()
        with pytest.raises(VitalhouseError, match=f"{signal_path}: .*--reload"):
            enrol_runs(clinic.lake, warehouse)


def enrolled_runs(n_people: int = 4, n_runs: int = 4, clinic: str = "c") -> list[dict[str, Any]]:
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.3, (n_people, TEMPLATE_SAMPLES))
    return [
        {
            "run_key": f"{clinic}:{person:02}:{run}",
            "subject_key": f"{clinic}:{person:02}",
            "clinic": clinic,
            "recorded_on": date(2020, 1, 1 + run // 2),
            "run_number": run,
            "template_mv": (own[person] + rng.normal(0, 0.1, TEMPLATE_SAMPLES)).tolist(),
            "template_version": "1",
            "transform_version": "1",
        }
        for person in range(n_people)
        for run in range(n_runs)
    ]


RUN_SCHEMA = pa.schema(
    [
        ("run_key", pa.string()),
        ("subject_key", pa.string()),
        ("clinic", pa.string()),
        ("recorded_on", pa.date32()),
        ("run_number", pa.int32()),
        ("template_mv", pa.list_(pa.float64())),
        ("template_version", pa.string()),
        ("transform_version", pa.string()),
    ]
)


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=RUN_SCHEMA)


class TestMatching:
    def test_every_asked_run_has_a_row_for_each_protocol(self) -> None:
        found = match_runs(table(enrolled_runs()))
        counted = {name: found["protocol"].to_pylist().count(name) for name in PROTOCOLS}
        # of 16 runs 60 % are ten; two days of two runs; the first run of four people
        assert counted == {"chronological": 6, "cross_session": 8, "one_shot": 12}
        for row in found.to_pylist():
            assert row["best_match_subject_key"] == row["subject_key"] == row["run_key"].rsplit(":", 1)[0]
            assert row["rank"] == 1 and row["score"] == row["best_match_score"] > row["second_match_score"]
            assert row["second_match_subject_key"] != row["subject_key"]
            assert row["gallery_score"][row["gallery_position"]] == row["score"]
            assert len(row["gallery_score"]) == 4

    def test_the_order_of_the_rows_does_not_matter(self) -> None:
        rows = enrolled_runs()
        found = match_runs(table(rows))
        assert match_runs(table(rows[::-1])) == found
        shuffled = found.take(np.random.default_rng(1).permutation(len(found)))
        assert rate_protocols(shuffled) == rate_protocols(found)

    def test_people_are_looked_for_in_their_own_clinic_only(self) -> None:
        here, there = enrolled_runs(), enrolled_runs(n_people=3, clinic="other")
        both = match_runs(table(here + there)).to_pylist()
        assert [row for row in both if row["clinic"] == "c"] == match_runs(table(here)).to_pylist()
        for row in both:
            assert row["best_match_subject_key"].split(":")[0] == row["clinic"]
            assert row["second_match_subject_key"].split(":")[0] == row["clinic"]
        rates = rate_protocols(match_runs(table(here + there)))
        assert [(row["clinic"], row["gallery_subject_count"]) for row in rates.to_pylist()] == [
            *[("c", 4)] * 3,
            *[("other", 3)] * 3,
        ]

    @pytest.mark.parametrize(
        "rows", [[], enrolled_runs(n_people=1), enrolled_runs(n_runs=1)], ids=["none", "one person", "one run each"]
    )
    def test_where_nobody_can_be_asked_there_is_no_row(self, rows: list[dict[str, Any]]) -> None:
        found = match_runs(table(rows))
        assert len(found) == 0
        assert len(rate_protocols(found)) == 0


def measured_runs(value: float | None = 1.0) -> pa.Table:
    columns = {name: pa.array([value, 2.0, 3.0, 5.0], pa.float64()) for name in FEATURES}
    return pa.table(
        {
            "run_key": ["c:1:1", "c:1:2", "c:2:1", "c:2:2"],
            "subject_key": ["c:1", "c:1", "c:2", "c:2"],
            "recorded_on": pa.array([datetime(2020, 1, day, tzinfo=UTC).date() for day in (1, 1, 1, 2)], pa.date32()),
            "run_number": pa.array([1, 2, 1, 2], pa.int32()),
            **columns,
        }
    )


class TestVariability:
    def test_every_number_that_says_something_of_a_heart_has_a_row(self) -> None:
        rows = vary_features(measured_runs()).to_pylist()
        assert [row["feature"] for row in rows] == compared_features()
        assert {"heart_rate_bpm", "qrs_duration_ms", "r_amplitude_mv"} <= set(compared_features())
        assert not {"is_inverted", "clipped_sample_count"} & set(compared_features())
        by_name = {row["feature"]: row for row in rows}
        assert by_name["qrs_duration_ms"]["unit"] == "ms"
        assert by_name["qrs_duration_ms"]["run_count"] == 4
        assert by_name["qrs_duration_ms"]["same_day_run_count"] == 2
        assert by_name["qrs_duration_ms"]["later_day_run_count"] == 2
        # mean squares (1.5, 4 against 2.75) 6.25 and (0.5 + 2) / 2
        assert by_name["qrs_duration_ms"]["within_subject_variance"] == pytest.approx(1.25)
        assert by_name["qrs_duration_ms"]["between_subject_variance"] == pytest.approx((6.25 - 1.25) / 2)
        assert by_name["qrs_duration_ms"]["heart_rate_slope"] == pytest.approx(1)
        assert by_name["heart_rate_bpm"]["heart_rate_slope"] is None

    def test_an_unknown_value_makes_no_pair(self) -> None:
        row = vary_features(measured_runs(None)).to_pylist()[0]
        assert (row["run_count"], row["same_day_run_count"], row["later_day_run_count"]) == (3, 0, 2)

    def test_without_runs_nothing_is_known(self) -> None:
        for row in vary_features(measured_runs().slice(0, 0)).to_pylist():
            assert (row["subject_count"], row["icc"], row["later_day_icc"], row["heart_rate_slope"]) == (
                0,
                None,
                None,
                None,
            )
