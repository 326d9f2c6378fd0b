"""The saved answers: plain SQL that the published file can answer."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from scipy import stats

from orchestration.lib.publish.publish import publish
from orchestration.lib.sources import open_warehouse
from tests.support.dbt_home import PROJECT_PATH, DbtHome, DbtRun

ANALYSES = {path.stem: path for path in (PROJECT_PATH / "analyses").rglob("*.sql")}


@pytest.fixture(scope="module")
def published(sample: tuple[DbtHome, DbtRun], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's published file, all that an analyst has."""
    home, _ = sample
    path = tmp_path_factory.mktemp("published") / "published.duckdb"
    publish(open_warehouse(home.warehouse_path), path, home.target_path / "manifest.json")
    return path


def answer(published: Path, name: str) -> list[dict[str, Any]]:
    with duckdb.connect(str(published), read_only=True) as con:
        found = con.execute(ANALYSES[name].read_text())
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


@pytest.mark.parametrize("name", ANALYSES)
def test_analysis_is_plain_sql_that_opens_with_its_question(name: str) -> None:
    text = ANALYSES[name].read_text()
    assert "{{" not in text
    assert "{%" not in text
    first = text.splitlines()[0]
    assert first.startswith("-- ")
    assert first.endswith("?")


@pytest.mark.parametrize("name", ANALYSES)
def test_analysis_is_described(manifest: dict[str, Any], name: str) -> None:
    described = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "analysis"}
    assert described[name]["description"] == ANALYSES[name].read_text().splitlines()[0].removeprefix("-- ")


def test_every_analysis_answers_on_an_empty_warehouse(empty: DbtHome) -> None:
    for path in ANALYSES.values():
        empty.query(path.read_text())


def test_runs_by_upload(published: Path) -> None:
    rows = answer(published, "run_count_by_upload")
    assert [(row["delivery"], row["new_run_count"], row["duplicate_file_count"]) for row in rows] == [
        ("2020-01-01", 288, 0),
        ("2020-12-01", 5, 2),
    ]
    assert [row["copied_run_count"] for row in rows] == [0, 2]


def test_runs_since_the_last_load(published: Path) -> None:
    """Both sample deliveries came with one load, so every run did."""
    assert len(answer(published, "runs_since_last_load")) == 293


def test_ages(published: Path) -> None:
    by_subject = answer(published, "subject_age")
    assert len(by_subject) == 82
    known = [row for row in by_subject if row["birth_date_latest"] is not None]
    assert all(0 <= row["oldest_age_today_years"] - row["youngest_age_today_years"] <= 1 for row in known)
    ages = [row["age_at_first_run_years"] for row in by_subject if row["age_at_first_run_years"] is not None]
    (mean,) = answer(published, "mean_age")
    assert (mean["subject_count"], mean["subject_with_age_count"]) == (82, len(ages))
    assert mean["mean_age_years"] == pytest.approx(sum(ages) / len(ages))


def test_men_and_women(published: Path) -> None:
    rows = {row["sex"]: row for row in answer(published, "subject_count_by_sex")}
    assert set(rows) == {"female", "male", None}
    assert sum(row["subject_count"] for row in rows.values()) == 82
    assert sum(row["subject_pct"] for row in rows.values()) == pytest.approx(100)
    assert sum(row["copied_subject_count"] for row in rows.values()) == 1


def test_heart_rates_are_compared_as_scipy_does(published: Path) -> None:
    with duckdb.connect(str(published), read_only=True) as con:
        women, men = (
            [
                rate
                for (rate,) in con.execute(
                    "select mean_heart_rate_bpm from ecg.subject where sex = ? and mean_heart_rate_bpm is not null",
                    [sex],
                ).fetchall()
            ]
            for sex in ("female", "male")
        )
    expected = stats.ttest_ind(women, men, equal_var=False)
    low, high = expected.confidence_interval(0.95)
    (found,) = answer(published, "heart_rate_by_sex")
    assert (found["female_n"], found["male_n"]) == (len(women), len(men))
    assert found["degrees_of_freedom"] == pytest.approx(expected.df)
    assert found["difference_ci95_low_bpm"] == pytest.approx(low, abs=1e-4)
    assert found["difference_ci95_high_bpm"] == pytest.approx(high, abs=1e-4)
    assert found["is_different"] == (expected.pvalue < 0.05)


def test_heart_rates_of_a_few_are_compared_as_scipy_does() -> None:
    """The quantile's expansion is least exact for few degrees of freedom."""
    rates = {"female": [62.0, 71.0, 66.0, 80.0], "male": [58.0, 64.0, 61.0]}
    with duckdb.connect() as con:
        con.execute("create schema ecg")
        con.execute("create table ecg.subject (sex varchar, mean_heart_rate_bpm double)")
        for sex, values in rates.items():
            con.execute("insert into ecg.subject select ?, unnest(?)", [sex, values])
        found = con.execute(ANALYSES["heart_rate_by_sex"].read_text())
        row = dict(zip([column[0] for column in found.description], found.fetchall()[0], strict=True))
    expected = stats.ttest_ind(rates["female"], rates["male"], equal_var=False)
    low, high = expected.confidence_interval(0.95)
    assert expected.df < 6
    assert row["difference_ci95_low_bpm"] == pytest.approx(low, abs=0.02)
    assert row["difference_ci95_high_bpm"] == pytest.approx(high, abs=0.02)
