"""Nothing of anybody who has not consented: the tests that say so, seen to see a leak in every table, and what holds
them in place.
"""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import participant_key as keys
import pytest

from orchestration.defs.balance import every_drop_has_its_reason
from orchestration.lib.lake.files import Lake
from orchestration.lib.modelling.manifest import publishable
from orchestration.lib.publish import publish as publishing
from orchestration.lib.publish.publish import publish
from orchestration.lib.publish.relations import UNPUBLISHED_COLUMNS, PublishRefused
from orchestration.lib.sources import open_warehouse
from tests.support.balance_files import at, customer, load, phone, put, steps
from tests.support.dbt_home import DbtHome, DbtRun

Manifest = dict[str, Any]

GATE = "model.vitalhouse.customer_trusted"
# Zones in which every row stands for somebody who has consented. The others are before the gate, or tell of what it
# kept out, and are never published.
CONSENTED_ZONES = ("trusted", "curated")
# A row of these stands for no person: it has a number of rows, devices or customers, and what they have in common.
COUNTED = {
    "funnel": {"entity", "from_zone", "to_zone", "outcome", "is_kept", "row_count"},
    "excluded_device_count": {"clinic", "reason", "device_count", "customer_count", "step_reading_count"},
    "consent_week": {"clinic", "week_start_on", "given_count", "withdrawn_count", "consenting_count"},
}
ZONES = ("landing", *CONSENTED_ZONES, "audit", "counted")
# Names of columns that tell who somebody is.
PERSONAL = {
    *("customer_key", "device_key", "email", "user", "serial_number", "serialNumber", "customer_name", "customerName"),
    *("phone", "birth_date", "birthDay"),
}


# -- conventions, read from the manifest ------------------------------------------------------------------------------


def of_balance(manifest: Manifest) -> dict[str, Any]:
    """Models of this source."""
    return {
        identity: node
        for identity, node in manifest["nodes"].items()
        if node["resource_type"] == "model" and "balance" in node["tags"]
    }


def zone(node: Manifest) -> str:
    return str(node["config"]["meta"].get("zone"))


def guarded(manifest: Manifest) -> set[str]:
    """Models that carry `only_consented`, unconditionally and as an error."""
    return {
        node["attached_node"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
        and node.get("test_metadata", {}).get("name") == "only_consented"
        and node["config"]["severity"].lower() == "error"
        and node["config"]["enabled"]
        and not node["config"].get("where")
    }


def unguarded(manifest: Manifest) -> list[str]:
    """Models from the trusted zone on, and published ones, that do not carry the test."""
    published = publishable(manifest)
    return [
        node["name"]
        for identity, node in of_balance(manifest).items()
        if (zone(node) in CONSENTED_ZONES or f"{node['schema']}.{node['alias']}" in published)
        and zone(node) != "counted"
        and identity not in guarded(manifest)
    ]


def ancestors(manifest: Manifest, identity: str) -> set[str]:
    found: set[str] = set()
    waiting = [identity]
    while waiting:
        node = manifest["nodes"].get(waiting.pop())
        parents = set(node["depends_on"].get("nodes", [])) - found if node else set()
        found |= parents
        waiting += parents
    return found


def ways_around_the_gate(manifest: Manifest) -> list[str]:
    """Steps by which rows could reach what is published without customer_trusted having let them through.

    Readings are not in customer_trusted, they are let through by it: so a path counts as going through the gate where
    the step that leaves the landing zone is made by a model of the trusted zone that asks the gate.
    """
    models = of_balance(manifest)
    names = publishable(manifest)
    published = {
        key
        for key, node in manifest["nodes"].items()
        if f"{node['schema']}.{node['alias']}" in names and zone(node) != "counted"
    }
    found = []
    for identity in {each for one in published for each in (one, *ancestors(manifest, one))}:
        node = manifest["nodes"].get(identity)
        if node is None or identity == GATE or zone(node) == "landing":
            continue
        for parent in node["depends_on"].get("nodes", []):
            is_raw = parent.startswith("source.vitalhouse.raw.balance_")
            is_before_the_gate = is_raw or (parent in models and zone(models[parent]) not in CONSENTED_ZONES)
            if is_before_the_gate and not (
                identity in models and zone(node) == "trusted" and GATE in ancestors(manifest, identity)
            ):
                found.append(f"{node['name']} reads {parent}")
    return sorted(found)


def test_every_model_from_the_trusted_zone_on_carries_the_test(manifest: Manifest) -> None:
    assert {zone(node) for node in of_balance(manifest).values()} == set(ZONES)
    assert unguarded(manifest) == []
    assert len(guarded(manifest)) >= 7


def test_what_comes_after_the_gate_is_of_a_consented_zone_or_unpublished(manifest: Manifest) -> None:
    """Nobody escapes the test by giving a model another zone: what is in the others is not published."""
    for identity, node in of_balance(manifest).items():
        if zone(node) == "audit":
            assert node["config"]["meta"]["published"] is False, node["name"]
        elif zone(node) == "landing":
            assert GATE not in ancestors(manifest, identity), node["name"]
            assert node["fqn"][1] != "marts", node["name"]


def test_what_is_counted_holds_numbers_of_rows_and_names_nobody(manifest: Manifest) -> None:
    """These may read what the gate keeps out, so every column of theirs is reviewed here."""
    counted = {node["name"]: node for node in of_balance(manifest).values() if zone(node) == "counted"}
    assert {name: set(node["columns"]) for name, node in counted.items()} == COUNTED


def test_no_published_model_has_a_way_around_the_gate(manifest: Manifest) -> None:
    assert ways_around_the_gate(manifest) == []


def test_these_conventions_see_what_breaks_them(manifest: Manifest) -> None:
    """A mart that reads the landing zone; one without its test; one that reads what the gate kept out."""

    def changed(change: Callable[[Manifest], None]) -> Manifest:
        nodes = {
            identity: {**node, "depends_on": dict(node["depends_on"])} if "depends_on" in node else node
            for identity, node in manifest["nodes"].items()
        }
        copy = {**manifest, "nodes": nodes}
        change(nodes)
        return copy

    def read(name: str, parents: list[str]) -> Callable[[Manifest], None]:
        return lambda nodes: nodes[f"model.vitalhouse.{name}"]["depends_on"].update(nodes=parents)

    for name, parent in (
        ("machine_learning_curated", "model.vitalhouse.stg_balance__accelerometer"),
        ("machine_learning_curated", "source.vitalhouse.raw.balance_customer"),
        ("customer_curated", "model.vitalhouse.excluded_device"),
        ("run", "model.vitalhouse.int_balance_customer__consent_status"),
        ("accelerometer_trusted", "model.vitalhouse.stg_balance__accelerometer"),
    ):
        assert f"{name} reads {parent}" in ways_around_the_gate(changed(read(name, [parent])))

    tests = [
        identity for identity in manifest["nodes"] if identity.startswith("test.vitalhouse.only_consented_customer_c")
    ]
    assert tests
    assert unguarded(changed(lambda nodes: [nodes.pop(each) for each in tests])) == ["customer_curated"]


def test_what_tells_who_somebody_is_is_tagged(manifest: Manifest) -> None:
    described = [*of_balance(manifest).values()]
    described += [node for node in manifest["sources"].values() if "balance" in node["tags"]]
    untagged = [
        f"{node['name']}.{name}"
        for node in described
        for name, column in node["columns"].items()
        if name in PERSONAL and column["config"]["meta"].get("contains_personal_data") is not True
    ]
    assert untagged == []


def test_published_are_pseudonyms_and_sensor_columns(manifest: Manifest) -> None:
    published = {
        name: {column.name for column in relation.columns.values() if not column.contains_personal_data}
        - UNPUBLISHED_COLUMNS
        for name, relation in publishable(manifest).items()
        if name.startswith("balance.")
    }
    assert published == {
        "balance.customer_curated": {
            "participant_key",
            "clinic",
            "is_serial_number_shared",
            "accelerometer_reading_count",
        },
        "balance.machine_learning_curated": {
            "participant_key",
            "measured_at",
            "x",
            "y",
            "z",
            "distance_from_object_cm",
        },
        **{f"balance.{name}": columns for name, columns in COUNTED.items()},
    }


def test_a_table_has_seen_no_more_than_each_gated_table_that_it_reads(manifest: Manifest) -> None:
    """Else one that is built alone, from tables that do not know of a withdrawal, would pass for a newer one."""
    noting = {
        identity: node for identity, node in of_balance(manifest).items() if publishing.SEEN_LOAD_ID in node["columns"]
    }
    published = publishable(manifest)
    assert {name for name, relation in published.items() if relation.is_gated} <= {
        f"{node['schema']}.{node['alias']}" for node in noting.values()
    }
    for node in noting.values():
        named = re.search(r"seen_load_id\((parents=\[(.*?)\])?\)", node["raw_code"], re.DOTALL)
        assert named, node["name"]
        parents = {f"model.vitalhouse.{name}" for name in re.findall(r"ref\('(\w+)'\)", named[2] or "")}
        assert parents == noting.keys() & set(node["depends_on"]["nodes"]), node["name"]


# -- leaks ------------------------------------------------------------------------------------------------------------

# Jo consents from minute 1 on; Kim never; Lee from 1 to 3 and again from 6 on. Mo and Nan share a device, and Nan does
# not consent. Pat and Quin share one and both consent; at minute 5 both train, at minute 7 Quin alone.
CUSTOMERS = [
    customer("jo@test.com", "s-jo", 1, 1),
    customer("kim@test.com", "s-kim", 1),
    customer("lee@test.com", "s-lee", 1, 1),
    customer("lee@test.com", "s-lee", 3),
    customer("lee@test.com", "s-lee", 6, 6),
    customer("mo@test.com", "s-shared", 1, 1),
    customer("nan@test.com", "s-shared", 1),
    customer("pat@test.com", "s-both", 1, 1),
    customer("quin@test.com", "s-both", 1, 1),
]
PHONES = [
    *(reading for name in ("jo", "kim", "lee", "mo") for reading in phone(f"{name}@test.com", 0, 2, 5, 7)),
    *phone("pat@test.com", 5),
    *phone("quin@test.com", 5, 7),
]
STEPS = [reading for name in ("jo", "kim", "lee", "shared", "both") for reading in steps(f"s-{name}", 0, 2, 5, 7)]


class Trainers:
    """A home with the customers above, built."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.dbt_home = DbtHome(folder).prepare()
        self.lake, self.warehouse = Lake(folder / "lake"), open_warehouse(self.dbt_home.warehouse_path)
        self.options = options

    def receive(self, delivery: str, *records: list[dict[str, Any]]) -> None:
        put(self.lake, delivery, *records)
        load(self.lake, self.warehouse)

    def build(self) -> DbtRun:
        return self.dbt_home.dbt(
            "build",
            "--select",
            "tag:balance",
            "tag:catalog",
            "--exclude",
            "tag:ecg",
            "tag:bloodtest",
            "tag:practice",
            "assert_current_files_agree_with_catalog",
            *self.options,
        )

    def run(self) -> DbtRun:
        """The models without their tests."""
        return self.dbt_home.dbt("run", "--select", "tag:balance", "tag:catalog", *self.options)

    def test(self) -> DbtRun:
        return self.dbt_home.dbt("test", "--select", "test_name:only_consented", *self.options)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.dbt_home.query(sql)

    def copy(self, folder: Path) -> "Trainers":
        shutil.copytree(self.dbt_home.path, folder, dirs_exist_ok=True)
        return Trainers(folder, *self.options)

    def publish(self) -> Path:
        path = self.dbt_home.path / "published.duckdb"
        publish(self.warehouse, path, self.dbt_home.target_path / "manifest.json")
        return path


@pytest.fixture(scope="module")
def trainers(tmp_path_factory: pytest.TempPathFactory) -> Trainers:
    made = Trainers(tmp_path_factory.mktemp("trainers"))
    made.receive("2022-01", CUSTOMERS, PHONES, STEPS)
    run = made.build()
    assert run.success, run.named("fail") | run.named("error")
    return made


@pytest.fixture(scope="module")
def trainers_by_reading(tmp_path_factory: pytest.TempPathFactory) -> Trainers:
    made = Trainers(tmp_path_factory.mktemp("by_reading"), "--vars", "{consent_scope: reading}")
    made.receive("2022-01", CUSTOMERS, PHONES, STEPS)
    run = made.run()
    assert run.success, run.named("fail") | run.named("error")
    return made


PAIRS = """
    select split_part(customer_key, ':', 2), (epoch_ms(measured_at) - {}) // 60000
    from balance.machine_learning_curated inner join balance.customer_curated using (participant_key)
    order by all
"""


def pairs(made: Trainers) -> list[tuple[str, int]]:
    return made.query(PAIRS.format(at(0)))


def test_consent_covers_all_readings_of_a_customer(trainers: Trainers) -> None:
    assert pairs(trainers) == [
        *(("jo@test.com", minute) for minute in (0, 2, 5, 7)),
        *(("lee@test.com", minute) for minute in (0, 2, 5, 7)),
        ("quin@test.com", 7),
    ]


def test_consent_covers_readings_from_its_time_on_and_in_no_withdrawn_period(trainers_by_reading: Trainers) -> None:
    assert pairs(trainers_by_reading) == [
        *(("jo@test.com", minute) for minute in (2, 5, 7)),
        *(("lee@test.com", minute) for minute in (2, 7)),
        ("quin@test.com", 7),
    ]


def test_any_other_scope_is_refused(trainers: Trainers) -> None:
    run = trainers.dbt_home.dbt("compile", "--select", "accelerometer_trusted", "--vars", "{consent_scope: readings}")
    assert not run.success


def test_a_shared_device_is_excluded_with_the_reason(trainers: Trainers) -> None:
    assert trainers.query("select * exclude (device_key) from balance.excluded_device order by serial_number") == [
        ("motion_lab", "s-kim", "no customer has consented", 1, 0, 4),
        ("motion_lab", "s-shared", "shared with a customer without consent", 2, 1, 4),
    ]
    assert trainers.query(
        "select serial_number from balance.customer_curated where is_serial_number_shared order by 1"
    ) == [
        ("s-both",),
        ("s-both",),
        ("s-shared",),
    ]


def test_history_has_a_row_for_each_period(trainers: Trainers) -> None:
    rows = trainers.query(
        f"""
        select has_research_consent, (epoch_ms(valid_from_at) - {at(0)}) // 60000,
            (epoch_ms(valid_to_at) - {at(0)}) // 60000
        from intermediate.customer_consent_history where email = 'lee@test.com' order by valid_from_at
        """
    )
    assert rows == [(True, 1, 3), (False, 3, 6), (True, 6, None)]


def test_every_table_is_seen_to_leak_after_a_withdrawal_that_was_not_built(trainers: Trainers, tmp_path: Path) -> None:
    """All customers withdraw: now every row of every table leaks, and every test must say so."""
    made = trainers.copy(tmp_path)
    made.receive(
        "2022-02", [record | {"lastUpdateDate": at(9), "shareWithResearchAsOfDate": None} for record in CUSTOMERS]
    )
    run = made.test()
    tested = {name for name in run.statuses if name.startswith("only_consented_")}
    assert len(tested) == len(guarded(made.dbt_home.manifest))
    assert run.named("fail") == tested


# For each table, a row that is Kim's, or a stranger's.
LEAKS = {
    "intermediate.customer_trusted": "customer_key = 'motion_lab:kim@test.com:s-kim'",
    "intermediate.int_balance_customer__with_readings": "email = 'stranger@test.com'",
    "intermediate.accelerometer_trusted": "email = 'kim@test.com'",
    "intermediate.step_trainer_trusted": "serial_number = 's-shared'",
    "intermediate.int_balance_reading__joined": "participant_key = 'a stranger'",
    "balance.customer_curated": "email = 'kim@test.com'",
    "balance.machine_learning_curated": "participant_key = null",
}


def test_every_table_is_seen_to_leak_one_row(trainers: Trainers, tmp_path: Path) -> None:
    assert {name.split(".")[1] for name in LEAKS} == {
        name.split(".")[2] for name in guarded(trainers.dbt_home.manifest)
    }
    made = trainers.copy(tmp_path)
    with made.dbt_home.warehouse() as con:
        for table, change in LEAKS.items():
            con.execute(f"create temp table leak as select * from {table} limit 1")
            # The copy of a row is made somebody else's; what constraint there is must not stop it.
            column, _, value = change.partition(" = ")
            columns = [name for (name,) in con.execute("select column_name from (describe leak)").fetchall()]
            rows = con.execute(f"select * replace ({value} as {column}) from leak").fetchall()
            con.execute(f"create or replace table {table} as select * from {table}")
            con.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", rows)
            con.execute("drop table leak")
    run = made.test()
    assert run.named("fail") == set(run.statuses)
    assert len(run.statuses) == len(LEAKS)


def test_a_reading_of_a_withdrawn_period_is_seen(trainers_by_reading: Trainers, tmp_path: Path) -> None:
    made = trainers_by_reading.copy(tmp_path)
    late = f"make_timestamp({at(4)} * 1000)"
    tables = {
        "intermediate.accelerometer_trusted": "email = 'lee@test.com'",
        "intermediate.step_trainer_trusted": "serial_number = 's-lee'",
        "intermediate.int_balance_reading__joined": "email = 'lee@test.com'",
        "balance.machine_learning_curated": (
            "participant_key in (select participant_key from balance.customer_curated where email = 'lee@test.com')"
        ),
    }
    assert made.test().named("fail") == set()
    with made.dbt_home.warehouse() as con:
        for table, of_lee in tables.items():
            con.execute(f"update {table} set measured_at = {late} where {of_lee}")
    failed = made.test().named("fail")
    assert len(failed) == len(tables)
    assert all(any(table.split(".")[1] in name for name in failed) for table in tables)


def test_the_funnel_shows_in_dagster_and_fails_where_a_row_is_lost(trainers: Trainers, tmp_path: Path) -> None:
    made = trainers.copy(tmp_path)
    good = every_drop_has_its_reason(warehouse=made.warehouse)
    assert good.passed
    assert "| step_trainer | landing → trusted | shared with a customer without consent | 4 |" in str(
        good.metadata["funnel"].value
    )
    assert good.metadata["customer in trusted"].value == 5
    with made.dbt_home.warehouse() as con:
        con.execute("update balance.funnel set row_count = row_count - 1 where outcome = 'no research consent'")
    bad = every_drop_has_its_reason(warehouse=made.warehouse)
    assert not bad.passed
    assert len(bad.metadata["gaps"].value) == 2


# -- withdrawal -------------------------------------------------------------------------------------------------------


def test_a_withdrawal_takes_every_row_away_from_the_published_file_too(trainers: Trainers, tmp_path: Path) -> None:
    made = trainers.copy(tmp_path)

    def left(path: Path) -> dict[str, int]:
        with duckdb.connect(str(path), read_only=True) as con:
            return {
                table: con.execute(f"select count(*) from balance.{table} where participant_key = ?", [jo]).fetchall()[
                    0
                ][0]
                for table in ("customer_curated", "machine_learning_curated")
            }

    ((jo,),) = made.query("select participant_key from balance.customer_curated where email = 'jo@test.com'")
    assert left(made.publish()) == {"customer_curated": 1, "machine_learning_curated": 4}
    # And somebody comes without consent whose device is Lee's too, which takes Lee's steps away.
    made.receive("2022-02", [customer("jo@test.com", "s-jo", 9), customer("new@test.com", "s-lee", 9)])
    assert made.run().success
    assert left(made.publish()) == {"customer_curated": 0, "machine_learning_curated": 0}
    for table in ("customer_trusted", "accelerometer_trusted"):
        assert made.query(f"select count(*) from intermediate.{table} where email = 'jo@test.com'") == [(0,)]
    assert made.query("select count(*) from intermediate.step_trainer_trusted where serial_number = 's-jo'") == [(0,)]
    change = """
        select delivery, consent_change, accelerometer_row_change, step_trainer_row_change, machine_learning_row_change
        from balance.consent_change where customer_key like '%jo@%' order by delivery
    """
    assert made.query(change) == [("2022-01", "given", 4, 4, 4), ("2022-02", "withdrawn", -4, -4, -4)]
    assert made.query(change.replace("jo@", "lee@")) == [
        ("2022-01", "given", 4, 4, 4),
        ("2022-02", "of another customer", 0, -4, -4),
    ]
    assert {name for name, _ in pairs(made)} == {"quin@test.com"}


def test_a_table_built_again_from_older_ones_is_published_empty(trainers: Trainers, tmp_path: Path) -> None:
    """As when somebody loads a withdrawal in the UI, builds a mart but not the gate before it, and publishes."""
    made = trainers.copy(tmp_path)
    made.receive("2022-02", [customer("jo@test.com", "s-jo", 9)])

    def published_rows() -> int:
        with duckdb.connect(str(made.publish()), read_only=True) as con:
            return int(con.execute("select count(*) from balance.machine_learning_curated").fetchall()[0][0])

    assert published_rows() == 0
    assert made.dbt_home.dbt("run", "--select", "machine_learning_curated").success
    assert made.query("select count(*) > 0 from balance.machine_learning_curated") == [(True,)]
    assert published_rows() == 0
    assert made.dbt_home.dbt("run", "--select", "+machine_learning_curated").success
    assert published_rows() > 0


def test_publishing_a_tagged_column_fails(trainers: Trainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainers.copy(tmp_path)
    monkeypatch.setattr(publishing, "is_unpublished", lambda relation, column_name: False)
    with pytest.raises(PublishRefused, match=r"of balance\.customer_curated is tagged contains_personal_data"):
        made.publish()
    assert not (tmp_path / "published.duckdb").exists()


def test_what_is_not_for_publishing_is_not_in_the_published_file(trainers: Trainers) -> None:
    with duckdb.connect(str(trainers.publish()), read_only=True) as con:
        relations = {
            name
            for (name,) in con.execute(
                "select table_name from duckdb_tables() where schema_name = 'balance'"
            ).fetchall()
        }
        text = repr([con.execute(f"from balance.{name}").fetchall() for name in relations])
    assert relations == {"customer_curated", "machine_learning_curated", *COUNTED}
    assert not any(told in text for told in ("test.com", "s-jo", "Jo Doe", "801555", "1971"))


def test_the_secret_is_in_its_file_and_nowhere_else(trainers: Trainers) -> None:
    """Neither in compiled SQL nor in a log, the warehouse or the published file."""
    home = trainers.dbt_home.path
    trainers.publish()
    secret = (home / keys.FILE_NAME).read_bytes().strip()
    forms = [secret, *(keys.padded(secret, pad) for pad in (keys.INNER_PAD, keys.OUTER_PAD))]
    forms += [form.hex().encode() for form in forms] + [form.hex().upper().encode() for form in forms]
    files = [path for path in home.rglob("*") if path.is_file() and path.name != keys.FILE_NAME]
    assert {"warehouse.duckdb", "published.duckdb", "manifest.json", "customer_trusted.sql"} <= {x.name for x in files}
    assert [path for path in files if any(form in path.read_bytes() for form in forms)] == []


def test_another_secret_gives_other_pseudonyms_and_the_same_gives_the_same(
    trainers: Trainers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainers.copy(tmp_path)
    question = "select email, participant_key from intermediate.customer_trusted order by all"
    before = made.query(question)

    def again() -> list[tuple[Any, ...]]:
        assert made.dbt_home.dbt("run", "--select", "customer_trusted").success
        return made.query(question)

    assert again() == before
    monkeypatch.setenv("VITALHOUSE_PARTICIPANT_KEY", "another secret of the tests")
    other = again()
    assert {email for email, _ in other} == {email for email, _ in before}
    assert not {key for _, key in other} & {key for _, key in before}
    monkeypatch.setenv("VITALHOUSE_PARTICIPANT_KEY", "short")
    run = made.dbt_home.dbt("run", "--select", "customer_trusted")
    assert not run.success
    assert "VITALHOUSE_PARTICIPANT_KEY is shorter than the 16 bytes" in str(run.exception)
