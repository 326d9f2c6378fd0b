"""dbt-duckdb plugin: gives the engine the secret with which participants' pseudonyms are made.

The secret reaches the engine as session variables, never as text of a statement: no compiled SQL, no log and no table
holds it. It comes from ``VITALHOUSE_PARTICIPANT_KEY``; without that, from a file beside the warehouse that is made on
first need, of random bytes and readable by its owner alone.
"""

import hashlib
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin

ENVIRONMENT_VARIABLE = "VITALHOUSE_PARTICIPANT_KEY"
FILE_NAME = "participant.key"
# 128 bits, below which a key can be guessed (NIST SP 800-131A: 112); 32 characters of a file written in hexadecimals.
MIN_BYTES = 16
FRESH_BYTES = 32

# HMAC (RFC 2104) with SHA-256: the key, filled up to the block of 64 bytes, is combined with one of two constants.
_BLOCK_BYTES = 64
INNER_PAD, OUTER_PAD = 0x36, 0x5C


class NoParticipantKey(RuntimeError):
    """There is no usable key. A RuntimeError: dbt-duckdb shows the message of those without a traceback."""


def participant_key(folder: Path) -> bytes:
    """The secret of the warehouse in this folder; makes one where there is none.

    Raises
    ------
    NoParticipantKey
        If the one that is given is too short, or its file cannot be read. The message does not quote it.
    """
    given = os.environ.get(ENVIRONMENT_VARIABLE, "").encode()
    if given:
        return _long_enough(given, f"{ENVIRONMENT_VARIABLE} is", "set a longer one, or none")
    path = folder / FILE_NAME
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        found = path.read_bytes().strip()
    except OSError as error:
        raise NoParticipantKey(f"the participants' key {path} cannot be read or made: {error.strerror}") from None
    return _long_enough(found, f"{path} holds", "restore it, or delete it: all participants then get new keys")


def _long_enough(key: bytes, subject: str, advice: str) -> bytes:
    if len(key) < MIN_BYTES:
        raise NoParticipantKey(f"{subject} shorter than the {MIN_BYTES} bytes that a participants' key needs: {advice}")
    return key


def _make(path: Path) -> None:
    """Write a fresh key, whole or not at all; of two processes that do so at once, the first one's counts."""
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        whole = Path(folder) / path.name
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(FRESH_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(whole)


def padded(key: bytes, pad: int) -> bytes:
    """The key as HMAC puts it before what it hashes: with ``INNER_PAD`` in the inner hash, ``OUTER_PAD`` outside."""
    block = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    return bytes(byte ^ pad for byte in block.ljust(_BLOCK_BYTES, b"\0"))


def set_variables(cursor: Any, key: bytes) -> None:
    """Give a session what the macro ``participant_key`` asks for."""
    for name, pad in (("participant_key_inner", INNER_PAD), ("participant_key_outer", OUTER_PAD)):
        cursor.execute(f"set variable {name} = unhex(?)", [padded(key, pad).hex()])


class Plugin(BasePlugin):
    """Finds the key when the warehouse is opened, and gives it to every session."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Called by dbt-duckdb right before it opens the file.

        Raises
        ------
        NoParticipantKey
            If there is no usable key.
        """
        self._key = participant_key(Path(creds.path).parent)

    def configure_cursor(self, cursor: Any) -> None:
        """Called by dbt-duckdb for every session: DuckDB's variables belong to one."""
        set_variables(cursor, self._key)
