"""One DSFinV-K export as a set of named files, whether it lies there as a zip or as a folder.

Belongs here: opening exports, distrusting zips, the identity (SHA-256) and age of an export.
Does not belong here: what stands in the CSV files (`ingestion/sources/shop/members.py`).

Nothing is unpacked to disk, so names of members can do no harm; a zip that has harmful ones is refused all
the same, since no till writes such a file.
"""

from __future__ import annotations

import hashlib
import re
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from stammkunde.files import sha256_of

MAX_MEMBER_BYTES = 8 * 1024**3
_BOMB_BYTES, _BOMB_RATIO = 64 * 1024**2, 250
_SYMBOLIC_LINK = 0o120000


class Refused(Exception):
    """The export cannot be trusted as a whole. `member` is the CSV file and `line` its line, where known."""

    def __init__(
        self, reason: str, member: str | None = None, line: int | None = None, field: str | None = None
    ) -> None:
        super().__init__(reason)
        self.reason, self.member, self.line, self.field = reason, member, line, field


@dataclass(frozen=True)
class Member:
    """A CSV file of an export: its path in it and its size in bytes, unpacked."""

    path: str
    size: int

    @property
    def folder(self) -> str:
        return str(PurePosixPath(self.path).parent)

    @property
    def file_name(self) -> str:
        return PurePosixPath(self.path).name.lower()


WrittenAt = tuple[int, ...]
"""Year, month, day, hour, minute, second, as a zip tells it, without a zone; serves to order exports only."""

OpenMember = Callable[[Member], AbstractContextManager[IO[bytes]]]


class ZipExport:
    """An export packed in a zip."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def fingerprint(self) -> tuple[int, ...]:
        status = self.path.stat()
        return status.st_size, status.st_mtime_ns, status.st_ino

    def sha256(self) -> str:
        return sha256_of(self.path)

    def look(self) -> tuple[WrittenAt, list[Member]]:
        """When the till wrote the newest file in it, and the CSV files. Raises Refused."""
        with self._opened() as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
        for info in infos:
            _check_member(info)
        paths = [_posix(info.filename) for info in infos]
        if len(set(paths)) < len(paths):
            twice = min(p for p in paths if paths.count(p) > 1)
            raise Refused(f"the zip holds {twice} twice", twice)
        found = [Member(p, i.file_size) for p, i in zip(paths, infos, strict=True) if _is_csv(p)]
        if not found and any(p.lower().endswith(".zip") for p in paths):
            raise Refused("the zip holds other zips; unpack it into the folder")
        return max((info.date_time for info in infos), default=()), found

    @contextmanager
    def reading(self) -> Iterator[OpenMember]:
        """Gives the function that opens a member's unpacked bytes. Raises Refused for a damaged zip."""
        with self._opened() as archive:
            infos = {_posix(info.filename): info for info in archive.infolist()}

            @contextmanager
            def open_member(member: Member) -> Iterator[IO[bytes]]:
                try:
                    with archive.open(infos[member.path]) as stream:
                        yield stream
                except (zipfile.BadZipFile, zlib.error, EOFError) as error:
                    raise Refused(f"{member.path} is damaged in the zip ({error})", member.path) from error
                except NotImplementedError as error:
                    reason = f"{member.path} is packed by a method that is not supported ({error})"
                    raise Refused(reason, member.path) from error

            yield open_member

    @contextmanager
    def _opened(self) -> Iterator[zipfile.ZipFile]:
        try:
            archive = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise Refused(self._not_a_zip()) from error
        with archive:
            yield archive

    def _not_a_zip(self) -> str:
        with self.path.open("rb") as file:
            start = file.read(4)
        if not start:
            return "the file is empty"
        if start.startswith(b"PK"):
            return "the zip is cut off or damaged: its directory at the end cannot be read"
        return "not a zip file"


class FolderExport:
    """An export unpacked in a folder; files in subfolders belong to exports of their own."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    def _files(self) -> list[Path]:
        return sorted(p for p in self.path.iterdir() if p.is_file() and _is_csv(p.name))

    def fingerprint(self) -> tuple[object, ...]:
        return tuple((p.name, p.stat().st_size, p.stat().st_mtime_ns) for p in self._files())

    def sha256(self) -> str:
        """Of the names and contents of its CSV files, in the order of names."""
        digest = hashlib.sha256()
        for path in self._files():
            digest.update(f"{path.name}\0{sha256_of(path)}\n".encode())
        return digest.hexdigest()

    def look(self) -> tuple[WrittenAt, list[Member]]:
        """When its newest file was written, and its CSV files."""
        states = [(p.name, p.stat()) for p in self._files()]
        newest = max(state.st_mtime for _, state in states)
        members = [Member(name, state.st_size) for name, state in states]
        return time.gmtime(newest)[:6], members

    @contextmanager
    def reading(self) -> Iterator[OpenMember]:
        """Gives the function that opens a member."""

        @contextmanager
        def open_member(member: Member) -> Iterator[IO[bytes]]:
            with (self.path / member.path).open("rb") as stream:
                yield stream

        yield open_member


Export = ZipExport | FolderExport


def _posix(name: str) -> str:
    return name.replace("\\", "/")


def _is_csv(path: str) -> bool:
    return path.lower().endswith(".csv") and not PurePosixPath(path).name.startswith(".")


def _check_member(info: zipfile.ZipInfo) -> None:
    path = PurePosixPath(_posix(info.filename))
    shown = info.filename[:80]
    if path.is_absolute() or ".." in path.parts or re.match(r"^[A-Za-z]:", info.filename):
        raise Refused(f"the zip holds a member whose name leads out of it: {shown}")
    if (info.external_attr >> 16) & 0o170000 == _SYMBOLIC_LINK:
        raise Refused(f"the zip holds a link instead of a file: {shown}")
    if info.flag_bits & 0x1:
        raise Refused(f"the zip is encrypted ({shown}); export it without a password", shown)
    if info.file_size > MAX_MEMBER_BYTES:
        raise Refused(
            f"{shown} would unpack to {info.file_size:,} bytes; at most {MAX_MEMBER_BYTES:,} are read"
        )
    if info.file_size > _BOMB_BYTES and info.file_size > _BOMB_RATIO * max(info.compress_size, 1):
        ratio = info.file_size // max(info.compress_size, 1)
        raise Refused(f"{shown} would unpack to {ratio:,} times its size: no till writes such a file")
