"""The project's own rules, read from dbt's manifest."""

import re
from typing import Any

import yaml

from orchestration.lib.sources import ENTITIES, MEASUREMENTS
from python_transforms.ecg_features import FEATURES
from tests.support.dbt_home import PROJECT_PATH, DbtHome

# Schema of the warehouse for each layer; a mart's is its domain.
LAYER_SCHEMA = {"staging": "staging", "intermediate": "intermediate"}
# What the rule of consent is told with (docs/consent.md) has the names that the rule gives it.
ZONE_NAMES = {"customer_consent_history", "customer_trusted", "accelerometer_trusted", "step_trainer_trusted"}
# What each layer may read. Staging is the only one that reads what the loader wrote.
ALLOWED_PARENTS = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate", "seed"},
    "marts": {"staging", "intermediate", "marts", "seed", "snapshot"},
}

Manifest = dict[str, Any]


def models(manifest: Manifest, layer: str | None = None) -> list[dict[str, Any]]:
    found = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert found
    return [node for node in found if layer is None or node["fqn"][1] == layer]


def layer_of(manifest: Manifest, unique_id: str) -> str:
    kind = unique_id.split(".")[0]
    return kind if kind in ("source", "seed", "snapshot") else str(manifest["nodes"][unique_id]["fqn"][1])


def test_parse_has_no_warning(parsed: DbtHome) -> None:
    assert (parsed.target_path / "manifest.json").exists()


def test_no_statistics_leave_the_machine() -> None:
    project = yaml.safe_load((PROJECT_PATH / "dbt_project.yml").read_text())
    assert project["flags"]["send_anonymous_usage_stats"] is False
    assert not (PROJECT_PATH / "packages.yml").exists()


def test_every_model_and_source_says_its_grain_first(manifest: Manifest) -> None:
    described = [*models(manifest), *manifest["sources"].values()]
    assert [node["name"] for node in described if not node["description"].startswith("One row per ")] == []


def test_every_column_is_described(manifest: Manifest) -> None:
    relations = [
        node
        for node in [*manifest["nodes"].values(), *manifest["sources"].values()]
        if node["resource_type"] in ("model", "source", "seed", "snapshot")
    ]
    undescribed = [
        f"{node['name']}.{column['name']}"
        for node in relations
        for column in node["columns"].values()
        if not column["description"].strip()
    ]
    assert undescribed == []
    assert [node["name"] for node in relations if not node["columns"]] == []


def test_described_columns_are_those_of_the_warehouse(manifest: Manifest, empty: DbtHome) -> None:
    others = [node for node in manifest["nodes"].values() if node["resource_type"] in ("seed", "snapshot")]
    described = {
        f"{node['schema']}.{node.get('identifier') or node['alias']}": {*node["columns"], *undescribed_features(node)}
        for node in [*models(manifest), *others, *manifest["sources"].values()]
    }
    columns = empty.query(
        "select schema_name || '.' || table_name as name, list(column_name) "
        "from duckdb_columns() where not internal group by name"
    )
    found = {name: set(names) for name, names in columns}
    # The memory of the crawl is the loader's own, and so is what raw views are made of.
    del found["catalog.directory"]
    for entity in ENTITIES:
        if entity.view_sql:
            for table in entity.tables:
                del found[table.name]
    assert described == found


def undescribed_features(node: dict[str, Any]) -> dict[str, Any]:
    """Return the features of an ECG run if the relation has them and refers to the mart `run` for their meaning."""
    return FEATURES if node["config"]["meta"].get("has_ecg_features") else {}


def test_every_mart_has_a_contract_with_types(manifest: Manifest) -> None:
    for mart in models(manifest, "marts"):
        assert mart["config"]["contract"]["enforced"], mart["name"]
        assert [name for name, column in mart["columns"].items() if not column["data_type"]] == []


def test_every_mart_has_a_key_that_is_tested(manifest: Manifest) -> None:
    tested = {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node.get("test_metadata", {}).get("name") in ("unique", "unique_combination")
    }
    # A view over millions of samples: its key is the position in a list, unique by construction.
    by_construction = {"sample"}
    untested = {mart["name"] for mart in models(manifest, "marts") if mart["unique_id"] not in tested}
    assert untested == by_construction


def test_staging_models_are_views(manifest: Manifest) -> None:
    assert {model["config"]["materialized"] for model in models(manifest, "staging")} == {"view"}


def test_layers_read_only_what_they_may(manifest: Manifest) -> None:
    for model in models(manifest):
        layer = model["fqn"][1]
        parents = {layer_of(manifest, parent) for parent in model["depends_on"]["nodes"]}
        assert parents <= ALLOWED_PARENTS[layer], f"{model['name']} reads {parents}"


def test_relations_are_never_named_without_ref_or_source(manifest: Manifest) -> None:
    schemas = "|".join(["raw", "catalog", "staging", "intermediate", *MEASUREMENTS])
    pattern = re.compile(rf"\b(from|join)\s+({schemas})\.", re.IGNORECASE)
    assert [model["name"] for model in models(manifest) if pattern.search(model["raw_code"])] == []


def test_models_are_named_for_their_layer(manifest: Manifest) -> None:
    for model in models(manifest):
        layer, topic, name = model["fqn"][1], model["fqn"][2], model["name"]
        if layer == "staging":
            assert re.fullmatch(rf"stg_{topic}__[a-z][a-z_]*", name), name
        elif layer == "intermediate" and name not in ZONE_NAMES:
            assert re.fullmatch(rf"int_{topic}(_[a-z]+)*__[a-z][a-z0-9_]*", name), name
        else:
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), name
            assert not name.startswith(("stg_", "int_", "fct_", "dim_")), name
        assert model["schema"] == LAYER_SCHEMA.get(layer, topic), name


def test_every_model_and_source_has_the_tag_of_its_source(manifest: Manifest) -> None:
    known = {*MEASUREMENTS, "catalog"}
    for node in [*models(manifest), *manifest["sources"].values()]:
        assert len(known & set(node["tags"])) == 1, node["name"]


def test_column_names_say_what_they_hold(manifest: Manifest) -> None:
    for mart in models(manifest, "marts"):
        for name, column in mart["columns"].items():
            kind = column["data_type"]
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name), f"{mart['name']}.{name}"
            # "drinks_alcohol" reads better than any name with is_ or has_.
            assert (kind == "boolean") == name.startswith(("is_", "has_", "drinks_")), f"{mart['name']}.{name}"
            assert (kind == "timestamp") == name.endswith("_at"), f"{mart['name']}.{name}"
            if kind == "date":
                assert name.endswith("_on") or "date" in name, f"{mart['name']}.{name}"


def test_yaml_files_are_named_for_what_they_hold() -> None:
    for path in (PROJECT_PATH / "models").rglob("*.yml"):
        layer, folder = path.parent.parent.name, path.parent.name
        if layer == "marts" and path.name != f"_{folder}__unit_tests.yml":
            # one file a mart, beside its SQL
            content = yaml.safe_load(path.read_text())
            assert [model["name"] for model in content.pop("models")] == [path.stem], path
            assert not content, path
        else:
            assert re.fullmatch(rf"_{folder}__(sources|models|unit_tests)\.yml", path.name), path.name


def test_every_test_is_an_asset_check(manifest: Manifest) -> None:
    """dagster-dbt attaches a test to the node it stands at, to its only parent, or to the one that its meta names."""
    for node in manifest["nodes"].values():
        if node["resource_type"] != "test":
            continue
        named = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
        parents = {parent.split(".")[-1] for parent in node["depends_on"]["nodes"]}
        assert node.get("attached_node") or len(parents) == 1 or named in parents, node["name"]


def test_singular_tests_say_what_a_returned_row_means() -> None:
    for path in (PROJECT_PATH / "tests").rglob("*.sql"):
        if path.parent.name == "generic":
            assert re.match(r"(?s)\{% test \w+\([^{]*\) %\}\n\{#\n    Fails where ", path.read_text()), path.name
        else:
            assert path.read_text().startswith("-- A returned row is "), path.name
            assert path.name.startswith("assert_"), path.name


def test_macros_say_what_they_do() -> None:
    for path in (PROJECT_PATH / "macros").glob("*.sql"):
        text = path.read_text()
        assert text.startswith("{#"), path.name
        assert text.count("{% macro ") <= text.count("{#"), path.name


def test_ecg_features_are_those_of_the_contract(manifest: Manifest) -> None:
    run = next(model for model in models(manifest, "marts") if model["name"] == "run")
    described = {
        name: (run["columns"][name]["data_type"].upper(), run["columns"][name]["description"].strip())
        for name in run["columns"]
        if name in FEATURES
    }
    assert list(described.items()) == [
        (name, (feature.dtype, feature.description)) for name, feature in FEATURES.items()
    ]


def test_what_holds_personal_data_is_tagged_or_not_published(manifest: Manifest) -> None:
    sources = {node["name"]: node for node in manifest["sources"].values() if node["source_name"] == "catalog"}
    assert sources["rejected_row"]["columns"]["raw_text"]["config"]["meta"]["contains_personal_data"] is True
    assert {name for name, node in sources.items() if node["config"]["meta"].get("published")} == {
        "file",
        "load",
        "rejected_row",
    }
    not_published = {
        model["name"]
        for model in models(manifest, "marts")
        if model["fqn"][2] == "ecg" and model["config"]["meta"].get("published") is False
    }
    assert not_published == {"sample", "beat"}


def test_every_source_is_staged_so_that_its_tests_are_asset_checks(manifest: Manifest) -> None:
    """dagster-dbt shows the tests of a source only where a model reads it."""
    read = {parent for model in models(manifest, "staging") for parent in model["depends_on"]["nodes"]}
    assert set(manifest["sources"]) == read
