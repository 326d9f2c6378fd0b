"""What has come: new, grown and half-written deliveries."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestration.lib.catalog import new_deliveries
from orchestration.lib.catalog.crawl import crawl
from orchestration.lib.contract.entity import entities_of
from orchestration.lib.lake.delivery import SETTLE_SECONDS, Delivery
from orchestration.lib.lake.files import Lake
from orchestration.lib.sources import ENTITIES
from orchestration.lib.warehouse.connection import Warehouse

DELIVERY = Delivery("sf_state", "ecg", "2020-01-01")
LONG_AGO = time.time() - 1000


def put(lake: Lake, delivery: Delivery, name: str = "run_1.csv", changed_at: float = LONG_AGO) -> Path:
    """Write a file, and date it and its folders."""
    path = lake.path(delivery.path) / "subject_01" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)
    for each in (path, path.parent, path.parent.parent):
        os.utime(each, (changed_at, changed_at))
    return path


ECG_ENTITIES = entities_of(ENTITIES, "ecg")


def pending(lake: Lake, warehouse: Warehouse) -> set[Delivery]:
    """Crawl as a build does, and give the deliveries that have files to load."""
    with warehouse.write() as con:
        new_deliveries.crawl_settled(con, lake, ECG_ENTITIES)
        return new_deliveries.pending_deliveries(con, "ecg")


def changes(lake: Lake, warehouse: Warehouse) -> set[str]:
    with warehouse.write() as con:
        return set(new_deliveries.changed_deliveries(lake, con, "ecg"))


def _let_sleep(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], None]) -> None:
    """Let this module alone sleep so: a thread that an earlier test has left may sleep too."""
    monkeypatch.setattr(new_deliveries, "time", SimpleNamespace(time=time.time, sleep=sleep))


def test_a_new_delivery_is_a_change_until_it_is_loaded(lake: Lake, warehouse: Warehouse) -> None:
    put(lake, DELIVERY)
    assert changes(lake, warehouse) == {DELIVERY.key}
    with warehouse.write() as con:
        crawl(con, lake, ECG_ENTITIES)
    assert changes(lake, warehouse) == {DELIVERY.key}
    with warehouse.write() as con:
        con.execute("update catalog.file set status = 'loaded'")
    assert changes(lake, warehouse) == set()


def test_a_delivery_that_grows_is_a_change_when_it_has_settled(lake: Lake, warehouse: Warehouse) -> None:
    put(lake, DELIVERY)
    with warehouse.write() as con:
        crawl(con, lake, ECG_ENTITIES)
    with warehouse.write() as con:
        con.execute("update catalog.file set status = 'loaded'")
    put(lake, DELIVERY, "run_2.csv", time.time())
    assert changes(lake, warehouse) == set()
    put(lake, DELIVERY, "run_2.csv", time.time() - SETTLE_SECONDS - 1)
    assert changes(lake, warehouse) == {DELIVERY.key}


def test_a_build_gives_files_that_just_came_the_time_to_settle(
    lake: Lake, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who copies files and types `vitalhouse build` gets them loaded, not passed over."""
    path = put(lake, DELIVERY, changed_at=time.time())
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        put(lake, DELIVERY, path.name, time.time() - seconds)

    _let_sleep(monkeypatch, sleep)
    assert pending(lake, warehouse) == {DELIVERY}
    assert pending(lake, warehouse) == {DELIVERY}
    assert waits == [SETTLE_SECONDS]


def test_a_claim_gives_files_that_just_came_the_time_to_settle(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    latest = Delivery("sf_state", "ecg", "latest")
    for name in ("run_1.csv", "run_1_header.json"):
        put(lake, latest, name, time.time())

    def sleep(seconds: float) -> None:
        for name in ("run_1.csv", "run_1_header.json"):
            put(lake, latest, name, time.time() - seconds)

    _let_sleep(monkeypatch, sleep)
    new_deliveries.claim_settled(lake, ECG_ENTITIES)
    (claimed,) = lake.deliveries("ecg")
    assert len(list(lake.path(claimed.path).rglob("run_1*"))) == 2
