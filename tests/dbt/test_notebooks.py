"""Every notebook on what the sample publishes, run as `python notebooks/NAME.py` runs it: no cell may fail."""

import importlib.util
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import altair as alt
import duckdb
import pytest
from marimo import as_html

from notebooks._chart import MAX_POINTS
from orchestration.lib.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.publish import publish
from orchestration.lib.warehouse import Warehouse
from tests.dbt.project import DbtHome, DbtRun

NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def home(sample: tuple[DbtHome, DbtRun]) -> Home:
    """The home of the sample deliveries, with what a build publishes of it."""
    dbt_home, _ = sample
    made = Home(dbt_home.path)
    publish(Warehouse(made.warehouse_path), made.published_path, dbt_home.target_path / "manifest.json")
    return made


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The specification of every chart that is shown, checked against Vega-Lite's schema."""
    specifications: list[dict[str, Any]] = []

    def show(chart: Any, *_: Any) -> dict[str, str]:
        specifications.append(chart.to_dict())
        return {"text/plain": json.dumps(specifications[-1])}

    monkeypatch.setattr(alt.TopLevelMixin, "_repr_mimebundle_", show)
    return specifications


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"notebook_{name}", REPOSITORY / f"notebooks/{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, home: Home, monkeypatch: pytest.MonkeyPatch, **chosen: Any) -> str:
    """Run a notebook; what its cells show, as text. A cell that fails raises."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(home.path))
    outputs, _ = load(name).app.run(defs=chosen)
    return "\n".join(as_html(output).text for output in outputs if output is not None)


def series(specification: dict[str, Any]) -> Iterator[int]:
    """Points of each series of a chart."""
    layers = [specification, *specification.get("layer", [])]
    names = {
        encoding["field"]
        for layer in layers
        for channel, encoding in layer.get("encoding", {}).items()
        if channel in ("color", "detail", "facet", "row", "column", "y") and encoding.get("type") == "nominal"
    }
    for rows in specification.get("datasets", {}).values():
        yield from Counter(tuple(row.get(name) for name in sorted(names)) for row in rows).values()


def test_these_are_the_notebooks() -> None:
    assert NAMES == ["balance", "bloodtest", "ecg", "lake", "practice", "wearable"]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_on_the_sample(
    name: str, home: Home, drawn: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run(name, home, monkeypatch)
    assert "vitalhouse generate" not in shown
    assert drawn
    assert max(points for specification in drawn for points in series(specification)) <= MAX_POINTS


@pytest.mark.parametrize("name", NAMES)
def test_notebook_says_that_nothing_is_published(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(name, Home(tmp_path), monkeypatch)
    assert "Nothing is published yet" in shown and "vitalhouse build" in shown


@pytest.mark.parametrize("name", NAMES)
def test_notebook_says_what_is_missing_where_another_source_is_published(
    name: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_only("ecg" if name != "ecg" else "practice", home, Home(tmp_path))
    shown = run(name, Home(tmp_path), monkeypatch)
    assert name == "lake" or f"vitalhouse generate {name}" in shown


def leave_only(measurement: str, home: Home, copy: Home) -> None:
    """A copy of the publication as a build of one source would have made it: the tables of the others are empty."""
    shutil.copy(home.published_path, copy.published_path)
    with duckdb.connect(str(copy.published_path)) as con:
        for (relation,) in con.execute("select relation from catalog.publication").fetchall():
            if relation in ("catalog.file", "catalog.load"):
                con.execute(f"delete from {relation} where measurement != ?", [measurement])
            elif not relation.startswith(f"{measurement}."):
                con.execute(f"delete from {relation}")
        for (relation,) in con.execute("select relation from catalog.publication").fetchall():
            count = f"(select count(*) from {relation})"
            con.execute(f"update catalog.publication set row_count = {count} where relation = ?", [relation])


def test_a_notebook_breaks_where_a_mart_changes(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What these tests are for: a renamed column is an error here, not in front of a user."""
    copy = Home(tmp_path)
    shutil.copy(home.published_path, copy.published_path)
    with duckdb.connect(str(copy.published_path)) as con:
        con.execute("alter table practice.revenue_10min rename revenue_eur to revenue_usd")
    with pytest.raises(Exception, match="revenue_eur"):
        run("practice", Home(tmp_path), monkeypatch)
