"""The secret behind participants' pseudonyms: where it comes from, and who may read it."""

from pathlib import Path

import duckdb
import participant_key as keys
import pytest
from dbt.adapters.duckdb.credentials import DuckDBCredentials


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.ENVIRONMENT_VARIABLE, raising=False)


def test_a_fresh_key_is_made_kept_and_its_owners_alone(tmp_path: Path) -> None:
    first = keys.participant_key(tmp_path)
    path = tmp_path / "participant.key"
    assert len(bytes.fromhex(first.decode())) == keys.FRESH_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert keys.participant_key(tmp_path) == first
    assert [each.name for each in tmp_path.iterdir()] == ["participant.key"]
    other = tmp_path / "other"
    other.mkdir()
    assert keys.participant_key(other) != first


def test_a_key_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    first = keys.participant_key(tmp_path)
    (tmp_path / "participant.key").chmod(0o644)
    assert keys.participant_key(tmp_path) == first
    assert (tmp_path / "participant.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_given_counts_and_none_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.ENVIRONMENT_VARIABLE, "sixteen letters!")
    assert keys.participant_key(tmp_path) == b"sixteen letters!"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_short_key_is_refused_and_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    if where == "environment":
        monkeypatch.setenv(keys.ENVIRONMENT_VARIABLE, "hunter2")
    else:
        (tmp_path / "participant.key").write_text("hunter2\n")
    with pytest.raises(keys.NoParticipantKey, match="shorter than the 16 bytes") as error:
        keys.participant_key(tmp_path)
    assert "hunter2" not in str(error.value)


def test_a_key_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(keys.NoParticipantKey, match=r"participant\.key cannot be read or made: No such file"):
        keys.participant_key(tmp_path / "nowhere")


@pytest.mark.parametrize("customers", [None, "where false", ""], ids=["no table", "no customer", "a customer"])
def test_a_warehouse_without_customers_makes_no_key(tmp_path: Path, customers: str | None) -> None:
    credentials = DuckDBCredentials(database="warehouse", schema="main", path=str(tmp_path / "warehouse.duckdb"))
    plugin = keys.Plugin("participant_key", {}, credentials)
    with duckdb.connect() as con:
        if customers is not None:
            con.execute(f"create schema raw; create table raw.balance_customer as select 1 as customer {customers}")
        plugin.configure_connection(con)
        plugin.configure_cursor(con)
        has_key = con.execute("select getvariable('participant_key_inner') is not null").fetchall()
    assert has_key == [(customers == "",)]
    assert (tmp_path / keys.FILE_NAME).exists() == (customers == "")
