"""The API on publications that hold every mart: what it answers, in which format, and that it never breaks."""

import csv
import io
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.testclient import TestClient

from orchestration.lib.core.home import Home
from serving.app import create_app
from tests.support.hypothesis_profile import examples
from tests.support.publications import publish, running

LISTS = ["/api/subjects", "/api/revenue", "/api/adherence", "/api/catalog/files"]
SERIES = "/api/series?participant=study:p1&metric=heart_rate_bpm"
PATHS = [*LISTS, "/api/series", "/api/subjects/{key}", "/api/runs/{key}", "/api/runs/{key}/signal"]
ROWS = 12


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a publication that no test replaces."""
    home = Home(tmp_path_factory.mktemp("home"))
    publish(home.published_path, ROWS)
    return home


@pytest.fixture(scope="module")
def api(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(create_app(home, notebooks=tmp_path_factory.mktemp("none")), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[TestClient, Path]]:
    """A client, and the path of the file that is published to it."""
    home = Home(tmp_path)
    with TestClient(create_app(home, notebooks=tmp_path / "none"), base_url="http://127.0.0.1") as client:
        yield client, home.published_path


def every_row(client: TestClient | httpx.Client, url: str, limit: int, **parameters: Any) -> tuple[list[Any], set[str]]:
    """A list's rows, page by page, and the publications that they are of."""
    rows, ids, cursor = [], set(), None
    while True:
        query = {**parameters, "limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = client.get(url, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        rows += page["rows"]
        ids.add(page["publication_id"])
        cursor = page["next_cursor"]
        if cursor is None:
            return rows, ids


@pytest.mark.parametrize("url", LISTS)
@pytest.mark.parametrize("limit", [1, 5, ROWS, ROWS + 1])
def test_pages_put_together_are_the_whole(api: TestClient, url: str, limit: int) -> None:
    whole = api.get(url).json()
    assert len(whole["rows"]) == ROWS
    assert whole["next_cursor"] is None
    assert every_row(api, url, limit)[0] == whole["rows"]


@pytest.mark.parametrize("url", [*LISTS, SERIES])
def test_a_page_says_where_the_next_one_is_in_every_format(api: TestClient, url: str) -> None:
    joined = "&" if "?" in url else "?"
    size = "resolution=1h&max_points=5" if url == SERIES else "limit=5"
    for accept in ("application/json", "text/csv", "application/vnd.apache.arrow.stream"):
        address, count = f"{url}{joined}{size}", 0
        while address:
            answer = api.get(address, headers={"accept": accept})
            count += rows_of(answer)
            link = answer.headers.get("link", "")
            address = link.removeprefix("<").partition(">")[0]
        assert count == ROWS


def rows_of(answer: httpx.Response) -> int:
    if answer.headers["content-type"].startswith("text/csv"):
        return len(list(csv.DictReader(io.StringIO(answer.text))))
    if "arrow" in answer.headers["content-type"]:
        return len(pa.ipc.open_stream(answer.content).read_all())
    return len(answer.json()["rows"])


def test_filters_reach_the_rows(api: TestClient) -> None:
    everything = api.get("/api/revenue").json()["rows"]
    chosen = api.get("/api/revenue", params={"clinic": "clinic 0003"}).json()["rows"]
    assert chosen == [row for row in everything if row["clinic"] == "clinic 0003"] != []
    late = api.get("/api/revenue", params={"start": "2025-01-01T09:00:00+01:00", "end": "2025-01-01T10:00"}).json()
    assert [row["window_start_at"] for row in late["rows"]] == ["2025-01-01T08:00:00Z", "2025-01-01T09:00:00Z"]
    assert api.get("/api/catalog/files", params={"status": "status 0002"}).json()["rows"][0]["status"] == "status 0002"


def test_values_are_no_part_of_the_sql(api: TestClient) -> None:
    for value in ("' or 1=1 --", "'; drop table ecg.subject; --", "\x00", "%", "🫀"):
        assert api.get("/api/subjects", params={"clinic": value}).json()["rows"] == []
        assert api.get("/api/series", params={"participant": value, "metric": value}).status_code == 404
    assert len(api.get("/api/subjects").json()["rows"]) == ROWS


def test_one_thing_is_one_row(api: TestClient) -> None:
    subject = api.get("/api/subjects/subject_key 0003").json()["row"]
    assert subject["run_keys"] == ["run_key 0003"]
    run = api.get("/api/runs/run_key 0003").json()["row"]
    assert run["subject_key"] == "subject_key 0003"
    for url in ("/api/subjects/nobody", "/api/runs/none", "/api/runs/none/signal"):
        answer = api.get(url)
        assert (answer.status_code, "there is no" in answer.json()["detail"]) == (404, True)


def test_no_personal_data_is_promised_or_given(api: TestClient) -> None:
    assert "reason" not in api.get("/api/catalog/files").json()["rows"][0]
    files = api.get("/openapi.json").json()["paths"]["/api/catalog/files"]["get"]["responses"]["200"]
    row = files["content"]["application/json"]["schema"]["properties"]["rows"]["items"]
    assert "status" in row["properties"]
    assert "reason" not in row["properties"]


def test_a_series_is_as_fine_as_its_points_allow(api: TestClient) -> None:
    whole = api.get(SERIES).json()
    assert (whole["participant"], whole["resolution"], whole["next_cursor"]) == ("study:p1", "15m", None)
    hours = api.get(SERIES + "&resolution=1h").json()
    assert [row["bucket_start_at"] for row in hours["rows"][:2]] == ["2025-01-01T00:00:00Z", "2025-01-01T01:00:00Z"]
    by_id = api.get(SERIES.replace("study:p1", "p1") + "&start=2025-01-01&end=2025-01-02").json()
    assert by_id["participant"] == "study:p1"
    assert by_id["rows"]
    nothing = api.get(SERIES + "&start=2031-01-01&end=2031-01-02")
    assert (nothing.status_code, nothing.json()["rows"]) == (200, [])


@pytest.mark.parametrize(
    ("url", "status", "sentence"),
    [
        ("/api/subjects?limit=0", 422, "limit: Input should be greater than or equal to 1"),
        ("/api/subjects?limit=10001", 422, "limit: Input should be less than or equal to 10000"),
        ("/api/subjects?cursor=x", 422, "this is no cursor"),
        ("/api/series", 422, "participant: Field required"),
        (SERIES + "&max_points=2", 422, "max_points: Input should be greater"),
        (SERIES + "&max_points=20000", 422, "max_points: Input should be less"),
        (SERIES + "&resolution=1s", 422, "resolution: Input should be 'auto'"),
        (SERIES + "&start=soon", 422, "start: Input should be a valid datetime"),
        (SERIES + "&start=0001-01-01T00:00:00%2B05:00", 422, "start: the time lies outside the calendar"),
        (SERIES + "&start=2025-01-02&end=2025-01-01", 422, "does not lie before the end"),
        (SERIES.replace("study:p1", "nobody"), 404, "there is no participant nobody: there are study:p"),
        (SERIES.replace("heart_rate_bpm", "mood"), 404, "there is no mood of study:p1: there are heart_rate_bpm"),
        ("/api/runs/x/signal?from_s=nan", 422, "from_s: Input should be"),
        ("/api/nothing", 404, "there is nothing here: / has the apps and /docs the API"),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(api: TestClient, url: str, status: int, sentence: str) -> None:
    answer = api.get(url)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


def test_what_no_format_can_tell_is_said(api: TestClient) -> None:
    answer = api.get("/api/subjects", headers={"accept": "image/png"})
    assert (answer.status_code, "text/csv" in answer.json()["detail"]) == (406, True)
    assert api.post("/api/subjects").status_code == 405


def test_what_takes_too_long_is_ended_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    publish(home.published_path, ROWS)
    monkeypatch.setattr(
        "serving.routes.ecg.read_run",
        lambda con, key: con.execute(
            "select count(*) from range(1000000) a, range(1000000) b where a.range != b.range"
        ),
    )
    with TestClient(create_app(home, query_seconds=0.2, notebooks=tmp_path), base_url="http://127.0.0.1") as client:
        answer = client.get("/api/runs/any")
        assert (answer.status_code, answer.json()["detail"][:28]) == (422, "this takes more than 0.2 s o")
        assert client.get("/api/subjects").status_code == 200


def test_an_answer_that_still_holds_costs_a_304(own: tuple[TestClient, Path]) -> None:
    client, path = own
    publish(path, 3, only="ecg")
    first = client.get("/api/subjects")
    etag = first.headers["etag"]
    assert first.headers["vary"] == "Accept"
    known = {"if-none-match": f'"other", W/{etag}'}
    again = client.get("/api/subjects", headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert client.get("/api/subjects", headers={**known, "accept": "text/csv"}).status_code == 200
    publish(path, 3, only="ecg")
    renewed = client.get("/api/subjects", headers=known)
    assert (renewed.status_code, renewed.headers["etag"] != etag) == (200, True)


def test_nothing_published_is_said_with_what_to_type_and_needs_no_restart(own: tuple[TestClient, Path]) -> None:
    client, path = own
    for url in (*LISTS, SERIES, "/health"):
        answer = client.get(url)
        assert answer.status_code == 503
        assert "run `vitalhouse build` first" in answer.json()["detail"]
    assert "Nothing to see yet" in client.get("/").text
    assert "<code>vitalhouse build</code>" in client.get("/").text
    assert "vitalhouse_is_published 0.0" in client.get("/metrics").text
    publish(path, 3)
    assert client.get("/health").json()["status"] == "ok"
    assert [client.get(url).status_code for url in (*LISTS, SERIES)] == [200] * 5


def test_a_source_that_is_not_published_is_named(own: tuple[TestClient, Path]) -> None:
    client, path = own
    publish(path, 3, without="wearable")
    for url in ("/api/adherence", SERIES, SERIES + "&start=2025-01-01&end=2025-01-02"):
        answer = client.get(url)
        assert (answer.status_code, "not published yet: run `vitalhouse build`" in answer.json()["detail"]) == (
            404,
            True,
        )
    assert client.get("/api/subjects").status_code == 200


def test_a_list_stays_in_the_publication_in_which_it_was_begun(own: tuple[TestClient, Path]) -> None:
    client, path = own
    publish(path, 5, only="catalog.file")
    whole = client.get("/api/catalog/files").json()
    rows, page = [], client.get("/api/catalog/files", params={"limit": 1}).json()
    while True:
        rows += page["rows"]
        # More rows, fewer rows, other rows: each page of the list is followed by another publication.
        publish(
            path, 9 - len(rows), only="catalog.file", overrides={"catalog.file": {"clinic": f"'later {len(rows)}'"}}
        )
        assert len(client.get("/api/catalog/files").json()["rows"]) == 9 - len(rows)
        if page["next_cursor"] is None:
            break
        page = client.get("/api/catalog/files", params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert rows == whole["rows"]


def test_a_list_whose_publication_is_gone_is_to_be_begun_again(own: tuple[TestClient, Path]) -> None:
    client, path = own
    publish(path, 5, only="ecg.subject")
    cursor = client.get("/api/subjects", params={"limit": 2}).json()["next_cursor"]
    for _ in range(10):
        publish(path, 5, only="ecg.subject")
        client.get("/health")
    gone = client.get("/api/subjects", params={"limit": 2, "cursor": cursor})
    assert (gone.status_code, "begin it again, without the cursor" in gone.json()["detail"]) == (410, True)


def test_pages_are_of_one_publication_while_others_come(tmp_path: Path) -> None:
    """Readers page through a list, each page longer on its way than the time to the next publication."""
    home = Home(tmp_path)
    sizes: dict[str, int] = {}
    is_over = threading.Event()

    def publish_with(size: int) -> None:
        marked = {"practice.revenue_10min": {"category": f"'of {size} rows'"}}
        sizes[publish(home.published_path, size, only="practice.revenue_10min", overrides=marked)] = size

    def publish_on() -> None:
        while not is_over.wait(0.2):
            publish_with(15 + 7 * len(sizes) % 20)

    def read() -> int:
        complete = 0
        with httpx.Client(base_url=url, timeout=30) as client:
            while not is_over.is_set():
                rows, ids = every_row(client, "/api/revenue", 7)
                (publication_id,) = ids
                assert len({row["clinic"] for row in rows}) == len(rows)
                assert len({row["category"] for row in rows}) == 1
                seen.append((publication_id, len(rows)))
                complete += 1
        return complete

    seen: list[tuple[str, int]] = []
    publish_with(20)
    with running(create_app(home, notebooks=tmp_path / "none")) as url, ThreadPoolExecutor(5) as threads:
        readers = [threads.submit(read) for _ in range(4)]
        publisher = threads.submit(publish_on)
        # A second is enough, but on a machine that others use too.
        until = time.monotonic() + 60
        while len({publication_id for publication_id, _ in seen}) < 4 and time.monotonic() < until:
            time.sleep(0.1)
        is_over.set()
        publisher.result()
        assert all(reader.result() for reader in readers)
    assert all(sizes[publication_id] == count for publication_id, count in seen)
    assert len({publication_id for publication_id, _ in seen}) >= 4


def test_figures_for_prometheus(own: tuple[TestClient, Path]) -> None:
    client, path = own
    publish(path, 4)
    client.get("/api/subjects/subject_key 0001")
    client.get("/api/subjects/nobody")
    client.get("/made/up")
    text = client.get("/metrics").text
    age = (datetime.now(UTC).replace(tzinfo=None) - datetime(2026, 1, 1)).total_seconds()
    assert float(
        next(line for line in text.splitlines() if line.startswith("vitalhouse_publication_age")).split()[1]
    ) == (pytest.approx(age, abs=60))
    for line in (
        'vitalhouse_requests_total{method="GET",route="/api/subjects/{key}",status="200"} 1.0',
        'vitalhouse_requests_total{method="GET",route="/api/subjects/{key}",status="404"} 1.0',
        'vitalhouse_requests_total{method="GET",route="other",status="404"} 1.0',
        'vitalhouse_request_seconds_count{route="/api/subjects/{key}"} 2.0',
        'vitalhouse_mart_rows{relation="ecg.subject"} 4.0',
        'vitalhouse_files{measurement="measurement 0001",status="status 0001"} 1.0',
        'vitalhouse_rejected_rows{measurement="measurement 0003"} 3.0',
        'vitalhouse_failed_checks{status="fail"} 0.0',
    ):
        assert line in text


def test_no_answer_shows_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    publish(home.published_path, 3)
    monkeypatch.setattr("serving.routes.ecg.read_run", lambda con, key: 1 / 0)
    app = create_app(home, notebooks=tmp_path)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        answer = client.get("/api/runs/any")
    assert answer.status_code == 500
    assert answer.json() == {"detail": "something went wrong here; the server's terminal says what"}


@pytest.fixture(scope="module")
def described(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API as it describes itself, served."""
    app = create_app(home, notebooks=tmp_path_factory.mktemp("no notebooks"))
    with running(app) as url:
        yield schemathesis.openapi.from_url(f"{url}/openapi.json")


def test_every_route_of_the_api_is_described(described: Any) -> None:
    assert sorted(described) == sorted(PATHS)


@pytest.mark.parametrize("path", PATHS)
def test_good_answers_are_as_described(described: Any, path: str) -> None:
    known = {"key": "run_key 0003" if "runs" in path else "subject_key 0003"}
    query = {"participant": "study:p1", "metric": "heart_rate_bpm"} if path == "/api/series" else {}
    for accept in ("application/json", "text/csv", "application/vnd.apache.arrow.stream"):
        parameters = {
            "path_parameters": known if "{key}" in path else {},
            "query": query,
            "headers": {"Accept": accept},
        }
        answer = described[path]["GET"].Case(**parameters).call_and_validate()
        # There is no lake here.
        assert answer.status_code == (404 if path.endswith("signal") else 200)


@pytest.mark.parametrize("path", PATHS)
def test_no_question_breaks_the_server(described: Any, path: str) -> None:
    """Whatever is asked, no answer is a 5xx, and every answer is as the OpenAPI document says."""

    @settings(max_examples=examples(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=described[path]["GET"].as_strategy())
    def ask(case: schemathesis.Case) -> None:
        # A schema cannot tell a cursor from other text, or a start that lies after the end.
        case.call_and_validate(excluded_checks=[positive_data_acceptance])

    ask()
