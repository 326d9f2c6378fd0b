"""The web server on a built home: signals from the lake, many readers while builds publish, the command."""

import shutil
import signal
import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from orchestration.cli.commands import main
from orchestration.lib.core.home import ENVIRONMENT_VARIABLE, Home
from orchestration.lib.lake.files import Lake
from orchestration.lib.publish.publish import publish
from orchestration.lib.sources import open_warehouse
from orchestration.lib.sources.ecg.signal_parquet import read_filtered
from serving.app import create_app
from tests.pipeline.conftest import Built
from tests.support.publications import served

# What is not right with the newest duckdb yet.
IS_DUCKDB_2 = int(duckdb.__version__.split(".")[0]) >= 2

# As long as the minute is in benchmarks/serving.py, only shorter.
LOAD_SECONDS = 4
CLIENTS = 32


@pytest.fixture
def home(built: Built, tmp_path: Path) -> Home:
    """A copy of the built home, to publish in."""
    shutil.copytree(built.home.path, tmp_path / "home", ignore=shutil.ignore_patterns("dagster", "logs"))
    return Home(tmp_path / "home")


def client(home: Home) -> TestClient:
    return TestClient(create_app(home, notebooks=home.path / "no notebooks"), base_url="http://127.0.0.1")


def test_a_signal_is_that_of_the_lake_in_fewer_points(built: Built) -> None:
    with duckdb.connect(str(built.home.published_path), read_only=True) as con:
        key, path, raw_path, rate = con.execute(
            "select run_key, m.signal_path, loaded_raw_path, sampling_rate_hz "
            "from ecg.run join ecg.run_metadata m using (run_key) order by all limit 1"
        ).fetchall()[0]
    whole = read_filtered(Lake(built.home.lake_path), path, [raw_path])[0].filtered_mv
    with client(built.home) as api:
        answer = api.get(f"/api/runs/{key}/signal").json()
        assert answer["run_key"] == key
        assert len(answer["rows"]) == 500
        for row in answer["rows"]:
            assert row["filtered_mv"] == pytest.approx(whole[round(row["time_s"] * rate)], abs=1e-6)
        assert max(row["filtered_mv"] for row in answer["rows"]) == pytest.approx(whole.max(), abs=1e-6)
        second = api.get(f"/api/runs/{key}/signal", params={"from_s": 2, "to_s": 3, "max_points": 10_000}).json()[
            "rows"
        ]
        assert [row["time_s"] for row in second] == pytest.approx(np.arange(2 * rate, 3 * rate) / rate)
        assert api.get(f"/api/runs/{key}/signal", params={"from_s": 1e6}).json()["rows"] == []
        wrong = api.get(f"/api/runs/{key}/signal", params={"from_s": 3, "to_s": 2})
        assert (wrong.status_code, wrong.json()["detail"]) == (422, "from_s 3 does not lie before to_s 2")


@pytest.mark.parametrize("where", ["no lake", "outside", "link"])
def test_where_the_lake_cannot_be_read_the_answer_says_so(home: Home, where: str) -> None:
    secret = home.path / "secret.parquet"
    with duckdb.connect(str(home.published_path)) as con:
        key, path = con.execute("select run_key, signal_path from ecg.run_metadata order by all limit 1").fetchall()[0]
        if where == "outside":
            con.execute("update ecg.run_metadata set signal_path = '../secret.parquet'")
    # Everything would be found, were it read.
    shutil.copy(home.lake_path / path, secret)
    if where == "link":
        (home.lake_path / path).unlink()
        (home.lake_path / path).symlink_to(secret)
    elif where == "no lake":
        shutil.rmtree(home.lake_path)
    with client(home) as api:
        answer = api.get(f"/api/runs/{key}/signal")
        assert answer.status_code == 404
        assert f"the signal of {key} cannot be read here" in answer.json()["detail"]
        assert str(home.path) not in answer.text
        assert api.get(f"/api/runs/{key}").status_code == 200


@pytest.mark.xfail(IS_DUCKDB_2, reason="on duckdb 2.0 the server keeps the publication that it opened first")
def test_many_readers_while_publications_come_and_no_request_fails(home: Home) -> None:
    """Every reader sends the next request as soon as it has an answer; every answer agrees with its publication."""
    warehouse, manifest = open_warehouse(home.warehouse_path), home.dbt_target_path / "manifest.json"
    with duckdb.connect(str(home.published_path), read_only=True) as con:
        published = {str(row[0]) for row in con.execute("select publication_id from catalog.publication").fetchall()}
    is_over = threading.Event()
    answers: Counter[tuple[int, str]] = Counter()
    problems: list[str] = []

    def publish_on() -> None:
        while not is_over.is_set():
            published.add(publish(warehouse, home.published_path, manifest).publication_id)
            is_over.wait(0.5)

    def read(number: int) -> None:
        urls = ["/api/subjects?limit=3", "/api/catalog/files?limit=5", "/", "/api/runs/none", "/metrics", "/health"]
        with httpx.Client(base_url=url, timeout=60) as api:
            address = urls[number % len(urls)]
            while not is_over.is_set():
                answer = api.get(address)
                answers[answer.status_code, answer.headers.get("etag", "").strip('"').split(".")[0]] += 1
                if answer.status_code != (404 if "none" in address else 200):
                    problems.append(f"{answer.status_code} {address}: {answer.text[:200]}")
                # A list is read to its end, page by page, then begun anew.
                link = answer.headers.get("link", "")
                address = link.removeprefix("<").partition(">")[0] or urls[number % len(urls)]

    with served(home) as (url, _):
        threads = [threading.Thread(target=read, args=(number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=publish_on))
        for thread in threads:
            thread.start()
        # On a machine that others use too, a publication takes its time.
        until = time.monotonic() + LOAD_SECONDS
        while time.monotonic() < until or (len(published) < 4 and threads[-1].is_alive()):
            time.sleep(0.1)
        is_over.set()
        for thread in threads:
            thread.join()
    assert problems == []
    seen = {publication_id for (status, publication_id) in answers if status == 200 and publication_id}
    assert seen <= published
    assert len(seen) > 1
    assert sum(answers.values()) > 10 * CLIENTS
    print(f"{sum(answers.values())} answers of {len(seen)} publications")


def serve(home: Home, *arguments: Any) -> tuple[int, str]:
    """Run the command in this process, if it ends before it serves."""
    result = CliRunner().invoke(main, ["serve", *map(str, arguments)], env={ENVIRONMENT_VARIABLE: str(home.path)})
    return result.exit_code, result.output


def test_what_keeps_the_server_from_starting_is_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path)
    code, output = serve(home, "--host", "0.0.0.0")
    assert code == 2
    assert output.startswith("error: refused to listen on 0.0.0.0 without a token: everybody who reaches this machine")
    code, output = serve(home, "--token-file", tmp_path / "none")
    assert (code, "cannot read the token file" in output) == (2, True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, output = serve(home, "--port", taken.getsockname()[1])
    assert (code, len(output.splitlines())) == (1, 1)
    assert "is taken, perhaps by another `vitalhouse serve`: choose another with --port" in output
    code, output = serve(home, "--host", "no.such.host.invalid", "--token-file", token(tmp_path))
    assert (code, output.startswith("error: cannot listen on port 8000 of no.such.host.invalid")) == (1, True)


def token(folder: Path) -> Path:
    path = folder / "token"
    path.write_text("a-token-of-more-than-twenty-characters\n")
    return path


@pytest.mark.xfail(IS_DUCKDB_2, reason="duckdb 2.0 warns on the terminal of an Arrow table from a parametrised query")
def test_a_server_with_a_token_answers_who_has_it_until_ctrl_c(home: Home, tmp_path: Path) -> None:
    path = token(tmp_path)
    with served(home, "--token-file", str(path)) as (url, process), httpx.Client(base_url=url, timeout=60) as api:
        assert api.get("/api/subjects").status_code == 401
        headers = {"authorization": f"Bearer {path.read_text().strip()}"}
        assert api.get("/api/subjects", headers=headers).status_code == 200
        # The connection is still open.
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "ended\n")
