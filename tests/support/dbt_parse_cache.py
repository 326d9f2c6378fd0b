"""What dbt remembers of the project, from whoever parsed it first: to parse it takes six seconds, to look it over one.

A home is given it before dbt runs there. dbt itself would use it only where the warehouse lies at the same path, since
a project may ask for that while it is parsed; ours does not. Whether a file of the project has changed, dbt still sees.
"""

import hashlib
import pprint
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import msgpack
import yaml
from dbt.adapters.duckdb.credentials import DuckDBCredentials

from orchestration.lib.modelling.dbt_cli import PARSED, PROJECT_PATH
from tests.support.shared_fixtures import SESSION


def restore_parse_cache(target: Path, warehouse: Path, variables: str = "") -> None:
    """Let dbt find in its target folder what it would remember of a parse with these variables, if any was made."""
    kept = _kept(variables)
    if kept is not None and kept.exists():
        target.mkdir(parents=True, exist_ok=True)
        _replace(target / PARSED, _of_profile(kept.read_bytes(), _fingerprint(warehouse)))


def save_parse_cache(target: Path, variables: str = "") -> None:
    """Leave for others what dbt remembers after a parse."""
    kept, made = _kept(variables), target / PARSED
    if kept is not None and not kept.exists() and made.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        _replace(kept, made.read_bytes())


def _kept(variables: str) -> Path | None:
    return SESSION.folder and SESSION.folder / f"parsed-{hashlib.sha256(variables.encode()).hexdigest()}.msgpack"


def _of_profile(remembered: bytes, fingerprint: str) -> bytes:
    """The same, of the profile with this fingerprint."""
    before = msgpack.unpackb(remembered, strict_map_key=False)["state_check"]["profile_hash"]["checksum"]
    return remembered.replace(before.encode(), fingerprint.encode())


def _fingerprint(warehouse: Path) -> str:
    """As dbt computes it of the profile (`ManifestLoader.build_manifest_state_check`); with another it parses anew."""
    profile: dict[str, Any] = yaml.safe_load((PROJECT_PATH / "profiles.yml").read_text())["vitalhouse"]
    output = {"path": str(warehouse)} | {
        key: value for key, value in profile["outputs"]["local"].items() if key not in ("type", "threads", "path")
    }
    credentials = DuckDBCredentials.from_dict(DuckDBCredentials.__pre_deserialize__(output))
    return hashlib.sha256(pprint.pformat(sorted(credentials.connection_info())).encode()).hexdigest()


def _replace(path: Path, content: bytes) -> None:
    """Write a file that another process may be looking for."""
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(path)
