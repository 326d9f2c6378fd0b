"""Name the paths of a home: VITALHOUSE_HOME with the lake, the warehouse, the published file and Dagster's folder."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestration.lib.core.files import write_atomically

ENVIRONMENT_VARIABLE = "VITALHOUSE_HOME"
REPOSITORY = Path(__file__).resolve().parents[3]
DAGSTER_SETTINGS = REPOSITORY / "orchestration" / "dagster.yaml"

# Health data: nobody but the owner may enter the folder (docs/security.md).
PRIVATE_MODE = 0o700


@dataclass(frozen=True)
class Home:
    """The folder that holds all data of one Vitalhouse, and the paths in it."""

    path: Path

    @classmethod
    def from_environment(cls) -> Home:
        """Take the folder that ``VITALHOUSE_HOME`` names, or ``data/`` in the repository."""
        named = os.environ.get(ENVIRONMENT_VARIABLE)
        return cls(Path(named).expanduser().absolute() if named else REPOSITORY / "data")

    @property
    def lake_path(self) -> Path:
        """Return the lake's folder."""
        return self.path / "lake"

    @property
    def warehouse_path(self) -> Path:
        """Return the warehouse file."""
        return self.path / "warehouse.duckdb"

    @property
    def published_path(self) -> Path:
        """Return the published file."""
        return self.path / "published.duckdb"

    @property
    def dagster_home(self) -> Path:
        """Dagster's folder."""
        return self.path / "dagster"

    @property
    def dbt_target_path(self) -> Path:
        """Return the folder of dbt's manifest and compiled SQL, in the home, so that two homes never share one."""
        return self.path / "dbt" / "target"

    @property
    def dbt_log_path(self) -> Path:
        """Return the folder of dbt's logs."""
        return self.path / "dbt" / "logs"

    @property
    def checks_path(self) -> Path:
        """Return the results of the tests of the latest builds."""
        return self.path / "dbt" / "checks.json"

    @property
    def build_lock_path(self) -> Path:
        """Return the lock that a build holds."""
        return self.path / "build.lock"

    @property
    def participant_key_path(self) -> Path:
        """Return the secret of the participants' pseudonyms, which dbt's plugin makes on first need."""
        return self.path / "participant.key"

    @property
    def build_state_path(self) -> Path:
        """Return the states of the sources at the end of their last good build."""
        return self.path / "build_state.json"

    @property
    def build_log_path(self) -> Path:
        """Return the output of Dagster and dbt during the latest builds."""
        return self.path / "logs" / "build.log"

    def ensure(self) -> Home:
        """Make the folders, closed to all but their owner even where they existed with another mode.

        Dagster's settings are put into its folder unless it has some already.
        """
        for folder in (self.path, self.lake_path, self.dagster_home, self.build_log_path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=PRIVATE_MODE)
            if folder.stat().st_mode & 0o777 != PRIVATE_MODE:
                folder.chmod(PRIVATE_MODE)
        settings = self.dagster_home / DAGSTER_SETTINGS.name
        if not settings.exists():
            write_atomically(settings, lambda unfinished: shutil.copyfile(DAGSTER_SETTINGS, unfinished))
        return self


if __name__ == "__main__":
    # For `make dev`, which has to name Dagster's folder before Dagster starts.
    print(Home.from_environment().ensure().dagster_home)
