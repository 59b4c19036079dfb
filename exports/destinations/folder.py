"""Files to a folder of this machine, for example a mounted share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from exports.destinations.delivery import listed, stale
from exports.engine.destination import Finding
from exports.engine.errors import Refused, Unavailable
from stammkunde.files import fsync_path
from stammkunde.settings import Section


class Settings(Section):
    """`path` must exist: a share that is not mounted is not made up as an empty folder."""

    kind: Literal["folder"]
    path: Path


def connect(settings: Settings) -> Folder:
    """The folder."""
    return Folder(settings.path)


class Folder:
    """A folder that files are renamed into."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def check(self) -> list[Finding]:
        if not self._path.is_dir():
            return [Finding(False, f"folder: {self._path} is not there")]
        good = os.access(self._path, os.W_OK | os.X_OK)
        return [Finding(good, f"folder: {self._path} can {'' if good else 'not '}be written")]

    def deliver(self, files: Sequence[Path], manifest: Path) -> None:
        if not self._path.is_dir():
            raise Refused(f"folder: {self._path} is not there")
        target = self._path / manifest.name
        before = listed(target.read_bytes() if target.exists() else None)
        try:
            parts = [(self._part(path), self._path / path.name) for path in (*files, manifest)]
            for part, final in parts:
                os.replace(part, final)
            for name in stale(before, files):
                (self._path / name).unlink(missing_ok=True)
            fsync_path(self._path)
        except OSError as error:
            raise Unavailable(f"folder: {self._path}: {error.strerror}") from None

    def _part(self, path: Path) -> Path:
        """A complete copy beside its place, on disk."""
        part = self._path / f".{path.name}.part"
        shutil.copyfile(path, part)
        part.chmod(0o600)
        fsync_path(part)
        return part
