"""Backup of a home into one file, and the way back.

A backup is a tar file: every file of the home but those that a run makes again (logs, dbt's target, the
demo's servers), with a manifest of their SHA-256 as its last member. It is written beside its place and
renamed; a restore is unpacked beside the home, compared with the manifest and renamed, so there is never half
of either.

A backup holds personal data and keys: it is readable by its owner only and should be kept as safe as the
home.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath

from stammkunde.errors import UserError
from stammkunde.files import (
    fsync_path,
    make_private,
    move_directory_atomically,
    sha256_of,
    write_atomically,
)
from stammkunde.home import Home
from stammkunde.migrations import CURRENT_FORMAT
from stammkunde.versions import current_name, is_complete, switch
from stammkunde.warehouse import open_warehouse, single_run

MANIFEST = "stammkunde-backup.json"
LEFT_OUT = ("demo", "run", "logs", "dbt_target")
"""Folders of the home that a run or the demo makes again."""
_PASSING = (".tmp-", ".publishing-", ".spill")
_SQLITE = (".db", ".sqlite")


@dataclass(frozen=True)
class Backup:
    """What a backup holds: files and their bytes."""

    path: Path
    files: int
    bytes: int


def back_up(
    home: Home,
    target: Path,
    as_of: date,
    wait_seconds: float = 3600,
    say: Callable[[str], None] = lambda text: None,
) -> Backup:
    """Writes the backup `target`; waits for a run to end first.

    Raises UserError when the home is empty, the target exists or cannot be written, BusyError after waiting
    in vain.
    """
    if not home.root.is_dir():
        raise UserError(f"{home.root} does not exist; there is nothing to back up")
    if target.exists():
        raise UserError(f"{target} exists already; choose another name")
    if target.resolve().is_relative_to(home.root):
        raise UserError(f"{target} lies in the home itself; choose a place on another disk")
    part = target.with_name(f".{target.name}.part")
    with single_run(home, wait_seconds=wait_seconds, say=say), _explained(target):
        if home.warehouse.exists():
            with open_warehouse(home.warehouse) as connection:
                connection.execute("checkpoint")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                hashes = _write(home, file, as_of, say)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, target)
            fsync_path(target.resolve().parent)
        finally:
            part.unlink(missing_ok=True)
    return Backup(target, len(hashes), target.stat().st_size)


def _write(home: Home, file: io.BufferedIOBase, as_of: date, say: Callable[[str], None]) -> dict[str, str]:
    hashes = {}
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in _files(home):
            name = path.relative_to(home.root).as_posix()
            with _still(path, home) as content:
                hashes[name] = sha256_of(content)
                archive.add(content, name, recursive=False)
            if len(hashes) % 1000 == 0:
                say(f"{len(hashes):,} files …")
        manifest = {
            "format": CURRENT_FORMAT, "as_of": as_of.isoformat(), "published": current_name(home),
            "files": hashes,
        }  # fmt: skip
        content_bytes = json.dumps(manifest, indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(content_bytes), 0o600
        archive.addfile(info, io.BytesIO(content_bytes))
    return hashes


def _files(home: Home) -> Iterator[Path]:
    for directory, subfolders, files in os.walk(home.root):
        base = Path(directory)
        if base == home.root:
            subfolders[:] = [name for name in subfolders if name not in LEFT_OUT]
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(_PASSING))
        for name in sorted(files):
            path = base / name
            if (
                path.is_file()
                and not path.is_symlink()
                and not name.startswith(_PASSING)
                and path.suffix != ".lock"
            ):
                yield path


@contextmanager
def _still(path: Path, home: Home) -> Iterator[Path]:
    """The file, or a consistent copy of an SQLite database that another process may be writing."""
    if path.suffix not in _SQLITE:
        yield path
        return
    copy = home.root / f".tmp-backup{path.suffix}"
    copy.unlink(missing_ok=True)
    try:
        copy.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        yield copy
    except sqlite3.Error as error:
        raise UserError(f"{path} cannot be copied ({error})") from error
    finally:
        copy.unlink(missing_ok=True)


def restore(
    archive: Path, home: Home, replace: bool = False, say: Callable[[str], None] = lambda text: None
) -> tuple[Backup, Path | None]:
    """Puts the backup in the place of `home`; returns it and where the home that was there is now.

    Raises UserError when the home holds something and `replace` is not given, and for a file that is no whole
    backup; nothing has changed then.
    """
    if not archive.is_file():
        raise UserError(f"{archive} does not exist")
    if _holds_anything(home) and not replace:
        raise UserError(f"{home.root} is not empty; with --replace it is moved aside, not deleted")
    unpacked = home.root.with_name(f"{home.root.name}.restoring")
    with _explained(home.root):
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(mode=0o700, parents=True)
        try:
            hashes = _unpack(archive, unpacked, say)
            aside = _exchange(unpacked, home)
        except BaseException:
            shutil.rmtree(unpacked, ignore_errors=True)
            raise
    newer = _keep_erased(aside, home) if aside else 0
    if newer:
        say(
            f"{newer} people were erased after this backup, which brings back what it held of them: "
            f"erase them again now; their receipts are in {home.root / 'privacy'}."
        )
    return Backup(archive, len(hashes), archive.stat().st_size), aside


def _unpack(archive: Path, target: Path, say: Callable[[str], None]) -> dict[str, str]:
    try:
        with tarfile.open(archive, "r:") as tar:
            for number, member in enumerate(tar, start=1):
                path = PurePosixPath(member.name)
                if not member.isreg() or path.is_absolute() or ".." in path.parts:
                    raise UserError(
                        f"{archive} holds {member.name!r}, which no backup does; it was not restored"
                    )
                make_private((target / path).parent)
                tar.extract(member, target, filter="data")
                (target / path).chmod(member.mode & 0o600)
                if number % 1000 == 0:
                    say(f"{number:,} files …")
        manifest = json.loads((target / MANIFEST).read_text(encoding="utf-8"))
        hashes: dict[str, str] = manifest["files"]
        published, found_format = manifest["published"], int(manifest["format"])
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError, FileNotFoundError) as error:
        raise UserError(
            f"{archive} is no whole backup ({type(error).__name__}); it was not restored"
        ) from error
    if found_format > CURRENT_FORMAT:
        raise UserError(f"{archive} was made by a later version of Stammkunde; upgrade first")
    (target / MANIFEST).unlink()
    found = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    wrong = sorted(found ^ set(hashes)) or sorted(n for n, h in hashes.items() if sha256_of(target / n) != h)
    if wrong:
        raise UserError(f"{archive} is damaged: {wrong[0]} is not what was backed up; it was not restored")
    restored = Home(target)
    if published and is_complete(restored, published):
        switch(restored, published)
    return hashes


def _exchange(unpacked: Path, home: Home) -> Path | None:
    if not home.root.exists():
        move_directory_atomically(unpacked, home.root)
        return None
    with single_run(home):
        number = 1
        while (aside := home.root.with_name(f"{home.root.name}.before-restore-{number}")).exists():
            number += 1
        os.rename(home.root, aside)
        move_directory_atomically(unpacked, home.root)
    return aside


def _keep_erased(aside: Path, home: Home) -> int:
    """Takes over what the home moved aside knows of erased people; returns how many erasures are newer.

    Without their tombstones the next run would load them again from the sources.
    """
    newer = 0
    for old in sorted(path for path in (aside / "privacy").rglob("*") if path.is_file()):
        new = home.root / old.relative_to(aside)
        if old.name == "tombstones.jsonl":
            known = new.read_text(encoding="utf-8").splitlines() if new.exists() else []
            # The first line names the key, so lines of another key are never mixed in unseen.
            lines = old.read_text(encoding="utf-8").splitlines()
            added = [line for line in lines if line not in set(known)]
            newer = len({json.loads(line).get("erasure_id") for line in added} - {None})
            make_private(new.parent)
            write_atomically(new, "".join(f"{line}\n" for line in [*known, *added]).encode())
        elif not new.exists():
            make_private(new.parent)
            write_atomically(new, old.read_bytes())
    return newer


def _holds_anything(home: Home) -> bool:
    return home.root.exists() and any(
        path.is_file() and path.name not in ("run.lock", "home.json") for path in home.root.rglob("*")
    )


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = " (the disk is full)" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise UserError(f"{place} cannot be written: {error.strerror}{full}; nothing was changed") from error
