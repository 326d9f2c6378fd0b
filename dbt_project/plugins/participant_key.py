"""dbt-duckdb plugin: give the engine the key with which participants' pseudonyms are made.

The key reaches the engine as session variables, never as text of a statement: no compiled SQL, no log and no table
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

import duckdb
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
    """There is no usable key. dbt-duckdb shows a RuntimeError without a traceback."""


def participant_key(folder: Path) -> bytes:
    """Return the key of the warehouse in this folder; make one if there is none.

    Raises
    ------
    NoParticipantKey
        If the given key is too short, or its file cannot be read. The message does not quote the key.
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
        key = path.read_bytes().strip()
    except OSError as error:
        raise NoParticipantKey(f"the participants' key {path} cannot be read or made: {error.strerror}") from None
    return _long_enough(key, f"{path} holds", "restore it, or delete it: all participants then get new keys")


def _long_enough(key: bytes, subject: str, advice: str) -> bytes:
    if len(key) < MIN_BYTES:
        raise NoParticipantKey(f"{subject} shorter than the {MIN_BYTES} bytes that a participants' key needs: {advice}")
    return key


def _make(path: Path) -> None:
    """Write a fresh key file, whole or not at all; if two processes do so at once, the first file stays."""
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
    """Pad the key to a block of HMAC: with ``INNER_PAD`` for the inner hash, ``OUTER_PAD`` for the outer one."""
    block = hashlib.sha256(key).digest() if len(key) > _BLOCK_BYTES else key
    return bytes(byte ^ pad for byte in block.ljust(_BLOCK_BYTES, b"\0"))


def _has_customers(conn: Any) -> bool:
    """Ask the warehouse for raw customer records, in a table that exists once anything was loaded."""
    try:
        return bool(conn.execute("select exists (select 1 from raw.balance_customer)").fetchone()[0])
    except duckdb.CatalogException:
        return False


def set_variables(cursor: Any, key: bytes) -> None:
    """Set the session variables that the macro ``participant_key`` reads."""
    for name, pad in (("participant_key_inner", INNER_PAD), ("participant_key_outer", OUTER_PAD)):
        cursor.execute(f"set variable {name} = unhex(?)", [padded(key, pad).hex()])


class Plugin(BasePlugin):
    """Give the key to every session, once there are customers to make pseudonyms of."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Begin a dbt command without a key."""
        self._key: bytes | None = None

    def configure_connection(self, conn: Any) -> None:
        """Find or make the key, if the open warehouse holds customers: none is made for other sources.

        Raises
        ------
        NoParticipantKey
            If there is no usable key.
        """
        assert self.creds is not None
        if _has_customers(conn):
            self._key = participant_key(Path(self.creds.path).parent)

    def configure_cursor(self, cursor: Any) -> None:
        """Set the variables of a new session, to which DuckDB's variables belong."""
        if self._key is not None:
            set_variables(cursor, self._key)
