"""Which files of a folder are read, and the frame around reading one of them.

Belongs here: listing a folder, skipping known files, noticing files that change while they are read.
Does not belong here: what stands in the files.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingestion.contracts import Table
from ingestion.extract import (
    Context,
    FileRead,
    FileRefused,
    Message,
    Notice,
    SourceUnavailable,
    relative_name,
)
from stammkunde.files import sha256_of

_TEMPORARY = (".*", "~$*", "*.part", "*.tmp", "*.filepart", "*.crdownload", "*~", "*.swp")


class Refused(Exception):
    """The file cannot be trusted as a whole. `line` is the physical line where the trouble begins."""

    def __init__(self, reason: str, line: int | None = None, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.line, self.field = reason, line, field


class FileReader(Protocol):
    """A reader of one format: `read_csv`, `read_jsonl`, `read_vcards`."""

    def __call__(self, content: Path, table: Table, context: Context, *, name: str) -> Iterator[Message]: ...


@dataclass(frozen=True)
class Pattern:
    """Files whose name matches `glob` (case does not matter) hold rows of `table`."""

    glob: str
    table: Table
    reader: FileReader


def read_folder(folder: Path, patterns: tuple[Pattern, ...], context: Context) -> Iterator[Message]:
    """Reads every file of the folder and its subfolders whose name matches a pattern, in the order of names.

    Every other file is named in a notice. Raises SourceUnavailable if the folder cannot be listed.
    """
    root = folder.resolve()
    if not root.is_dir():
        kind = "is no folder" if root.exists() else "does not exist"
        raise SourceUnavailable(
            f"The folder {folder} {kind}; create it or correct its path in the configuration"
        )
    read = 0
    for path, problem in _walk(root):
        name = relative_name(path, root)
        if problem:
            yield Notice(f"{name}: {problem}")
            continue
        pattern = next((p for p in patterns if fnmatch.fnmatch(path.name.lower(), p.glob)), None)
        if pattern is None:
            expected = ", ".join(p.glob for p in patterns)
            yield Notice(f"{name}: not read, its name matches none of {expected}")
            continue
        read += 1
        yield from pattern.reader(path, pattern.table, context, name=name)
    if not read:
        yield Notice(f"The folder {folder} holds no file named {', '.join(p.glob for p in patterns)}")


def _walk(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Regular files below `root` in the order of their names; what is passed over comes with the reason."""

    def fail(error: OSError) -> None:
        raise SourceUnavailable(f"The folder {error.filename} cannot be read: {error.strerror}") from error

    found: list[tuple[Path, str | None]] = []
    for directory, subfolders, files in os.walk(root, onerror=fail):
        base = Path(directory)
        for name in list(subfolders):
            if name.startswith("."):
                subfolders.remove(name)
                found.append((base / name, "hidden folder, not searched"))
            elif (base / name).is_symlink():
                subfolders.remove(name)
                found.append((base / name, "link to a folder, not followed"))
        found += [(base / name, _problem(base / name, root)) for name in files]
    yield from sorted(found, key=lambda entry: relative_name(entry[0], root))


def _problem(path: Path, root: Path) -> str | None:
    if any(fnmatch.fnmatch(path.name.lower(), glob) for glob in _TEMPORARY):
        return "hidden or temporary file, not read"
    if path.is_symlink():
        if not path.exists():
            return "broken link, not read"
        if not path.resolve().is_relative_to(root):
            return "link to a file outside the folder, not followed"
    if not path.is_file():
        return "no regular file, not read"
    return None


def read_whole_file(
    content: Path | bytes,
    table: Table,
    context: Context,
    name: str,
    parse: Callable[[], Iterator[Message]],
) -> Iterator[Message]:
    """The messages of `parse`, then that the file was read or refused; nothing if its content is known.

    `parse` raises Refused for a file that cannot be trusted. A file that changes while it is read, or that
    cannot be read, is refused without a hash: it is tried again in the next run.
    """
    try:
        before = _fingerprint(content)
        sha256 = sha256_of(content) if isinstance(content, Path) else hashlib.sha256(content).hexdigest()
        if sha256 in context.state.known_files and not context.full:
            return
        context.progress(name)
        refusal: FileRefused | None = None
        try:
            yield from parse()
        except Refused as error:
            refusal = FileRefused(table.name, name, sha256, error.reason, error.line, error.field)
        if _fingerprint(content) != before:
            refusal = FileRefused(
                table.name, name, "", "the file changed while it was read; it is read in the next run"
            )
    except OSError as error:
        refusal = FileRefused(table.name, name, "", f"the file cannot be read: {error.strerror or error}")
    yield refusal or FileRead(name, sha256)


def _fingerprint(content: Path | bytes) -> tuple[int, ...]:
    if isinstance(content, bytes):
        return (len(content),)
    status = content.stat()
    return (status.st_size, status.st_mtime_ns, status.st_ino)
