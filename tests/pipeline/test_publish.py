"""The published file: whole, replaced at once, and never with personal data."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.core.home import Home
from orchestration.lib.modelling.manifest import GATE_TEST, publishable
from orchestration.lib.publish import publish as publishing
from orchestration.lib.publish.publish import publish
from orchestration.lib.publish.relations import PublishRefused, verify
from orchestration.lib.sources import MEASUREMENTS, open_warehouse
from tests.pipeline.conftest import Built


def node(name: str, columns: dict[str, dict[str, Any]], layer: str = "marts", **meta: Any) -> dict[str, Any]:
    """A model as dbt's manifest has it."""
    schema, _, alias = name.partition(".")
    return {
        "resource_type": "model",
        "fqn": ["vitalhouse", layer, schema, alias],
        "schema": schema,
        "alias": alias,
        "description": f"One row per {alias}.",
        "config": {"materialized": "table", "meta": meta},
        "columns": {
            key: {"name": key, "description": f"The {key}.", "config": {"meta": value}}
            for key, value in columns.items()
        },
    }


class House:
    """A warehouse with a mart of three columns, and the manifest that describes it."""

    def __init__(self, folder: Path) -> None:
        self.home = Home(folder).ensure()
        self.warehouse = open_warehouse(self.home.warehouse_path)
        self.manifest_path = folder / "manifest.json"
        self.nodes = [node("clinic.visit", {"visit_key": {}, "surname": {"contains_personal_data": True}, "price": {}})]
        self.change("create schema clinic; create schema staging")
        self.change("create table clinic.visit (visit_key varchar not null, surname varchar, price decimal(10, 2))")
        self.change("insert into clinic.visit values ('a:1', 'Doe', 12.5), ('a:2', 'Roe', 3)")

    def change(self, sql: str) -> None:
        with self.warehouse.write() as con:
            con.execute(sql)

    def publish(self, *measurements: str) -> publishing.PublishReport:
        """Publish some sources alone, or all."""
        manifest = {"nodes": {each["alias"]: each for each in self.nodes}, "sources": {}}
        self.manifest_path.write_text(json.dumps(manifest))
        return publish(self.warehouse, self.home.published_path, self.manifest_path, measurements or None)

    def withhold_gated(self) -> list[str]:
        return publishing.withhold_gated(self.warehouse, self.home.published_path, self.manifest_path)

    def load(self, measurement: str) -> None:
        """As if something had been loaded, of which no model knows yet."""
        self.change(
            "insert into catalog.load (load_id, measurement) "
            f"select coalesce(max(load_id), 0) + 1, '{measurement}' from catalog.load"
        )

    def build(self, relation: str) -> None:
        """As if dbt had made the table from all that is loaded."""
        self.change(
            f"alter table {relation} add column if not exists {publishing.SEEN_LOAD_ID} bigint; "
            f"update {relation} set {publishing.SEEN_LOAD_ID} = (select max(load_id) from catalog.load)"
        )

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.home.published_path), read_only=True) as con:
            return con.execute(sql).fetchall()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "home")


def test_a_tagged_column_is_left_out_and_the_others_keep_order_type_and_rows(house: House) -> None:
    report = house.publish()
    assert report.row_counts == {"clinic.visit": 2}
    assert house.ask("select column_name, data_type from duckdb_columns() where table_name = 'visit'") == [
        ("visit_key", "VARCHAR"),
        ("price", "DECIMAL(10,2)"),
    ]
    assert [str(price) for (price,) in house.ask("select price from clinic.visit order by visit_key")] == [
        "12.50",
        "3.00",
    ]


def test_what_models_and_columns_mean_is_published_with_them(house: House) -> None:
    house.publish()
    assert house.ask("select comment from duckdb_tables() where table_name = 'visit'") == [("One row per visit.",)]
    assert ("The price.",) in house.ask("select comment from duckdb_columns() where column_name = 'price'")


def test_the_publication_says_what_it_is(house: House) -> None:
    report = house.publish()
    assert house.ask("select publication_id, published_at, relation, row_count from catalog.publication") == [
        (report.publication_id, report.published_at, "clinic.visit", 2)
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        node("clinic.note", {"text": {}}, published=False),
        node("staging.note", {"text": {}}, layer="staging"),
        node("intermediate.note", {"text": {}}, layer="intermediate"),
    ],
    ids=["not published", "staging", "intermediate"],
)
def test_a_mart_that_says_so_and_the_layers_below_are_not_published(house: House, hidden: dict[str, Any]) -> None:
    house.nodes.append(hidden)
    house.change(f"create schema if not exists {hidden['schema']}; create table {hidden['schema']}.note (text varchar)")
    assert set(house.publish().row_counts) == {"clinic.visit"}


def test_a_table_that_no_model_made_is_not_published(house: House) -> None:
    house.change("create table clinic.scratch as select * from clinic.visit")
    assert set(house.publish().row_counts) == {"clinic.visit"}


def test_a_mart_that_is_not_built_yet_is_left_out(house: House) -> None:
    house.nodes.append(node("clinic.later", {"x": {}}))
    assert set(house.publish().row_counts) == {"clinic.visit"}


def test_a_source_is_published_only_where_it_asks_for_it() -> None:
    def source(name: str, meta: dict[str, Any]) -> dict[str, Any]:
        return {"schema": "catalog", "identifier": name, "description": "", "config": {"meta": meta}, "columns": {}}

    manifest = {"nodes": {}, "sources": {"a": source("file", {"published": True}), "b": source("directory", {})}}
    assert set(publishable(manifest)) == {"catalog.file"}


def test_a_column_that_nobody_described_is_refused_and_the_old_file_stays(house: House) -> None:
    before = house.publish()
    house.change("alter table clinic.visit add column phone varchar")
    with pytest.raises(PublishRefused, match=r"column phone of clinic\.visit is not described"):
        house.publish()
    assert house.ask("select any_value(publication_id) from catalog.publication") == [(before.publication_id,)]
    assert sorted(path.name for path in house.home.path.iterdir() if ".tmp" in path.name) == []


def test_a_file_with_a_tagged_column_is_refused_however_it_came_in(house: House, monkeypatch: Any) -> None:
    """The check reads the file that was written, so that it holds even if the selection of columns fails."""
    monkeypatch.setattr(publishing, "is_unpublished", lambda relation, column_name: False)
    with pytest.raises(PublishRefused, match=r"column surname of clinic\.visit is tagged contains_personal_data"):
        house.publish()
    assert not house.home.published_path.exists()


def test_a_tag_counts_whatever_the_case_of_the_column_is(house: House) -> None:
    house.change('alter table clinic.visit rename column surname to "SurName"')
    house.publish()
    assert ("SurName",) not in house.ask("select column_name from duckdb_columns()")


def test_a_relation_that_the_manifest_does_not_know_is_refused(house: House, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.duckdb")) as con:
        con.execute("create schema clinic; create table clinic.secret (a int)")
    with pytest.raises(PublishRefused, match=r"clinic\.secret is not a mart"):
        verify(tmp_path / "x.duckdb", {})


@pytest.fixture
def two_sources(house: House) -> House:
    """A mart of a practice, and one of balance that stands behind the gate of consent; published once."""
    house.nodes = [
        node("practice.visit", {"patient": {}}) | {"tags": ["practice"]},
        node("balance.reading", {"participant": {}, publishing.SEEN_LOAD_ID: {}}) | {"tags": ["balance"]},
        {
            "alias": "test",
            "resource_type": "test",
            "test_metadata": {"name": GATE_TEST},
            "attached_node": "reading",
        },
    ]
    house.change("create schema practice; create table practice.visit as select 'Jo' as patient")
    house.change("create schema balance; create table balance.reading as select 'Jo' as participant")
    house.load("practice")
    house.load("balance")
    house.build("balance.reading")
    house.publish()
    return house


PUBLISHED = "select patient, participant from practice.visit left join balance.reading on true"


def test_a_source_that_builds_alone_leaves_the_others_as_published(two_sources: House) -> None:
    """What another source's failed build left in the warehouse must not come out with it."""
    two_sources.change("update practice.visit set patient = 'Kim'; update balance.reading set participant = 'leak'")
    report = two_sources.publish("practice")
    assert two_sources.ask(PUBLISHED) == [("Kim", "Jo")]
    assert two_sources.ask("select distinct publication_id from catalog.publication") == [(report.publication_id,)]
    two_sources.load("practice")
    assert two_sources.withhold_gated() == []
    two_sources.publish("balance")
    assert two_sources.ask(PUBLISHED) == [("Kim", "leak")]


def test_what_was_never_published_is_not_published_by_another_source(two_sources: House) -> None:
    two_sources.home.published_path.unlink()
    assert set(two_sources.publish("practice").row_counts) == {"practice.visit"}
    assert two_sources.withhold_gated() == []


def test_a_gated_table_is_withheld_once_its_source_has_loaded_more(two_sources: House) -> None:
    """By a build that failed, and by that of another source, until its own source builds."""
    two_sources.load("balance")
    assert two_sources.withhold_gated() == ["balance.reading"]
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]
    assert two_sources.ask("select comment from duckdb_tables() where table_name = 'reading'") == [
        ("Withheld until its source builds. One row per reading.",)
    ]
    assert ("balance.reading", 0) in two_sources.ask("select relation, row_count from catalog.publication")
    two_sources.publish("practice")
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]
    two_sources.build("balance.reading")
    two_sources.publish("balance")
    assert two_sources.ask(PUBLISHED) == [("Jo", "Jo")]
    two_sources.load("balance")
    two_sources.publish("practice")
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]


@pytest.mark.parametrize("measurements", [(), ("balance",)])
def test_a_gated_table_that_is_older_than_what_was_loaded_is_published_empty(
    two_sources: House, measurements: tuple[str, ...]
) -> None:
    """As when somebody publishes after a load whose models were not built, or another run has loaded meanwhile."""
    two_sources.load("balance")
    assert two_sources.publish(*measurements).withheld == ["balance.reading"]
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]
    # That it was published since does not make it newer.
    two_sources.publish("practice")
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]
    two_sources.build("balance.reading")
    assert two_sources.publish(*measurements).withheld == []
    assert two_sources.ask(PUBLISHED) == [("Jo", "Jo")]


def test_what_a_table_has_seen_is_not_published(two_sources: House, monkeypatch: pytest.MonkeyPatch) -> None:
    column = "select count(*) from duckdb_columns() where column_name = 'seen_load_id'"
    assert two_sources.ask(column) == [(0,)]
    monkeypatch.setattr(publishing, "is_unpublished", lambda relation, column_name: False)
    with pytest.raises(PublishRefused, match=r"column seen_load_id of balance\.reading is the models' own"):
        two_sources.publish()


def test_a_gated_table_that_does_not_say_what_it_has_seen_is_withheld(two_sources: House) -> None:
    """As one that an older version built."""
    two_sources.change("alter table balance.reading drop column seen_load_id")
    assert two_sources.publish().withheld == ["balance.reading"]
    assert two_sources.ask(PUBLISHED) == [("Jo", None)]


def test_a_gated_table_without_rows_is_not_withheld(two_sources: House) -> None:
    two_sources.change("delete from balance.reading")
    two_sources.load("balance")
    assert two_sources.publish().withheld == []
    assert two_sources.withhold_gated() == []


def test_a_publication_that_does_not_say_what_it_knew_is_withheld(two_sources: House) -> None:
    with duckdb.connect(str(two_sources.home.published_path)) as con:
        con.execute("alter table catalog.publication drop column load_id")
    assert two_sources.withhold_gated() == ["balance.reading"]


def test_who_has_the_file_open_for_writing_holds_no_other_source_up(two_sources: House) -> None:
    holder = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print('holds', flush=True); sys.stdin.read()"
    two_sources.change("update practice.visit set patient = 'Kim'")
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(two_sources.home.published_path)], stdin=-1, stdout=-1, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holds\n"
        two_sources.publish("practice")
        process.communicate()
    assert two_sources.ask(PUBLISHED) == [("Kim", "Jo")]


def test_a_published_file_that_is_none_is_replaced(two_sources: House) -> None:
    two_sources.home.published_path.write_bytes(b"no database")
    assert two_sources.withhold_gated() == []
    assert set(two_sources.publish("practice").row_counts) == {"practice.visit"}


@pytest.mark.parametrize("column", [{"name": "key", "meta": {"contains_personal_data": True}}, None])
def test_a_column_that_is_tagged_or_unknown_since_is_not_published_again(
    two_sources: House, column: dict[str, Any] | None
) -> None:
    columns = two_sources.nodes[1]["columns"]
    columns["key"] = {"name": "key"}
    two_sources.change("alter table balance.reading add column key integer")
    two_sources.publish("balance")
    assert ("key",) in two_sources.ask("select column_name from duckdb_columns()")
    columns.pop("key")
    if column:
        columns["key"] = column
    two_sources.publish("practice")
    assert ("key",) not in two_sources.ask("select column_name from duckdb_columns()")
    assert two_sources.ask(PUBLISHED) == [("Jo", "Jo")]


def test_a_reader_keeps_the_old_publication_and_a_new_one_sees_the_new(house: House) -> None:
    house.publish()
    count = "select count(*) from clinic.visit"
    with duckdb.connect(str(house.home.published_path), read_only=True) as reader:
        assert reader.execute(count).fetchall() == [(2,)]
        house.change("delete from clinic.visit")
        house.publish()
        assert reader.execute(count).fetchall() == [(2,)]
        # The new reader is a process of its own: one process sees a path as one database.
        script = (
            f"import duckdb; print(duckdb.connect({str(house.home.published_path)!r}, read_only=True).sql({count!r}))"
        )
        found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert " 0 " in found.stdout


def test_what_a_killed_publication_left_is_removed(house: House) -> None:
    # No process has a number as high: the kernel's limit is 2**22.
    leftover = house.home.path / f".published.duckdb.{2**22 + 1}.tmp"
    leftover.write_text("half a file")
    leftover.with_name(leftover.name + ".wal").write_text("")
    house.publish()
    assert [path.name for path in house.home.path.glob(".published*")] == []


def test_only_its_owner_reads_the_published_file(house: House) -> None:
    house.publish()
    assert house.home.published_path.stat().st_mode & 0o777 == 0o600


def test_the_real_project_publishes_its_marts_and_nothing_of_the_layers_below(built: Built) -> None:
    with duckdb.connect(str(built.home.published_path), read_only=True) as con:
        found = {
            f"{schema}.{table}"
            for schema, table in con.execute(
                "select schema_name, table_name from duckdb_columns() where not internal"
            ).fetchall()
        }
        columns = {column for (column,) in con.execute("select column_name from duckdb_columns()").fetchall()}
    assert {"ecg.run", "ecg.subject", "ecg.run_metadata", "catalog.file", "catalog.publication"} <= found
    assert not {"ecg.sample", "ecg.beat"} & set(found)
    assert {name.split(".")[0] for name in found} == {*MEASUREMENTS, "catalog"}
    assert not columns & {"raw_text", "raw_mv", "filtered_mv", "ecg_raw"}
