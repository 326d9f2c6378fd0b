"""dbt's models as SQL, run in a warehouse in memory as dbt runs them: many small builds in the time of one."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.support.dbt_home import DbtHome

# A watermark that no load reaches. The incremental SQL is compiled with it and run with the watermark of its table.
WATERMARK = 999_999_999_999


@dataclass(frozen=True)
class Model:
    """A model, or a seed: its SQL when everything is built, and when a table grows by what is new."""

    relation: str
    materialized: str
    sql: str
    incremental_sql: str
    unique_key: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    # Table of hashes, if the model replaces partitions by the hash of their source.
    partition_hashes: str | None = None


def compiled(folder: Path, select: str) -> list[Model]:
    """Compile the chosen models, in the order of their dependence; seeds become a model that reads their file."""
    home = DbtHome(folder).prepare()
    # Once built, empty: dbt compiles the incremental SQL only where there is a table to grow.
    assert home.dbt("build", "--select", select, "--exclude-resource-type", "test", "unit_test").success
    with home.warehouse() as con:
        _set_watermarks(con)
    nodes = {
        is_full: _nodes(home, "compile", "--select", select, *(["--full-refresh"] if is_full else []))
        for is_full in (True, False)
    }
    remaining = dict(nodes[True])
    models: list[Model] = []
    while remaining:
        free = [name for name, node in remaining.items() if not remaining.keys() & set(_parents(node))]
        models += [_model(remaining.pop(name), nodes[False][name], nodes[True]) for name in free]
    return models


def _set_watermarks(con: duckdb.DuckDBPyConnection) -> None:
    tables = con.execute(
        "select schema_name || '.' || table_name from duckdb_columns() "
        "where database_name = current_database() and column_name = 'rule_hash'"
    ).fetchall()
    for (table,) in tables:
        # A new table has no constraints: the other columns may be null.
        con.execute(
            f"create or replace table {table} as from {table} union all by name select {WATERMARK} as seen_load_id"
        )


def _nodes(home: DbtHome, *arguments: str) -> dict[str, dict[str, Any]]:
    assert home.dbt(*arguments).success
    nodes = json.loads((home.target_path / "manifest.json").read_text())["nodes"]
    return {
        name: node
        for name, node in nodes.items()
        if (node.get("compiled_code") and node["resource_type"] == "model") or node["resource_type"] == "seed"
    }


def _parents(node: dict[str, Any]) -> list[str]:
    return list(node["depends_on"].get("nodes", []))


def _model(full: dict[str, Any], incremental: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> Model:
    relation = _relation(full)
    if full["resource_type"] == "seed":
        path = Path(full["root_path"]) / full["original_file_path"]
        sql = f"select * from read_csv('{path}', header = true, all_varchar = true)"
        return Model(relation, "table", sql, sql)
    config = full["config"]
    unique_key = config["unique_key"] or []
    hashes = config["meta"].get("replaces_partitions_by_hash")
    return Model(
        relation,
        config["materialized"],
        full["compiled_code"],
        incremental["compiled_code"],
        (unique_key,) if isinstance(unique_key, str) else tuple(unique_key),
        tuple(full["tags"]),
        tuple(sorted(_seeds(full, nodes))),
        _relation(nodes[f"model.vitalhouse.{hashes}"]) if hashes else None,
    )


def _relation(node: dict[str, Any]) -> str:
    return f"{node['schema']}.{node['alias']}"


def _seeds(node: dict[str, Any], nodes: dict[str, dict[str, Any]]) -> set[str]:
    """Name the seeds that a model is made from, itself or through its parents."""
    seeds: set[str] = set()
    for parent in (nodes[name] for name in _parents(node) if name in nodes):
        seeds |= {_relation(parent)} if parent["resource_type"] == "seed" else _seeds(parent, nodes)
    return seeds


def build(con: duckdb.DuckDBPyConnection, models: list[Model], *, full_refresh: bool = False) -> None:
    """Build the models as dbt does: tables from scratch, incremental ones by their strategy.

    Incremental tables are built from scratch by the rule of the macro ``should_full_refresh``.
    """
    for model in models:
        if model.materialized == "view":
            if full_refresh:
                con.execute(f"create schema if not exists {model.relation.split('.')[0]}")
                con.execute(f"create or replace view {model.relation} as {model.sql}")
        elif model.materialized != "incremental" or full_refresh or _should_full_refresh(con, model):
            con.execute(f"create schema if not exists {model.relation.split('.')[0]}")
            con.execute(f"create or replace table {model.relation} as {_with_rule_hash(con, model, model.sql)}")
        else:
            sql = model.incremental_sql
            if str(WATERMARK) in sql:
                sql = sql.replace(str(WATERMARK), str(_watermark(con, model)))
            con.execute(f"create or replace temp table new_rows as {_with_rule_hash(con, model, sql)}")
            keys = ", ".join(model.unique_key)
            if model.partition_hashes:
                current = f"select source_hash from {model.partition_hashes}"
                con.execute(f"delete from {model.relation} where source_hash not in ({current})")
            elif keys:
                con.execute(f"delete from {model.relation} where ({keys}) in (select distinct {keys} from new_rows)")
            con.execute(f"insert into {model.relation} by name select * from new_rows")


def _should_full_refresh(con: duckdb.DuckDBPyConnection, model: Model) -> bool:
    if model.partition_hashes:
        return False
    removal = con.execute(
        "select coalesce(max(load_id), 0) from catalog.load"
        " where removed_row_count > 0 and list_contains(?, measurement)",
        [list(model.tags)],
    ).fetchone()
    assert removal is not None
    rules = {rule for (rule,) in con.execute(f"select distinct rule_hash from {model.relation}").fetchall()}
    return removal[0] > _watermark(con, model) or not rules <= {_rule_hash(con, model)}


def _watermark(con: duckdb.DuckDBPyConnection, model: Model) -> int:
    row = con.execute(f"select coalesce(max(seen_load_id), 0) from {model.relation}").fetchone()
    assert row is not None
    return int(row[0])


def _with_rule_hash(con: duckdb.DuckDBPyConnection, model: Model, sql: str) -> str:
    """Give the column ``rule_hash`` the hash of the seeds as they are now; that of the SQL never changes here."""
    if model.materialized != "incremental" or model.partition_hashes:
        return sql
    return f"select * replace ('{_rule_hash(con, model)}' as rule_hash) from ({sql})"


def _rule_hash(con: duckdb.DuckDBPyConnection, model: Model) -> str:
    rows = [sorted(map(str, con.execute(f"from {seed}").fetchall())) for seed in model.seeds]
    return hashlib.md5(repr(rows).encode()).hexdigest()
