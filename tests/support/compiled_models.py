"""dbt's models as SQL, run in a warehouse in memory as dbt runs them: many small builds in the time of one."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.support.dbt_home import DbtHome


@dataclass(frozen=True)
class Model:
    """A model, or a seed: its SQL when everything is built, and when a table grows by what is new."""

    relation: str
    materialized: str
    sql: str
    incremental_sql: str
    unique_key: tuple[str, ...]
    post_hooks: tuple[str, ...]


def compiled(folder: Path, select: str) -> list[Model]:
    """The chosen models in the order of their dependence; seeds as a model that reads their file."""
    home = DbtHome(folder).prepare()
    # Once built, empty: dbt compiles the incremental SQL only where there is a table to grow.
    assert home.dbt("build", "--select", select, "--exclude", "resource_type:test").success
    nodes = {
        is_full: _nodes(home, "compile", "--select", select, *(["--full-refresh"] if is_full else []))
        for is_full in (True, False)
    }
    remaining = dict(nodes[True])
    models: list[Model] = []
    while remaining:
        free = [
            name for name, node in remaining.items() if not remaining.keys() & set(node["depends_on"].get("nodes", []))
        ]
        models += [_model(remaining.pop(name), nodes[False][name]) for name in free]
    return models


def _nodes(home: DbtHome, *arguments: str) -> dict[str, dict[str, Any]]:
    assert home.dbt(*arguments).success
    nodes = json.loads((home.target_path / "manifest.json").read_text())["nodes"]
    return {
        name: node
        for name, node in nodes.items()
        if (node.get("compiled_code") and node["resource_type"] == "model") or node["resource_type"] == "seed"
    }


def _model(full: dict[str, Any], incremental: dict[str, Any]) -> Model:
    relation = f"{full['schema']}.{full['name']}"
    if full["resource_type"] == "seed":
        path = Path(full["root_path"]) / full["original_file_path"]
        sql = f"select * from read_csv('{path}', header = true, all_varchar = true)"
        return Model(relation, "table", sql, sql, (), ())
    config = full["config"]
    return Model(
        relation,
        config["materialized"],
        full["compiled_code"],
        incremental["compiled_code"],
        tuple(config["unique_key"] or ()),
        # Others say how to plan, not what to write.
        tuple(
            hook["sql"].replace("{{ this }}", relation) for hook in config["post-hook"] if "{{ this }}" in hook["sql"]
        ),
    )


def build(con: duckdb.DuckDBPyConnection, models: list[Model], *, full_refresh: bool = False) -> None:
    """Build the models as dbt does: tables anew, incremental ones by deleting and inserting."""
    for model in models:
        if model.materialized == "view":
            if full_refresh:
                con.execute(f"create schema if not exists {model.relation.split('.')[0]}")
                con.execute(f"create or replace view {model.relation} as {model.sql}")
        elif model.materialized != "incremental" or full_refresh:
            con.execute(f"create schema if not exists {model.relation.split('.')[0]}")
            con.execute(f"create or replace table {model.relation} as {model.sql}")
        else:
            con.execute(f"create or replace temp table new_rows as {model.incremental_sql}")
            same = " and ".join(f"old.{column} = new_rows.{column}" for column in model.unique_key)
            con.execute(f"delete from {model.relation} as old using new_rows where {same}")
            con.execute(f"insert into {model.relation} by name select * from new_rows")
            for hook in model.post_hooks:
                con.execute(hook)
