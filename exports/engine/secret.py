"""The installation's own key: makes hashes of addresses and ids useless outside of it."""

from __future__ import annotations

import hashlib
import secrets

from stammkunde.files import write_atomically
from stammkunde.home import Home


def installation_key(home: Home) -> str:
    """64 hexadecimal digits, made once per home. Losing them means that every row is sent once more."""
    path = home.exports / "installation.key"
    if not path.exists():
        home.exports.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, secrets.token_hex(32).encode())
    return path.read_text(encoding="ascii").strip()


def keyed_hash(key: str, value: str) -> str:
    """SHA-256 of key and value; in DuckDB: `sha256(key || value)`."""
    return hashlib.sha256((key + value).encode()).hexdigest()


def address_hash(key: str, address: str) -> str:
    """Hash of an address, blind to case and blanks around it; in DuckDB: `sha256(key || lower(trim(a)))`."""
    return keyed_hash(key, address.strip(" ").lower())
