"""Whatever the split of files into arrivals, their order and their repetition: the same runs and subjects in the end.

Files arrive one by one or together, each in its delivery; some were first written with other content, some are written
again. After each arrival everything is built, of all deliveries or of those that something came for. What that leaves
is compared with one build of everything at once, with a model of the rules in plain Python, and in the marts.
"""

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.ecg.contract import ECG_RUN_HEADER, ECG_RUN_SIGNAL
from orchestration.lib.warehouse.connection import Warehouse
from tests.support.dbt_home import DbtHome
from tests.support.ecg_files import Clinic, header_file, ingest, samples_file, signal_file
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

_NEARLY = signal_file(1).decode().split()[1:]

# Contents by name. At 125 Hz `brief` lasts 1.76 s, less than a run needs; the others last 2 s.
SIGNALS: dict[str, bytes] = {
    "one": signal_file(1),
    "two": signal_file(2),
    "nearly one": samples_file([0.01 + float(_NEARLY[0]), *map(float, _NEARLY[1:])]),
    "brief": signal_file(3, 220),
    "junk": b"junk",
}
HEADERS: dict[str, tuple[bytes, float, str]] = {
    "plain": (header_file(), 100.0, "mv"),
    "other rate": (header_file(fs=125), 125.0, "mv"),
    "other unit": (header_file(units="uV"), 100.0, "uv"),
    "other person": (header_file(sex="female", age=60), 100.0, "mv"),
    "bad": (header_file(fs=0), 0.0, ""),
}
VALID_HEADERS = HEADERS.keys() - {"bad"}
SAMPLE_COUNTS = {"one": 250, "two": 250, "nearly one": 250, "brief": 220}
# The least that a run lasts.
MIN_DURATION_S = 2.0

DELIVERIES = ("2020-01-01", "2020-02-01", "2020-03-01")
# subject_1 and subject_01 are one subject, run_1 and run_01 one run.
FOLDERS = ("subject_1", "subject_01", "subject_2")
RUNS = ("run_1", "run_01", "run_2")


@dataclass(frozen=True, order=True)
class Place:
    """Where a file lies."""

    delivery: str
    path_below: str

    @property
    def is_header(self) -> bool:
        return self.path_below.endswith(".json")

    @property
    def record_key(self) -> str:
        entity = ECG_RUN_HEADER if self.is_header else ECG_RUN_SIGNAL
        match = entity.match(self.path_below)
        assert match is not None
        assert entity.record_key is not None
        return f"sf_state:{entity.record_key(match)}"


@dataclass(frozen=True)
class Arrival:
    """Files that come together, by the name of their content, and whether only what they touch is built then."""

    files: tuple[tuple[Place, str], ...]
    is_narrow: bool = False


Lying = Mapping[Place, str]


def content(place: Place, name: str) -> bytes:
    return HEADERS[name][0] if place.is_header else SIGNALS[name]


# -- what is to be expected ---------------------------------------------------------------------------


def winner(contents: Mapping[Place, str]) -> tuple[str, str, str] | None:
    """Of the files for one record: last delivery of the content, path below it, and content that count."""
    last: dict[tuple[str, str], str] = {}
    for place, name in contents.items():
        key = (place.path_below, name)
        last[key] = max(last.get(key, ""), place.delivery)
    if not last:
        return None
    latest = max(last.values())
    path_below, name = min(key for key, delivery in last.items() if delivery == latest)
    return latest, path_below, name


def expected(lying: Lying) -> set[tuple[Any, ...]]:
    """The current header and signal of each record: key, entity, last delivery, path, content, and the rate and unit
    with which the signal was computed.
    """
    rows: set[tuple[Any, ...]] = set()
    for key in {place.record_key for place in lying}:
        of_key = {place: name for place, name in lying.items() if place.record_key == key}
        signals = {place: name for place, name in of_key.items() if not place.is_header}
        headers = {place: name for place, name in of_key.items() if place.is_header and name in VALID_HEADERS}
        # A header without any signal waits, and so does a signal without a valid header.
        header = winner(headers) if signals else None
        if header is None:
            continue
        rows.add((key, "run_header", *header, None, None))
        _, rate_hz, unit = HEADERS[header[2]]
        signal = winner(
            {place: name for place, name in signals.items() if SAMPLE_COUNTS.get(name, 0) / rate_hz >= MIN_DURATION_S}
        )
        if signal is not None:
            rows.add((key, "run_signal", *signal, rate_hz, unit))
    return rows


# -- what comes of it ---------------------------------------------------------------------------

NAMES = {sha256(data).hexdigest(): name for name, data in SIGNALS.items()} | {
    sha256(data).hexdigest(): name for name, (data, _, _) in HEADERS.items()
}

# What becomes of a signal whose header was replaced by a refused one depends on whether it came before that; it is no
# run either way.
WITH_HEADER = """
    record_key in (select record_key from catalog.delivered_content where entity = 'run_header' and is_current)
"""
CURRENT = f"""
    select record_key, entity, last_delivery, content.path_below, content_hash, sampling_rate_hz, units
    from catalog.delivered_content as content
    left join raw.ecg_run_feature as feature on feature._raw_path = content.raw_path
    where is_current and {WITH_HEADER}
"""
# Of each content under each path: what became of its files, and every figure computed from it. Which of several
# identical files was loaded depends on the order, and nothing else does.
LEFT = {
    "files": f"""
        select entity, record_key, path_below, content_hash,
            list_sort(list(delivery)) as deliveries,
            list_sort(list(distinct case when status = 'duplicate' then 'loaded' else status end)) as statuses,
            list_sort(list(distinct reason) filter (where status = 'rejected')) as reasons,
            sum(row_count) as row_count
        from catalog.file
        where entity = 'run_header' or {WITH_HEADER}
        group by all
    """,
    "contents": f"select * exclude (raw_path) from catalog.delivered_content where {WITH_HEADER}",
    "headers": """
        select header.* exclude (delivery, _raw_path, _load_id, _loaded_at), content.path_below, content.content_hash
        from raw.ecg_run_header as header
        inner join catalog.delivered_content as content on content.raw_path = header._raw_path
    """,
    "features": f"""
        select feature.* exclude (delivery, header_raw_path, signal_path, _raw_path, _load_id, _loaded_at),
            content.path_below, content.content_hash
        from raw.ecg_run_feature as feature
        inner join catalog.delivered_content as content on content.raw_path = feature._raw_path
        where {WITH_HEADER}
    """,
}
MARTS = {
    "runs": "select * exclude (signal_path) from ecg.run",
    "subjects": "select * from ecg.subject",
}


def rows(warehouse: Warehouse, sql: str) -> list[str]:
    with warehouse.read() as con:
        return sorted(map(repr, con.execute(sql).fetchall()))


def left(warehouse: Warehouse) -> dict[str, list[str]]:
    return {name: rows(warehouse, sql) for name, sql in (LEFT | MARTS).items()}


def current(warehouse: Warehouse) -> set[tuple[Any, ...]]:
    with warehouse.read() as con:
        return {
            (key, entity, delivery, path_below, NAMES[content_hash], rate_hz, unit)
            for key, entity, delivery, path_below, content_hash, rate_hz, unit in con.execute(CURRENT).fetchall()
        }


def arrive(warehouse: Warehouse, folder: Path, arrivals: Sequence[Arrival]) -> None:
    """Let the files arrive in a lake, building after each arrival."""
    clinic = Clinic(Lake(folder))
    for arrival in arrivals:
        for place, name in arrival.files:
            clinic.put(place.delivery, place.path_below, content(place, name))
        touched = sorted({clinic.delivery(place.delivery) for place, _ in arrival.files})
        ingest(clinic.lake, warehouse, touched if arrival.is_narrow else None)


# -- the properties ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """The project's models as dbt compiles them, in the order of their dependence: schema, name and SQL."""
    home = DbtHome(tmp_path_factory.mktemp("compiled")).prepare()
    assert home.dbt("compile", "--select", "+run", "+subject").success
    models = {
        identity: node
        for identity, node in json.loads((home.target_path / "manifest.json").read_text())["nodes"].items()
        if node["resource_type"] == "model" and node.get("compiled_code")
    }
    ordered: list[tuple[str, str, str]] = []
    while models:
        free = [identity for identity, node in models.items() if not models.keys() & set(node["depends_on"]["nodes"])]
        for identity in free:
            node = models.pop(identity)
            ordered.append((node["schema"], node["name"], node["compiled_code"]))
    return ordered


@pytest.fixture(scope="module")
def warehouse(compiled: list[tuple[str, str, str]]) -> Iterator[MemoryWarehouse]:
    """A warehouse whose marts are views: always what a dbt run would make of it."""
    made = MemoryWarehouse()
    with made.write() as con:
        for schema, name, sql in compiled:
            con.execute(f"create schema if not exists {schema}")
            con.execute(f"create view {schema}.{name} as {sql}")
    return made


places = st.builds(
    Place,
    st.sampled_from(DELIVERIES),
    st.builds(
        "{}/{}{}".format, st.sampled_from(FOLDERS), st.sampled_from(RUNS), st.sampled_from([".csv", "_header.json"])
    ),
)


@st.composite
def stories(draw: st.DrawFn) -> list[Arrival]:
    """Files and how they arrive."""
    chosen = draw(st.lists(places, min_size=1, max_size=6, unique=True))
    # Half of the time, what would make them runs.
    if draw(st.booleans()):
        partners = [
            Place(
                draw(st.sampled_from(DELIVERIES)),
                place.path_below.replace("_header.json", ".csv")
                if place.is_header
                else place.path_below.replace(".csv", "_header.json"),
            )
            for place in chosen
        ]
        chosen = list(dict.fromkeys([*chosen, *partners]))
    written: list[tuple[Place, str]] = []
    for place in chosen:
        names = st.sampled_from(sorted(HEADERS if place.is_header else SIGNALS))
        # The last is what lies there in the end; a file may come again unchanged.
        versions = draw(st.lists(names, min_size=1, max_size=draw(st.sampled_from([1, 1, 1, 2, 3]))))
        written += [(place, version) for version in versions]
    # Versions of one file keep their order: a shuffle of places, each of which is given its next version.
    remaining = {place: [name for other, name in written if other == place] for place in chosen}
    shuffled = draw(st.permutations([place for place, _ in written]))
    arrivals: list[Arrival] = []
    files: dict[Place, str] = {}
    for place in shuffled:
        if place in files or (files and draw(st.booleans())):
            arrivals.append(Arrival(tuple(files.items()), draw(st.booleans())))
            files = {}
        files[place] = remaining[place].pop(0)
    arrivals.append(Arrival(tuple(files.items()), draw(st.booleans())))
    return arrivals


def final(arrivals: Sequence[Arrival]) -> dict[Place, str]:
    lying: dict[Place, str] = {}
    for arrival in arrivals:
        lying |= dict(arrival.files)
    return lying


D1, D2, D3 = DELIVERIES
RUN = "subject_01/run_1"
SIGNAL, HEADER = f"{RUN}.csv", f"{RUN}_header.json"


def step(*files: tuple[str, str, str], narrow: bool = True) -> Arrival:
    return Arrival(tuple((Place(delivery, path_below), name) for delivery, path_below, name in files), narrow)


@settings(
    max_examples=examples(15),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking builds hundreds of times: worth it for a person who looks for a cause, not in a suite.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(arrivals=stories())
# A header is corrected before, with and after its signal.
@example([step((D1, SIGNAL, "one"), (D1, HEADER, "plain")), step((D2, HEADER, "other rate"))])
@example([step((D2, HEADER, "other unit")), step((D1, SIGNAL, "one"), (D1, HEADER, "plain"))])
# A signal is corrected, then the header, then the first signal comes once more.
@example(
    [
        step((D1, SIGNAL, "one"), (D1, HEADER, "plain")),
        step((D2, SIGNAL, "two"), (D2, HEADER, "other rate")),
        step((D3, SIGNAL, "one")),
    ]
)
# Too short at the first rate, long enough at the corrected one; and the reverse.
@example([step((D1, SIGNAL, "brief"), (D1, HEADER, "other rate")), step((D2, HEADER, "plain"))])
@example([step((D1, SIGNAL, "brief"), (D1, HEADER, "plain")), step((D2, HEADER, "other rate"))])
@example(
    [
        step((D1, SIGNAL, "brief"), (D1, HEADER, "plain")),
        step((D2, SIGNAL, "brief")),
        step((D2, HEADER, "other rate")),
        step((D3, HEADER, "plain")),
    ]
)
# A correction, and the first content again, in every order of arrival that matters.
@example([step((D3, SIGNAL, "one"), (D3, HEADER, "plain")), step((D1, SIGNAL, "one")), step((D2, SIGNAL, "two"))])
# The original of a duplicate changes.
@example(
    [
        step((D1, SIGNAL, "one"), (D1, HEADER, "plain")),
        step((D2, SIGNAL, "one"), (D2, HEADER, "plain")),
        step((D1, SIGNAL, "two"), (D1, HEADER, "other person")),
    ]
)
# One run from two folders of one delivery; a copy under another subject; a near copy.
@example(
    [
        step((D1, "subject_1/run_1.csv", "one"), (D1, SIGNAL, "two"), (D1, HEADER, "plain")),
        step((D1, "subject_1/run_1_header.json", "other rate")),
        step((D2, "subject_2/run_1.csv", "two"), (D2, "subject_2/run_1_header.json", "other person")),
        step((D3, "subject_2/run_2.csv", "nearly one"), (D3, "subject_2/run_2_header.json", "plain")),
        step((D3, "subject_2/run_1.csv", "one")),
    ]
)
def test_any_split_order_and_repetition_give_the_same(warehouse: MemoryWarehouse, arrivals: list[Arrival]) -> None:
    lying = final(arrivals)
    with tempfile.TemporaryDirectory() as folder:
        warehouse.clear()
        arrive(warehouse, Path(folder) / "arrived", arrivals)
        found, found_current = left(warehouse), current(warehouse)
        warehouse.clear()
        arrive(warehouse, Path(folder) / "at once", [Arrival(tuple(sorted(lying.items())))])
        at_once = left(warehouse)
    assert found_current == expected(lying)
    for name, of_name in at_once.items():
        assert found[name] == of_name, name
