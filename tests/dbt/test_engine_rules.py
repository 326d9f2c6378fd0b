"""Rules that keep SQL of one engine in macros/engine, and incremental models few."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dbt.test_conventions import MEASUREMENTS, models
from tests.support.dbt_home import PROJECT_PATH

Manifest = dict[str, Any]

MACROS = PROJECT_PATH / "macros"
# Each says in its description what it would cost to build it from scratch, with the figure.
INCREMENTAL = {
    "int_bloodtest_test__deduplicated",
    "int_practice_claim__deduplicated",
    "int_practice_diagnosis__deduplicated",
    "int_practice_revenue__by_window",
    "int_wearable_file__time_coverage",
    "int_wearable_reading__by_minute",
    "int_wearable_reading__by_quarter_hour",
}
MEASURED = re.compile(r"\d+(\.\d+)? processor seconds")
# What Spark 4.3 refuses, and the macro in macros/engine or the plain SQL that stands for it.
DUCKDB_ONLY = {
    "unnest(": "unnest_list",
    "generate_series(": "window_starts or days_between",
    "list(": "distinct_values",
    "len(": "list_length",
    "[]": "distinct_values over no row, or a join that leaves null",
    "row(": "row_value",
    "struct_pack(": "row_value, or the columns by name",
    "read_parquet(": "read_parquet_folder",
    "nfc_normalize(": "normalise_identifier",
    "regexp_full_match(": "regexp_full_match of macros/engine",
    "try_cast(": "text_to_bigint, text_to_double, text_to_date",
    "timezone(": "local_to_utc, utc_to_local",
    "time_bucket(": "time_bucket_minutes",
    "date_diff(": "minutes_between",
    "epoch_ms(": "timestamp_to_epoch_ms",
    "make_timestamp(": "epoch_ms_to_timestamp",
    "to_years(": "years_before",
    "//": "integer_division",
    "sha256(": "hmac_sha256",
    "getvariable(": "hmac_sha256",
    "hash(": "group_hash",
    "bit_xor(": "group_hash",
    "hugeint": "exact_sum, exact_sum_of_squares",
    "ubigint": "group_hash",
    "string_agg(": "distinct_values",
    "chr(": "a text literal",
    "exclude (": "the columns by name",
    "by name": "the columns in one order",
    "not materialized": "nothing: the engine plans",
    "infinity": "null for an open end",
}
# Models that still say it, each with the reason.
EXCEPTIONS: dict[str, set[str]] = {}


def code(text: str) -> str:
    """Return SQL without comments and texts, in lower case."""
    for pattern in (r"\{#.*?#\}", r"'(?:[^']|'')*'", r"--[^\n]*"):
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    return text.lower()


def constructs(sql: str) -> set[str]:
    """Return the constructs of DuckDB alone that SQL has outside its macro calls."""
    plain = re.sub(r"\{\{.*?\}\}", " ", code(sql), flags=re.DOTALL)
    return {
        construct
        for construct in DUCKDB_ONLY
        if re.search((r"\b" if construct[0].isalpha() else "") + re.escape(construct), plain)
    }


def files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((MACROS / folder).rglob("*.sql"))


def test_models_have_no_sql_of_one_engine(manifest: Manifest) -> None:
    found = {model["name"]: constructs(model["raw_code"]) for model in models(manifest) if model["language"] == "sql"}
    assert {name: present for name, present in found.items() if present} == EXCEPTIONS


@pytest.mark.parametrize(
    ("sql", "present"),
    [
        ("select unnest(x), {{ unnest_list('y') }} -- row(1)", {"unnest("}),
        ("select * exclude (a), 'len(x)' as len from b", {"exclude ("}),
        ("select {{ list_length('x') }}, a / b, row_number() over () from c {# // #}", set()),
        ("select cast(1 as HUGEINT) // 2", {"hugeint", "//"}),
    ],
)
def test_a_construct_of_one_engine_is_seen(sql: str, present: set[str]) -> None:
    assert constructs(sql) == present


def test_every_engine_macro_has_a_version_for_this_engine() -> None:
    """`adapter.dispatch` finds it by its prefix; another engine adds its own beside it."""
    names = {name for path in files("engine") for name in re.findall(r"\{% macro (\w+)\(", path.read_text())}
    versions = {name for name in names if re.match(r"(default|duckdb|spark)__", name)}
    own = {name.split("__", 1)[1] for name in versions if not name.startswith("spark__")}
    assert names - versions == own
    assert {name.split("__", 1)[1] for name in versions} == own


def test_general_macros_name_no_source() -> None:
    named = [
        f"{path.name}: {measurement}"
        for path in files("engine", "keys", "incremental", "project")
        for measurement in MEASUREMENTS
        if re.search(rf"\b{measurement}\b", path.read_text(), re.IGNORECASE)
    ]
    assert named == []


def test_incremental_models_are_few_and_each_has_a_measured_reason(manifest: Manifest) -> None:
    incremental = {
        model["name"]: model["description"]
        for model in models(manifest)
        if model["config"]["materialized"] == "incremental"
    }
    assert incremental.keys() == INCREMENTAL
    assert [name for name, description in incremental.items() if not MEASURED.search(description)] == []


def test_no_hook_stands_beside_a_model(manifest: Manifest) -> None:
    assert [
        model["name"] for model in models(manifest) if model["config"]["pre-hook"] or model["config"]["post-hook"]
    ] == []


def test_the_engine_is_not_steered() -> None:
    steered = [
        path.name
        for path in PROJECT_PATH.rglob("*.sql")
        if re.search(r"disabled_optimizers|\bnot materialized\b", code(path.read_text()))
        and not path.is_relative_to(PROJECT_PATH / "target")
    ]
    assert steered == []


def test_the_dbt_project_imports_nothing_of_orchestration() -> None:
    modules = sorted(PROJECT_PATH.rglob("*.py"))
    assert modules
    assert [
        path.name for path in modules if re.search(r"^\s*(from|import) orchestration\b", path.read_text(), re.M)
    ] == []
