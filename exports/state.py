"""What an export left on disk: directories, the link to the latest, the manifest, the rows' hashes.

`exports/<sync>/<content hash>/` holds one finished export, `exports/<sync>/latest` is a symbolic link to it.
Only the latest is kept, for an old file would keep people whose consent has ended.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stammkunde.errors import UserError
from stammkunde.files import fsync_path, move_directory_atomically, sha256_of, write_atomically
from stammkunde.home import Home

MANIFEST = "manifest.json"
STATE = ".state.parquet"
_UNFINISHED = ".unfinished-"


@dataclass(frozen=True)
class ExportDirectory:
    """The directory of one sync."""

    root: Path

    @classmethod
    def of(cls, home: Home, sync: str) -> ExportDirectory:
        """The sync's directory, made if need be, readable by the owner only."""
        root = home.exports / sync
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(root)

    @property
    def latest(self) -> Path:
        return self.root / "latest"

    def current(self) -> Path | None:
        """The directory of the latest export, None if there is none."""
        return (
            self.root / self.latest.readlink() if self.latest.is_symlink() and self.latest.exists() else None
        )

    def clean(self) -> None:
        """Removes what a killed export left behind: everything but the latest export."""
        current = self.current()
        for path in self.root.iterdir():
            if path != current and path != self.latest:
                remove(path)

    def begin(self) -> Path:
        """An empty private directory to write into."""
        unfinished = self.root / f"{_UNFINISHED}{os.getpid()}"
        unfinished.mkdir(mode=0o700)
        return unfinished

    def finish(self, unfinished: Path, name: str) -> Path:
        """Moves the written directory into place, makes it the latest and removes the one before."""
        for path in unfinished.iterdir():
            path.chmod(0o600)
        target = self.root / name
        before = self.current()
        if target == before:  # its files were damaged, or it would not be written again
            self.latest.unlink()
            remove(target)
            before = None
        move_directory_atomically(unfinished, target)
        new_link = self.root / f"{_UNFINISHED}link"
        new_link.unlink(missing_ok=True)
        new_link.symlink_to(name)
        os.replace(new_link, self.latest)
        fsync_path(self.root)
        if before is not None:
            remove(before)
        return target


def remove(path: Path) -> None:
    """Removes a file, link or directory."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def read_manifest(directory: Path) -> dict[str, Any]:
    """The manifest of a finished export. UserError if it is damaged."""
    path = directory / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error}); remove {directory} and export again") from error
    return manifest


def write_manifest(directory: Path, manifest: dict[str, Any]) -> None:
    """Writes the manifest if it changes."""
    content = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    path = directory / MANIFEST
    if not path.exists() or path.read_bytes() != content:
        write_atomically(path, content)


def is_intact(directory: Path) -> bool:
    """Whether every file is there as its manifest says."""
    if not (directory / MANIFEST).is_file() or not (directory / STATE).is_file():
        return False
    files = read_manifest(directory)["files"]
    return all(
        (directory / file["name"]).is_file() and sha256_of(directory / file["name"]) == file["sha256"]
        for file in files
    )
