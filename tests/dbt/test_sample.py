"""The seeded sample deliveries through the whole project, and each singular test on marts that were damaged."""

import shutil
from pathlib import Path

import pytest

from tests.support.dbt_home import PROJECT_PATH, DbtHome, DbtRun

# For each singular test, damage that it must see.
DAMAGE = {
    "assert_current_files_agree_with_catalog": (
        "update intermediate.int_ecg_run__header_with_signal set header_loaded_raw_path = 'gone' "
        "where run_key = 'sf_state:01:1'"
    ),
    "assert_duplicate_points_to_an_original": (
        "update ecg.run set duplicate_of_run_key = 'sf_state:82:1' where run_key = 'sf_state:05:1'"
    ),
    "assert_every_consent_can_be_read": (
        "update intermediate.int_balance_customer__consent_status set has_research_consent_text = true, "
        "research_consent_at = null where customer_key = (select min(customer_key) from intermediate.customer_trusted)"
    ),
    "assert_every_day_is_of_its_files": (
        "update intermediate.int_wearable_reading__by_minute set source_hash = 1 "
        "where participant_key = 'watch_study:p002' and metric = 'steps'"
    ),
    "assert_every_participant_is_in_the_roster": "delete from raw.wearable_roster where participant_id = 'p010'",
    "assert_levels_add_up": (
        "update intermediate.int_wearable_reading__by_hour set reading_count = 2 "
        "where participant_key = 'watch_study:p001' and metric = 'steps'"
    ),
    "assert_no_reading_after_withdrawal": (
        "update wearable.participant set withdrawn_on = date '2024-10-23' where participant_key = 'watch_study:p005'"
    ),
    "assert_every_age_is_plausible": "update ecg.run set is_age_plausible = false where run_key = 'sf_state:01:1'",
    "assert_every_event_is_kept_or_discarded": (
        "delete from intermediate.int_practice_claim__deduplicated where claim_id = 7 and arrival_number = 1"
    ),
    "assert_revenue_is_that_of_the_claims": (
        "update practice.revenue_10min set revenue_eur = revenue_eur + 0.01"
        " where category = 'Asthma' and window_start_at = '2026-03-02 12:00:00'"
    ),
    "assert_every_run_has_its_beats": "update ecg.run set beat_count = beat_count + 1 where run_key = 'sf_state:01:2'",
    "assert_every_run_has_its_signal": (
        "update ecg.run_metadata set transform_load_id = 0 where run_key = 'sf_state:01:1'"
    ),
    "assert_every_run_is_a_header_and_a_signal": "delete from ecg.run where run_key = 'sf_state:04:1'",
    "assert_funnel_adds_up": "update balance.funnel set row_count = row_count + 1 where outcome = 'delivered again'",
    "assert_no_record_is_of_the_future": (
        "update intermediate.int_balance_customer__consent_status set last_updated_at = timestamp '2999-01-01' "
        "where customer_key = (select max(customer_key) from intermediate.customer_trusted)"
    ),
    "assert_no_copy_is_identified": (
        "update ecg.identification set run_key = "
        "(select min(run_key) from ecg.run where near_duplicate_of_run_key is not null) "
        "where protocol = 'one_shot' and run_key = 'sf_state:01:2'"
    ),
    "assert_every_counted_run_was_enrolled": (
        "update intermediate.int_ecg_run__header_with_signal set template_mv = null where run_key = 'sf_state:03:1'"
    ),
    "assert_identification_adds_up": (
        "update ecg.identification_summary set asked_run_count = asked_run_count + 1 where protocol = 'cross_session'"
    ),
    "assert_no_run_is_claimed_by_two_files": (
        "update ecg.run set has_conflicting_file = true where run_key = 'sf_state:01:1'"
    ),
    "assert_no_subject_contradicts_itself": (
        "update ecg.subject set has_conflict = true where subject_key = 'sf_state:01'"
    ),
    "assert_run_was_read_with_its_header": (
        "update intermediate.int_ecg_run__header_with_signal set is_read_with_its_header = false "
        "where run_key = 'sf_state:01:1'"
    ),
    "assert_current_version_is_the_last": (
        "update intermediate.int_bloodtest_patient__scd2 set is_current = true "
        "where patient_key = (select max(patient_key) from bloodtest.patient where version_count = 2)"
    ),
    "assert_every_patient_record_is_plausible": (
        "update intermediate.int_bloodtest_patient__scd2 set weight_kg = 1 where patient_key = 'sf_state:1018'"
    ),
    "assert_every_test_has_its_patient": (
        "update intermediate.int_bloodtest_test__deduplicated set patient_id = 'nobody' "
        "where test_key = (select min(test_key) from bloodtest.bloodtest)"
    ),
    "assert_no_doctor_has_two_names": "update bloodtest.doctor set name_variant_count = 2",
    "assert_no_lab_has_two_names": "update bloodtest.lab set name_variant_count = 2",
    "assert_no_row_is_of_a_replaced_file": (
        "update intermediate.int_bloodtest_test__deduplicated set load_id = 0 "
        "where test_key = (select min(test_key) from bloodtest.bloodtest)"
    ),
    "assert_patient_versions_follow_each_other": (
        "update intermediate.int_bloodtest_patient__scd2 set version_number = 3 where patient_key = 'sf_state:1018'"
    ),
    "assert_quality_expectations_hold": "delete from bloodtest.lab where lab_key = 'unknown'",
    "assert_quality_expectations_hold_or_warn": (
        "update intermediate.int_bloodtest_test__deduplicated set implausible_reason = 'implausible'"
    ),
    "assert_sample_funnel": "delete from balance.funnel where outcome = 'research consent begins in the future'",
    "assert_sample_row_counts": "delete from ecg.subject where subject_key = 'sf_state:82'",
    "assert_snapshot_knows_every_version": (
        "delete from intermediate.patient_history_snapshot where patient_key = 'sf_state:1018'"
    ),
    "assert_subject_counts_its_runs": "update ecg.subject set run_count = 99 where subject_key = 'sf_state:01'",
}
# These say what the data is like, and block nothing.
WARNINGS = {
    "assert_every_age_is_plausible",
    "assert_every_participant_is_in_the_roster",
    "assert_every_patient_record_is_plausible",
    "assert_every_test_has_its_patient",
    "assert_no_doctor_has_two_names",
    "assert_no_lab_has_two_names",
    "assert_every_consent_can_be_read",
    "assert_no_record_is_of_the_future",
    "assert_no_run_is_claimed_by_two_files",
    "assert_no_subject_contradicts_itself",
    "assert_quality_expectations_hold_or_warn",
    "assert_snapshot_knows_every_version",
}
# What the sample deliveries get wrong on purpose: two subjects contradict themselves, values cannot be, names differ.
ON_PURPOSE = {
    "assert_every_patient_record_is_plausible",
    "assert_no_doctor_has_two_names",
    "assert_no_lab_has_two_names",
    "assert_no_subject_contradicts_itself",
    "plausible_ranges_bloodtest",
    "plausible_ranges_patient",
}


def test_sample_deliveries_build_without_a_failure(sample: tuple[DbtHome, DbtRun]) -> None:
    _, run = sample
    assert run.success
    assert run.named("warn") == ON_PURPOSE
    assert run.statuses["assert_sample_row_counts"] == "pass"


def test_dbt_unit_tests_pass(sample: tuple[DbtHome, DbtRun]) -> None:
    """They run here once, and not in a user's build."""
    home, run = sample
    names = {node["name"] for node in home.manifest["unit_tests"].values()}
    assert names
    assert names <= run.named("pass")


def test_every_singular_test_has_its_damage() -> None:
    tests = {path.stem for path in (PROJECT_PATH / "tests").rglob("*.sql") if path.parent.name != "generic"}
    assert tests == set(DAMAGE)


@pytest.fixture(scope="module")
def damaged(sample: tuple[DbtHome, DbtRun], tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    home = DbtHome(tmp_path_factory.mktemp("damaged"))
    shutil.copytree(sample[0].path, home.path, dirs_exist_ok=True)
    with home.warehouse() as con:
        for sql in DAMAGE.values():
            con.execute(sql)
    return home.dbt("test", "--select", "test_type:singular", "--vars", "{check_sample_counts: true}")


@pytest.mark.parametrize("name", DAMAGE)
def test_singular_test_sees_its_damage(damaged: DbtRun, name: str) -> None:
    assert damaged.statuses[name] == ("warn" if name in WARNINGS else "fail")


def test_samples_are_read_from_the_lake_by_run(sample: tuple[DbtHome, DbtRun]) -> None:
    home, _ = sample
    question = "select {} from ecg.sample where run_key = 'sf_state:02:2'"
    columns = "count(*), min(sample_index), max(sample_index), max(time_s), count(raw_mv), count(filtered_mv)"
    assert home.query(question.format(columns)) == [(10_000, 0, 9_999, 19.998, 10_000, 10_000)]
    lowest, highest = home.query(question.format("min(filtered_mv), max(filtered_mv)"))[0]
    known = home.query("select filtered_min_mv, filtered_max_mv from ecg.run where run_key = 'sf_state:02:2'")[0]
    assert (lowest, highest) == pytest.approx(known, abs=1e-6)


def test_a_run_is_looked_up_and_not_searched_for(sample: tuple[DbtHome, DbtRun]) -> None:
    """The key reaches the Parquet scan, so that row groups of other runs are never read."""
    home, _ = sample
    with home.warehouse() as con:
        plan = con.execute("explain select * from ecg.sample where run_key = 'sf_state:02:2'").fetchall()[0][1]
    scan = plan[plan.index("READ_PARQUET") :]
    assert "run_key='sf_state:02:2'" in scan.replace(" ", "")


def test_samples_can_be_read_from_any_folder(
    sample: tuple[DbtHome, DbtRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert sample[0].query("select count(*) > 0 from ecg.sample") == [(True,)]
