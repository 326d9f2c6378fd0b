"""Each generic test of the project sees bad rows, and only those."""

import shutil
from pathlib import Path

import pytest

from tests.support.dbt_home import PROJECT_PATH, DbtHome, DbtRun

PROJECT = """
name: bad_rows
version: 0.1.0
profile: bad_rows
flags: {send_anonymous_usage_stats: false}
vars: {consent_scope: customer}
"""

PROFILE = """
bad_rows:
  target: local
  outputs:
    local: {type: duckdb, path: "{{ env_var('VITALHOUSE_HOME') }}/warehouse.duckdb", threads: 1}
"""

# For each generic test: its arguments, rows (key, value) that pass and rows that must fail.
CASES = {
    "no_nulls": (
        "no_nulls: {arguments: {columns: [key, value]}}",
        "(1, 1), (1, 2)",
        {"first_column": "(null, 1)", "second_column": "(1, 1), (2, null)"},
    ),
    "unique_combination": (
        "unique_combination: {arguments: {columns: [key, value]}}",
        "(1, 1), (1, 2), (2, 1)",
        {"pair": "(1, 1), (2, 1), (1, 1)", "pair_with_null": "(1, null), (1, null)"},
    ),
    "only_consented": (
        "only_consented: {arguments: {clinic: key, email: value}}",
        # Of the lab's customers, a has consented with both devices, b with one of two, c not, d from 2999 on.
        "('lab', 'a')",
        {
            "no_consent": "('lab', 'a'), ('lab', 'c')",
            "one_of_two": "('lab', 'b')",
            "future": "('lab', 'd')",
            "unknown": "('lab', 'e')",
            "other_clinic": "('gym', 'a')",
            "nobody": "('lab', null)",
        },
    ),
    "accepted_range": (
        "accepted_range: {arguments: {column_name: value, min_value: 0, max_value: 10}}",
        "(1, 0), (2, 10), (3, null)",
        {"below": "(1, 5), (2, -0.001)", "above": "(1, 10.001)"},
    ),
    "accepted_ranges": (
        "accepted_ranges: {arguments: {ranges: {key: [1, null], value: [0, 10]}}}",
        "(1, 0), (99, 10), (null, null)",
        {"first_column": "(0, 5)", "below": "(1, 5), (2, -0.001)", "above": "(1, 10.001)"},
    ),
    "accepted_values_by_column": (
        "accepted_values_by_column: {arguments: {values: {key: [1, 2], value: ['it', 'it''s']}}}",
        "(1, 'it'), (2, 'it''s'), (null, null)",
        {"number": "(3, 'it')", "text": "(1, 'it'), (1, 'its')"},
    ),
    "every_record_has_its_row": (
        """every_record_has_its_row: {arguments: {of: "(select 1 as key, 7 as _load_id)", key: key}}""",
        "(1, 1), (2, 1)",
        {"missing": "(2, 1)"},
    ),
}

# What only_consented asks: clinic, email address, device, consent as of.
CONSENTS = """
    select
        clinic || ':' || email || ':' || serial_number as customer_key,
        *,
        timestamp '2022-01-01' as last_updated_at,
        '2022-01' as last_delivery,
        '' as path_below,
        1 as _row_number
    from (
        values
        ('lab', 'a', 's1', timestamp '2022-01-01'), ('lab', 'a', 's2', timestamp '2021-01-01'),
        ('lab', 'b', 's3', timestamp '2022-01-01'), ('lab', 'b', 's4', null),
        ('lab', 'c', 's5', null), ('lab', 'd', 's6', timestamp '2999-01-01'),
        ('gym', 'a', 's1', null)
    ) as rows (clinic, email, serial_number, research_consent_at)
"""


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> DbtRun:
    """A project with a model for each case, built with the real project's generic tests."""
    project = tmp_path_factory.mktemp("bad_rows")
    (project / "dbt_project.yml").write_text(PROJECT)
    (project / "profiles.yml").write_text(PROFILE)
    shutil.copytree(PROJECT_PATH / "tests" / "generic", project / "tests" / "generic")
    shutil.copytree(PROJECT_PATH / "macros", project / "macros")
    (project / "models").mkdir()
    (project / "models" / "stg_balance__customer.sql").write_text(CONSENTS)
    (project / "models" / "customer_consent_history.sql").write_text("select 1 as nothing")
    entries = []
    for name, (arguments, good, bad) in CASES.items():
        for case, values in {"good": good, **bad}.items():
            sql = f"select * from (values {values}) as rows (key, value)"
            (project / "models" / f"{name}_{case}.sql").write_text(sql)
            test = arguments.replace(": {", f": {{name: test_{name}_{case}, ", 1)
            entries.append(f"  - name: {name}_{case}\n    data_tests:\n      - {test}\n")
    (project / "models" / "models.yml").write_text("models:\n" + "".join(entries))
    return DbtHome(tmp_path_factory.mktemp("home"), project).dbt("build")


def test_every_generic_test_has_a_case() -> None:
    assert {path.stem for path in Path(PROJECT_PATH / "tests" / "generic").glob("*.sql")} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_generic_test_passes_on_good_rows(outcome: DbtRun, name: str) -> None:
    assert outcome.statuses[f"test_{name}_good"] == "pass"


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, (_, _, bad) in CASES.items() for case in bad])
def test_generic_test_fails_on_bad_rows(outcome: DbtRun, name: str, case: str) -> None:
    assert outcome.statuses[f"test_{name}_{case}"] == "fail"
