"""Every notebook on what the sample publishes, run as `python notebooks/NAME.py` runs it: no cell may fail."""

import importlib.util
import json
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import altair as alt
import duckdb
import pytest
from marimo import as_html
from playwright.sync_api import sync_playwright

from notebooks._chart import MAX_POINTS
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, REPOSITORY, Home
from orchestration.lib.publish.publish import publish
from orchestration.lib.sources import open_warehouse
from tests.support.dbt_home import DbtHome, DbtRun
from tests.support.publications import served

# An app takes two seconds, and many times that on a machine that others use too.
TIMEOUT_MS = 120_000
NAMES = sorted(path.stem for path in (REPOSITORY / "notebooks").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def home(sample: tuple[DbtHome, DbtRun]) -> Home:
    """The home of the sample deliveries, with what a build publishes of it."""
    dbt_home, _ = sample
    made = Home(dbt_home.path)
    publish(open_warehouse(made.warehouse_path), made.published_path, dbt_home.target_path / "manifest.json")
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
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(name: str, home: Home, monkeypatch: pytest.MonkeyPatch, **chosen: Any) -> str:
    """Run a notebook, with other choices than its own; what its cells show, as text. A cell that fails raises."""
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(home.path))
    app = load(name).app
    definitions = {}
    if chosen:
        # marimo wants all that a cell defines, or nothing of it.
        _, defaults = app.run()
        cells = [cell._cell.defs for cell in app._cell_manager.cells() if cell._cell.defs & chosen.keys()]
        definitions = {each: defaults[each] for each in set().union(*cells)} | {
            each: SimpleNamespace(value=value, selected_key=value) for each, value in chosen.items()
        }
        app = load(name).app
    outputs, _ = app.run(defs=definitions)
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
    assert NAMES == ["balance", "bloodtest", "identification", "lake", "practice", "recording", "wearable"]


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs_on_the_sample(
    name: str, home: Home, drawn: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run(name, home, monkeypatch)
    assert "vitalhouse generate" not in shown
    assert drawn
    assert max(points for specification in drawn for points in series(specification)) <= MAX_POINTS


# What a user may choose beside what is chosen at first; nothing at all, above all.
CHOICES: list[tuple[str, dict[str, Any]]] = [
    ("lake", {"source": [], "by": "first_seen_at"}),
    ("recording", {"subject": "sf_state:02", "feature": []}),
    ("recording", {"subject": "sf_state:05"}),
    ("identification", {"subject": "sf_state:02"}),
    ("identification", {"subject": "sf_state:05", "when": "later_day_"}),
    ("bloodtest", {"clinic": [], "sex": [], "why": []}),
    ("bloodtest", {"sex": ["unknown"], "plausible": False}),
    ("practice", {"category": [], "kind": "Diagnoses"}),
    ("balance", {"entity": ("step_trainer", "readings")}),
    ("wearable", {"metric": "hrv_rmssd_ms"}),
    ("wearable", {"participant": "watch_study:p004"}),
    ("wearable", {"participant": "nobody"}),
]


@pytest.mark.parametrize(("name", "chosen"), CHOICES)
def test_notebook_runs_whatever_is_chosen(
    name: str, chosen: dict[str, Any], home: Home, drawn: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(name, home, monkeypatch, **chosen)
    assert max(points for specification in drawn for points in series(specification)) <= MAX_POINTS


def test_signals_that_cannot_be_read_leave_the_rest(
    home: Home, drawn: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published file that was copied to where the lake is not."""
    shutil.copy(home.published_path, tmp_path)
    shown = run("recording", Home(tmp_path), monkeypatch)
    assert "The signal cannot be read here" in shown
    assert "Features of this person over time" in shown
    assert drawn
    drawn.clear()
    assert "Who looks like whom" in run("identification", Home(tmp_path), monkeypatch)
    assert drawn


@pytest.mark.parametrize("name", NAMES)
def test_notebook_says_that_nothing_is_published(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run(name, Home(tmp_path), monkeypatch)
    assert "Nothing is published yet" in shown
    assert "vitalhouse build" in shown


@pytest.mark.parametrize("how", ["delete from", "drop table"])
@pytest.mark.parametrize("name", NAMES)
def test_notebook_says_what_is_missing_where_another_source_is_published(
    name: str, how: str, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole build publishes empty tables of the sources of which nothing came, a build of one source none of them."""
    source = {"recording": "ecg", "identification": "ecg"}.get(name, name)
    leave_only("ecg" if source != "ecg" else "practice", how, home, Home(tmp_path))
    shown = run(name, Home(tmp_path), monkeypatch)
    assert name == "lake" or f"vitalhouse generate {source}" in shown


def leave_only(measurement: str, how: str, home: Home, copy: Home) -> None:
    """A copy of the publication, without the rows, or the tables, of any other source."""
    shutil.copy(home.published_path, copy.published_path)
    with duckdb.connect(str(copy.published_path)) as con:
        for (relation,) in con.execute("select relation from catalog.publication").fetchall():
            if relation.startswith("catalog.") and relation != "catalog.rejected_row":
                con.execute(f"delete from {relation} where measurement != ?", [measurement])
            elif not relation.startswith(f"{measurement}."):
                con.execute(f"{how} {relation}")
        con.execute(
            """
            delete from catalog.publication
            where relation not in (select schema_name || '.' || table_name from duckdb_tables())
            """
        )
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


# A control of each app: the kind of thing that is clicked, and which of them. Of a list, another option is chosen.
CONTROLS = {
    "balance": ("radio", 1),
    "bloodtest": ("switch", 0),
    "identification": ("radio", 1),
    "lake": ("radio", 1),
    "practice": ("radio", 1),
    "recording": ("list", -1),
    "wearable": ("list", -1),
}
# All pictures of a page, also inside marimo's elements.
PICTURES = """() => {
    const found = []
    const look = root => root.querySelectorAll('*').forEach(each => {
        if (each.tagName === 'CANVAS') found.push(each.toDataURL())
        if (each.shadowRoot) look(each.shadowRoot)
    })
    look(document)
    return found.join('\\n')
}"""


@pytest.fixture(scope="module")
def address(home: Home) -> Iterator[str]:
    """Where the sample is served."""
    with served(home) as (url, process):
        yield url
        # The apps that were opened are still waiting for clicks.
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "ended\n")


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    """An installed Chromium, without a window."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_context(viewport={"width": 1100, "height": 1300})
        browser.close()


@pytest.fixture
def page(context: Any, address: str) -> Iterator[Any]:
    """A page of that browser, which may ask nobody but the server."""
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    asked: list[str] = []
    broken: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda websocket: asked.append(websocket.url))
    page.on("pageerror", lambda error: broken.append(str(error)))
    page.on("console", lambda message: broken.append(message.text) if message.type == "error" else None)
    yield page
    page.close()
    host = urlsplit(address).netloc
    assert asked
    assert [url for url in asked if urlsplit(url).netloc not in (host, "")] == []
    assert broken == []


@pytest.mark.slow
def test_the_index_leads_to_every_app(page: Any, address: str) -> None:
    page.goto(address)
    shown = page.locator("li a")
    assert [shown.nth(place).get_attribute("href") for place in range(shown.count())] == [f"/apps/{n}/" for n in NAMES]
    for name in NAMES:
        description = (load(name).__doc__ or "").splitlines()[0]
        assert description in page.locator(f'a[href="/apps/{name}/"]').inner_text()
    assert "Published" in page.inner_text("body")
    assert "no rows yet" not in page.inner_text("body")


@pytest.mark.slow
def test_the_description_of_the_api_is_a_page(page: Any, address: str) -> None:
    page.goto(f"{address}/docs")
    page.locator(".opblock").first.wait_for()
    assert "/api/series" in page.inner_text("body")


@pytest.mark.parametrize(
    "name", [name if name == "practice" else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_an_app_draws_what_is_chosen(name: str, page: Any, address: str) -> None:
    page.goto(f"{address}/apps/{name}/")
    before = settled_pictures(page)
    kind, place = CONTROLS[name]
    if kind == "list":
        page.locator("select").nth(place).select_option(index=1)
    else:
        page.get_by_role(kind).nth(place).click()
    page.wait_for_function(f"before => {{ const now = ({PICTURES})(); return now && now !== before }}", arg=before)
    assert "Traceback" not in page.inner_text("body")
    assert "internal error" not in page.inner_text("body").lower()


def settled_pictures(page: Any) -> str:
    """The page's pictures, once no more of them come."""
    page.locator("canvas").first.wait_for()
    before, now = None, page.evaluate(PICTURES)
    while now != before:
        page.wait_for_timeout(300)
        before, now = now, page.evaluate(PICTURES)
    return str(now)
