"""What a build consists of, and what it says was refused."""

from collections.abc import Sequence

import pytest

from orchestration.lib.build.partitions import partition_ranges
from orchestration.lib.build.plan import RejectionSnapshot, Request, Run, plan
from orchestration.lib.core.errors import UsageError
from orchestration.lib.lake.delivery import Delivery
from orchestration.lib.warehouse.connection import Warehouse

KNOWN = ["a/1", "a/2", "b/1", "a/3", "b/2"]


def deliveries(measurement: str, keys: Sequence[str]) -> list[Delivery]:
    return [Delivery(key[0], measurement, key[2:]) for key in keys]


@pytest.mark.parametrize(
    ("keys", "together", "apart"),
    [
        ([], [], []),
        (["a/2"], [("a/2", "a/2")], [("a/2", "a/2")]),
        (["b/1", "a/2"], [("a/2", "b/1")], [("a/2", "b/1")]),
        (["b/2", "a/1", "a/2"], [("a/1", "b/2")], [("a/1", "a/2"), ("b/2", "b/2")]),
        (KNOWN, [("a/1", "b/2")], [("a/1", "b/2")]),
    ],
)
def test_partitions_become_ranges_in_dagsters_order(
    keys: list[str], together: list[tuple[str, str]], apart: list[tuple[str, str]]
) -> None:
    assert partition_ranges(keys, KNOWN, exact=False) == together
    assert partition_ranges(keys, KNOWN, exact=True) == apart


def test_one_source_with_news_is_one_run_of_its_job() -> None:
    news = {"ecg": deliveries("ecg", ["a/2", "a/3"])}
    for request in (Request(), Request(measurement="ecg")):
        assert plan(request, news, {"ecg": KNOWN}) == [Run("ecg", ("a/2", "a/3"))]


def test_a_source_without_deliveries_is_only_modelled() -> None:
    assert plan(Request(), {"ecg": []}, {"ecg": []}) == [Run("ecg", part="marts")]


def test_two_sources_are_built_one_after_the_other() -> None:
    news = {"ecg": deliveries("ecg", ["a/1"]), "bloodtest": deliveries("bloodtest", ["b/2"])}
    assert plan(Request(), news, {"ecg": KNOWN, "bloodtest": KNOWN}) == [
        Run("ecg", ("a/1", "a/1")),
        Run("bloodtest", ("b/2", "b/2")),
    ]


def test_several_sources_are_loaded_one_by_one_and_modelled_once() -> None:
    news = {"ecg": deliveries("ecg", ["a/1"]), "bloodtest": deliveries("bloodtest", ["b/2"]), "balance": []}
    known = {"ecg": KNOWN, "bloodtest": KNOWN, "balance": []}
    assert plan(Request(), news, known) == [
        Run("load_ecg", ("a/1", "a/1")),
        Run("load_bloodtest", ("b/2", "b/2")),
        Run("marts"),
    ]


def test_a_reload_touches_no_delivery_that_was_not_named() -> None:
    request = Request(measurement="ecg", deliveries=("1",), reload=True)
    assert plan(request, {"ecg": deliveries("ecg", ["a/1", "b/1"])}, {"ecg": KNOWN}) == [
        Run("ecg", ("a/1", "a/1"), "raw"),
        Run("ecg", ("b/1", "b/1"), "raw"),
        Run("ecg", part="marts"),
    ]


def test_a_measurement_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UsageError, match="there is no measurement astrology: choose from ecg"):
        Request(measurement="astrology").measurements  # noqa: B018


def test_what_was_refused_before_is_not_refused_again(warehouse: Warehouse) -> None:
    with warehouse.write() as con:

        def refuse(path: str, load_id: int | None, *lines: int) -> None:
            con.execute(
                "insert into catalog.file by name "
                "select ? as raw_path, 'rejected' as status, ? as load_id, 'why' as reason",
                [path, load_id],
            )
            for line in lines:
                con.execute("insert into catalog.rejected_row values (?, ?, 'text', 'why', ?)", [path, line, load_id])

        con.execute("insert into catalog.load (load_id) values (1)")
        refuse("old", 1, 1)
        refuse("old link", None)
        before = RejectionSnapshot.of(con)
        assert before.since(con) == (0, [])
        refuse("new", 2, 2, 10)
        refuse("new link", None)
        refuse("whole", 2)
        assert before.since(con) == (
            4,
            ["new, line 2: why", "new, line 10: why", "new link: why", "whole: why"],
        )
