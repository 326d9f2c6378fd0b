"""Where everything lies, and that nobody else can go there."""

from pathlib import Path

import pytest

from orchestration.lib.core.home import DAGSTER_SETTINGS, ENVIRONMENT_VARIABLE, REPOSITORY, Home


def test_the_environment_names_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path / "elsewhere"))
    assert Home.from_environment().path == tmp_path / "elsewhere"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "here")
    assert Home.from_environment().path == tmp_path / "here"
    monkeypatch.delenv(ENVIRONMENT_VARIABLE)
    assert Home.from_environment().path == REPOSITORY / "data"


def test_a_home_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "home"
    path.mkdir(mode=0o755)
    Home(path).ensure()
    assert path.stat().st_mode & 0o777 == 0o700


def test_dagsters_settings_are_put_in_place_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    settings = home.dagster_home / "dagster.yaml"
    assert settings.read_text() == DAGSTER_SETTINGS.read_text()
    settings.write_text("# mine\n")
    home.ensure()
    assert settings.read_text() == "# mine\n"


def test_no_telemetry_is_shipped() -> None:
    assert "telemetry:\n  enabled: false" in DAGSTER_SETTINGS.read_text()
    assert "send_anonymous_usage_stats: false" in (REPOSITORY / "dbt_project/dbt_project.yml").read_text()
