"""The installation's secret key, from which tombstones and pseudonyms are made.

It comes from the environment (STAMMKUNDE_SECRET_KEY, or STAMMKUNDE_SECRET_KEY_FILE for a mounted file), else
from `secret.key` in the home, which is made once. Whoever has key and tombstones can test whether a known
address was erased, and whoever has the key can tell whom a pseudonym means: keep it apart from backups.

Belongs here: finding the key, keyed hashes (HMAC-SHA-256, RFC 2104) in Python and in DuckDB.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from stammkunde.errors import UserError
from stammkunde.files import fsync_path
from stammkunde.home import Home

VARIABLE = "STAMMKUNDE_SECRET_KEY"
FILE_VARIABLE = "STAMMKUNDE_SECRET_KEY_FILE"
SHORTEST = 16
_BLOCK_BYTES = 64


@dataclass(frozen=True, repr=False)
class Key:
    """A secret; `created` names the file that was made for it just now."""

    secret: bytes
    created: Path | None = None

    @classmethod
    def from_environment(cls, home: Home) -> Key:
        """The key of this installation."""
        return cls.of(home, os.environ)

    @classmethod
    def of(cls, home: Home, environment: Mapping[str, str]) -> Key:
        """The key that the environment names, else the home's own, which is made if there is none.

        Raises UserError for a key of fewer than 16 characters and for a file that cannot be read.
        """
        given = environment.get(VARIABLE)
        if given:
            return cls(_long_enough(given.strip().encode(), VARIABLE))
        named = environment.get(FILE_VARIABLE)
        if named:
            return cls(_long_enough(_read(Path(named)), named))
        path = home.root / "secret.key"
        if path.exists():
            return cls(_long_enough(_read(path), str(path)))
        return cls(_create(path), created=path)

    def of_purpose(self, purpose: str) -> bytes:
        """A key of its own for each use, so that a pseudonym says nothing about a tombstone."""
        return hmac.new(self.secret, purpose.encode(), hashlib.sha256).digest()

    def hash(self, purpose: str, text: str) -> str:
        """HMAC-SHA-256 of a text, 64 hexadecimal digits."""
        return hmac.new(self.of_purpose(purpose), text.encode(), hashlib.sha256).hexdigest()

    def prepare(self, connection: duckdb.DuckDBPyConnection, purpose: str) -> None:
        """Makes the temporary SQL function `keyed_hash(text)`: the same as `hash`, null for null.

        The key stands in variables of the connection and never in the text of a query.
        """
        padded = self.of_purpose(purpose).ljust(_BLOCK_BYTES, b"\0")
        for name, pad in (("hash_inner", 0x36), ("hash_outer", 0x5C)):
            connection.execute(f"set variable {name} = ?::blob", [bytes(byte ^ pad for byte in padded)])
        connection.execute(
            "create or replace temp macro keyed_hash(plain) as sha256(getvariable('hash_outer') || "
            "unhex(sha256(getvariable('hash_inner') || encode(plain))))"
        )


def _long_enough(secret: bytes, place: str) -> bytes:
    if len(secret) < SHORTEST:
        raise UserError(f"{place}: the secret key needs at least {SHORTEST} characters")
    return secret


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{path}: the secret key cannot be read ({error.strerror})") from error


def _create(path: Path) -> bytes:
    secret = secrets.token_hex(32).encode()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)  # fails if another process was faster; then its key holds
    except FileExistsError:
        secret = _read(path)
    finally:
        temporary.unlink()
    fsync_path(path.parent)
    return secret
