"""Who is it, from signal files to the published file: on made-up people whose beats are their own."""

import pytest

from orchestration.lib.lake.files import Lake
from orchestration.lib.query.sql import run_query
from orchestration.lib.sources import open_warehouse
from synthetic.ecg import write_deliveries
from tests.pipeline.conftest import SCALE, Built
from tests.support.ecg_files import ingest

SUMMARY = """
    select protocol, asked_run_count, gallery_subject_count, rank1_pct from ecg.identification_summary order by protocol
"""
MARTS = ("identification", "identification_summary", "feature_variability")


def marts(built: Built) -> dict[str, object]:
    with open_warehouse(built.home.warehouse_path).read() as con:
        return {mart: con.execute(f"from ecg.{mart} order by all").fetchall() for mart in MARTS}


def test_people_are_told_apart_from_their_signal_files_alone(built: Built) -> None:
    with open_warehouse(built.home.warehouse_path).read() as con:
        summary = con.execute(SUMMARY).fetchall()
        assert [protocol for protocol, *_ in summary] == ["chronological", "cross_session", "one_shot"]
        for _, asked_run_count, gallery_subject_count, rank1_pct in summary:
            assert asked_run_count >= 8
            # eight subjects and a newcomer; the other newcomer is a copy of one of them
            assert gallery_subject_count == 9
            # by chance it would be 11 %
            assert rank1_pct >= 90
        asked, enrolled = con.execute(
            """
            select count(*) filter (where protocol = 'one_shot'), (
                select count(*) from ecg.run where is_usable and duplicate_of_run_key is null
                    and near_duplicate_of_run_key is null
            ) from ecg.identification
            """
        ).fetchall()[0]
        assert asked == enrolled - 9
        # R amplitude is drawn for a person, wander and noise for a run
        ((amplitude,), (wander,)) = con.execute(
            "select icc from ecg.feature_variability where feature in ('r_amplitude_mv', 'raw_min_mv') order by feature"
        ).fetchall()
        assert amplitude > 0.9 > 0.7 > wander


def test_nobody_s_beats_and_no_link_between_pseudonyms_are_published(built: Built) -> None:
    columns = run_query(
        built.home, "select table_name, column_name from duckdb_columns() where schema_name = 'ecg'"
    ).rows
    named = {column for table, column in columns if table == "identification"}
    assert {"run_key", "subject_key", "rank", "score"} <= named
    assert not {"best_match_subject_key", "second_match_subject_key"} & named
    assert not [column for _, column in columns if "template_mv" in column or "gallery_score" in column]
    with open_warehouse(built.home.warehouse_path).read() as con:
        assert con.execute("select count(best_match_subject_key) > 0 from ecg.identification").fetchall() == [(True,)]


@pytest.mark.slow
def test_runs_that_arrive_one_after_the_other_end_as_if_they_had_come_together(built: Built, fresh: Built) -> None:
    """The second delivery comes first."""
    lake, warehouse = Lake(fresh.home.lake_path), open_warehouse(fresh.home.warehouse_path)
    first, _ = write_deliveries(lake.root / "incoming", scale=SCALE)
    aside = first.rename(fresh.home.path / "aside")
    ingest(lake, warehouse)
    aside.rename(first)
    assert fresh.build(measurement="ecg").is_good
    assert marts(fresh) == marts(built)
