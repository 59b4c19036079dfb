"""Durable files: what is renamed into place is complete, also after a power cut."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def fsync_path(path: Path) -> None:
    """Forces a file or directory to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_private(directory: Path) -> None:
    """Makes a directory and the parents that are missing, readable by their owner only."""
    if not directory.is_dir():
        make_private(directory.parent)
        directory.mkdir(mode=0o700, exist_ok=True)


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replaces the file in one step: readers see the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    fsync_path(path.parent)


def move_directory_atomically(source: Path, target: Path) -> None:
    """Renames a finished directory into place after forcing its files to disk."""
    for path in sorted(source.rglob("*")):
        fsync_path(path)
    fsync_path(source)
    os.rename(source, target)
    fsync_path(target.parent)


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of the file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
