"""The Arrow tables that the Python models of ECG runs are made of: dbt_project/python."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from ecg_identification import match_runs, rate_protocols
from ecg_variability import compared_features, vary_features

from python_transforms.ecg import FEATURES
from python_transforms.ecg.identification import PROTOCOLS
from python_transforms.ecg.template import TEMPLATE_SAMPLES


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
            assert row["rank"] == 1
            assert row["score"] == row["best_match_score"] > row["second_match_score"]
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
