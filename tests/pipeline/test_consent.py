"""The rule of consent against a plain Python model of it: whoever is in the tables may be, and whoever may be is.

Customers, records, withdrawals, shared devices and email addresses, and readings are drawn at random, and so are the
order in which deliveries arrive and the way in which they are split into builds.
"""

import hmac
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import participant_key
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from orchestration.lib.lake.files import Lake
from orchestration.lib.sources.balance.consent_funnel import funnel_of
from tests.support import balance_files
from tests.support.balance_files import START_MS, at, customer, phone, put, steps
from tests.support.dbt_home import DbtHome
from tests.support.hypothesis_profile import examples
from tests.support.in_memory_warehouse import MemoryWarehouse

SECRET = b"a secret of the tests, and only theirs"
SCOPES = ("customer", "reading")
# Minutes of the tests' clock. The last one is centuries off.
MINUTES = (*range(8), 300_000_000)
FUTURE = MINUTES[-1]
DELIVERIES = ("2022-01", "2022-02", "2022-03")
EMAILS, SERIALS, CLINICS = ("a@test.com", "b@test.com", "c@test.com"), ("s1", "s2", "s3"), ("lab", "gym")


@dataclass(frozen=True, order=True)
class Customer:
    clinic: str
    email: str
    serial: str

    @property
    def key(self) -> str:
        return f"{self.clinic}:{self.email}:{self.serial}"

    @property
    def participant(self) -> str:
        return hmac.digest(SECRET, self.key.encode(), "sha256").hex()[:32]


@dataclass(frozen=True)
class Statement:
    """A customer's record in a delivery; ``spelling`` says how the email address is written."""

    customer: Customer
    updated: int
    consent: int | None
    spelling: int = 0


@dataclass(frozen=True)
class Delivery:
    """What a clinic delivers at once; readings are (email or serial number, minute)."""

    clinic: str
    name: str
    statements: tuple[Statement, ...] = ()
    phones: tuple[tuple[str, int], ...] = ()
    steps: tuple[tuple[str, int], ...] = ()


# -- the rule, in plain Python ----------------------------------------------------------------------------------------


class Rule:
    """Who may be in the tables, worked out from the deliveries alone, in no order but that of their names."""

    def __init__(self, deliveries: Sequence[Delivery], scope: str) -> None:
        self.scope = scope
        said: dict[Customer, list[tuple[int, str, bool, int]]] = defaultdict(list)
        self.phones: set[tuple[str, str, int]] = set()
        self.steps: set[tuple[str, str, int]] = set()
        for delivery in deliveries:
            for each in delivery.statements:
                # Later time of update, then later delivery; then no consent before consent, and a later one.
                said[each.customer].append((each.updated, delivery.name, each.consent is None, each.consent or 0))
            self.phones |= {(delivery.clinic, email, minute) for email, minute in delivery.phones}
            self.steps |= {(delivery.clinic, serial, minute) for serial, minute in delivery.steps}
        self.records = {
            each: [(updated, None if is_none else consent) for updated, _, is_none, consent in last_of_each_time(found)]
            for each, found in said.items()
        }
        self.consented = {each for each, records in self.records.items() if shows_consent(*records[-1])}

    def of_email(self, clinic: str, email: str) -> list[Customer]:
        return [each for each in self.records if (each.clinic, each.email) == (clinic, email)]

    def of_device(self, clinic: str, serial: str) -> list[Customer]:
        return [each for each in self.records if (each.clinic, each.serial) == (clinic, serial)]

    def allows(self, customers: Sequence[Customer], minute: int) -> bool:
        """Whether a reading may be used that is of one of these customers, nobody knows of which."""
        return bool(customers) and all(
            each in self.consented and (self.scope == "customer" or self.was_covered(each, minute))
            for each in customers
        )

    def was_covered(self, each: Customer, minute: int) -> bool:
        return any(start <= minute < end for start, end in consented_periods(self.records[each]))

    @property
    def accelerometer_trusted(self) -> set[tuple[str, str, int]]:
        return {
            (clinic, email, at) for clinic, email, at in self.phones if self.allows(self.of_email(clinic, email), at)
        }

    @property
    def curated(self) -> set[Customer]:
        measured = {(clinic, email) for clinic, email, _ in self.accelerometer_trusted}
        return {each for each in self.consented if (each.clinic, each.email) in measured}

    @property
    def step_trainer_trusted(self) -> set[tuple[str, str, int]]:
        devices = {(each.clinic, each.serial) for each in self.curated}
        return {
            (clinic, serial, at)
            for clinic, serial, at in self.steps
            if (clinic, serial) in devices and self.allows(self.of_device(clinic, serial), at)
        }

    @property
    def machine_learning_curated(self) -> set[tuple[str, int]]:
        """Participant and minute of each pair that is of one customer and can be of no other."""
        pairs = [
            (each, minute)
            for each in self.curated
            for clinic, email, minute in self.accelerometer_trusted
            if (clinic, email) == (each.clinic, each.email)
            and (each.clinic, each.serial, minute) in self.step_trainer_trusted
        ]
        return {
            (each.participant, minute)
            for each, minute in pairs
            if not any(
                other != each
                and then == minute
                and other.clinic == each.clinic
                and (other.serial == each.serial or other.email == each.email)
                for other, then in pairs
            )
        }

    @property
    def shared_devices(self) -> set[tuple[str, str]]:
        """Devices of somebody who has consented and of somebody who has not."""
        return {
            (each.clinic, each.serial)
            for each in self.consented
            if not set(self.of_device(each.clinic, each.serial)) <= self.consented
        }


def last_of_each_time(found: Sequence[tuple[int, str, bool, int]]) -> list[tuple[int, str, bool, int]]:
    return [max(each for each in found if each[0] == updated) for updated in sorted({each[0] for each in found})]


def shows_consent(updated: int, consent: int | None) -> bool:
    return consent is not None and consent < FUTURE and updated < FUTURE


def consented_periods(records: Sequence[tuple[int, int | None]]) -> Iterator[tuple[float, float]]:
    """Walk through a customer's records as time goes by."""
    since: int | None = None
    denied: int | None = None
    for place, (updated, consent) in enumerate(records):
        following = records[place + 1][0] if place + 1 < len(records) else float("inf")
        if consent is not None and consent <= updated:
            if since is None:
                since = consent if denied is None or consent > denied else updated
            continue
        if since is not None:
            yield since, updated
        since, denied = None, updated
        if consent is not None and consent < following:
            since = consent
    if since is not None:
        yield since, float("inf")


# -- what the tables hold ---------------------------------------------------------------------------------------------


def minutes_of(moment: datetime) -> int:
    return round((moment - datetime.fromtimestamp(START_MS / 1000, UTC).replace(tzinfo=None)) / timedelta(minutes=1))


@dataclass(frozen=True)
class Project:
    """The project's models and its tests of consent, as dbt compiles them for one scope."""

    models: Sequence[tuple[str, str, str]]
    tests: Mapping[str, str]

    def build(self, warehouse: MemoryWarehouse) -> None:
        with warehouse.write() as con:
            for schema, name, sql in self.models:
                con.execute(f"create schema if not exists {schema}")
                con.execute(f"create or replace table {schema}.{name} as {sql}")


def compile_project(folder: Path, scope: str) -> Project:
    home = DbtHome(folder).prepare()
    variables = f"{{consent_scope: {scope}}}"
    run = home.dbt(
        "compile", "--select", "+tag:balance,resource_type:model", "test_name:only_consented", "--vars", variables
    )
    assert run.success, run.exception
    nodes = {
        identity: node
        for identity, node in json.loads((home.target_path / "manifest.json").read_text())["nodes"].items()
        if node.get("compiled_code")
    }
    tests = {
        node["name"]: node["compiled_code"]
        for node in nodes.values()
        if node["resource_type"] == "test" and node.get("test_metadata", {}).get("name") == "only_consented"
    }
    waiting = {identity: node for identity, node in nodes.items() if node["resource_type"] == "model"}
    ordered: list[tuple[str, str, str]] = []
    while waiting:
        for identity in [key for key, node in waiting.items() if not waiting.keys() & set(node["depends_on"]["nodes"])]:
            node = waiting.pop(identity)
            ordered.append((node["schema"], node["name"], node["compiled_code"]))
    return Project(ordered, tests)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Project]:
    return {scope: compile_project(tmp_path_factory.mktemp(scope), scope) for scope in SCOPES}


@pytest.fixture(scope="module")
def warehouse() -> MemoryWarehouse:
    made = MemoryWarehouse()
    with made.write() as con:
        participant_key.set_variables(con, SECRET)
    return made


def receive(warehouse: MemoryWarehouse, folder: Path, deliveries: Sequence[Delivery], is_at_once: bool) -> None:
    """Let deliveries arrive in this order, each loaded by itself or all together."""
    warehouse.clear()
    lake = Lake(folder)
    for delivery in deliveries:
        put(
            lake,
            delivery.name,
            [
                customer(spelled(each.customer.email, each.spelling), each.customer.serial, each.updated, each.consent)
                for each in delivery.statements
            ],
            [reading for email, minute in delivery.phones for reading in phone(email, minute)],
            [reading for serial, minute in delivery.steps for reading in steps(serial, minute)],
            clinic=delivery.clinic,
        )
        if not is_at_once:
            balance_files.load(lake, warehouse)
    for report in balance_files.load(lake, warehouse):
        assert report.problems == []


def spelled(email: str, spelling: int) -> str:
    return (email, email.upper(), f" {email} ", f"{email}\u00a0")[spelling]


def check(warehouse: MemoryWarehouse, project: Project, rule: Rule) -> None:
    def rows(sql: str) -> list[tuple[Any, ...]]:
        with warehouse.read() as con:
            return con.execute(sql).fetchall()

    def readings(table: str, column: str) -> list[tuple[str, str, int]]:
        found = rows(f"select clinic, {column}, measured_at from intermediate.{table}")
        return sorted((clinic, name, minutes_of(moment)) for clinic, name, moment in found)

    project.build(warehouse)
    assert sorted(rows("select customer_key, participant_key from intermediate.customer_trusted")) == sorted(
        (each.key, each.participant) for each in rule.consented
    )
    assert readings("accelerometer_trusted", "email") == sorted(rule.accelerometer_trusted)
    assert sorted(rows("select customer_key from balance.customer_curated")) == sorted((c.key,) for c in rule.curated)
    assert readings("step_trainer_trusted", "serial_number") == sorted(rule.step_trainer_trusted)
    pairs = rows("select participant_key, measured_at from balance.machine_learning_curated")
    assert sorted((participant, minutes_of(moment)) for participant, moment in pairs) == sorted(
        rule.machine_learning_curated
    )
    shared = rows(
        "select clinic, serial_number from balance.excluded_device where reason like 'shared with a customer %'"
    )
    assert set(shared) == rule.shared_devices
    for name, sql in project.tests.items():
        assert rows(sql) == [], name
    assert funnel_of(warehouse).gaps == []


# -- the properties ---------------------------------------------------------------------------------------------------

customers = st.builds(Customer, st.sampled_from(CLINICS), st.sampled_from(EMAILS), st.sampled_from(SERIALS))
minutes = st.sampled_from(MINUTES[:-1])


@st.composite
def stories(draw: st.DrawFn) -> list[Delivery]:
    """Deliveries in the order of their arrival."""
    people = draw(st.lists(customers, min_size=1, max_size=5, unique=True))
    deliveries = []
    for clinic in sorted({each.clinic for each in people}):
        own = [each for each in people if each.clinic == clinic]
        statements = st.builds(
            Statement,
            st.sampled_from(own),
            st.sampled_from(MINUTES if draw(st.integers(0, 9)) == 0 else MINUTES[:-1]),
            st.none() | st.sampled_from(MINUTES) | minutes | minutes,
            st.integers(0, 3),
        )
        for name in DELIVERIES:
            deliveries.append(
                Delivery(
                    clinic,
                    name,
                    tuple(draw(st.lists(statements, max_size=5))),
                    # Somebody whose records never come is among them.
                    tuple(draw(st.lists(st.tuples(st.sampled_from(EMAILS), minutes), max_size=8))),
                    tuple(draw(st.lists(st.tuples(st.sampled_from(SERIALS), minutes), max_size=8))),
                )
            )
    return draw(st.permutations(deliveries))


A1, A2, B1 = (
    Customer("lab", "a@test.com", "s1"),
    Customer("lab", "a@test.com", "s2"),
    Customer("lab", "b@test.com", "s1"),
)
D1, D2, D3 = DELIVERIES
READ = {"phones": (("a@test.com", 2), ("a@test.com", 5)), "steps": (("s1", 2), ("s1", 5), ("s2", 5))}


FEW = settings(
    max_examples=examples(5),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # Shrinking builds hundreds of times: worth it for a person who looks for a cause, not in a suite.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


@FEW
@given(deliveries=stories(), is_at_once=st.booleans())
# Given, withdrawn, given again; the withdrawal arrives last.
@example(
    [
        Delivery("lab", D1, (Statement(A1, 1, 1),), **READ),
        Delivery("lab", D3, (Statement(A1, 6, 6),)),
        Delivery("lab", D2, (Statement(A1, 3, None),)),
    ],
    False,
)
# The withdrawal is the last word; it arrives first.
@example([Delivery("lab", D2, (Statement(A1, 3, None),)), Delivery("lab", D1, (Statement(A1, 1, 1),), **READ)], False)
# One time of update, two answers: the later delivery counts, whichever came first; in one delivery, the one without.
@example([Delivery("lab", D2, (Statement(A1, 3, None),)), Delivery("lab", D1, (Statement(A1, 3, 1),), **READ)], False)
@example([Delivery("lab", D1, (Statement(A1, 3, None), Statement(A1, 3, 1)), **READ)], True)
# A second device under the same email address, without consent; and a second customer with the same device.
@example([Delivery("lab", D1, (Statement(A1, 1, 1), Statement(A2, 1, None)), **READ)], True)
@example([Delivery("lab", D1, (Statement(A1, 1, 1), Statement(B1, 1, None)), **READ)], True)
# Two devices under one email address, both with consent: at minute 5 both have steps.
@example([Delivery("lab", D1, (Statement(A1, 1, 1), Statement(A2, 1, 1)), **READ)], True)
# Consent that begins in the future, or that is dated back before a withdrawal.
@example([Delivery("lab", D1, (Statement(A1, 1, FUTURE),), **READ)], True)
@example([Delivery("lab", D1, (Statement(A1, 1, 1), Statement(A1, 3, None), Statement(A1, 6, 1)), **READ)], True)
# Consent that was announced, and took effect, or was taken back before it did.
@example([Delivery("lab", D1, (Statement(A1, 1, 4),), **READ)], True)
@example([Delivery("lab", D1, (Statement(A1, 1, 4), Statement(A1, 3, None), Statement(A1, 6, 6)), **READ)], True)
# The same content again: a withdrawal is taken back by an older file that comes once more.
@example(
    [
        Delivery("lab", D1, (Statement(A1, 3, 1),), **READ),
        Delivery("lab", D2, (Statement(A1, 3, None),)),
        Delivery("lab", D3, (Statement(A1, 3, 1),)),
    ],
    False,
)
def test_who_consents_is_there_and_nobody_else(
    warehouse: MemoryWarehouse, projects: dict[str, Project], deliveries: list[Delivery], is_at_once: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        receive(warehouse, Path(folder), deliveries, is_at_once)
    for scope, project in projects.items():
        check(warehouse, project, Rule(deliveries, scope))


@pytest.mark.slow
@settings(FEW, max_examples=examples(25))
@given(deliveries=stories(), is_at_once=st.booleans())
def test_who_consents_is_there_and_nobody_else_in_many_stories(
    warehouse: MemoryWarehouse, projects: dict[str, Project], deliveries: list[Delivery], is_at_once: bool
) -> None:
    test_who_consents_is_there_and_nobody_else.hypothesis.inner_test(warehouse, projects, deliveries, is_at_once)


def test_the_clock_of_the_tests_is_the_one_of_the_files() -> None:
    assert minutes_of(datetime.fromtimestamp(at(7) / 1000, UTC).replace(tzinfo=None)) == 7
    assert datetime.fromtimestamp(at(FUTURE) / 1000, UTC).year > 2500
