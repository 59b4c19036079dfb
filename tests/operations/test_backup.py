"""Backup and restore: everything comes back, nothing by halves, nothing from outside."""

import io
import json
import os
import shutil
import sqlite3
import stat
import tarfile
from pathlib import Path

import pytest
from small_home import AS_OF, SmallRetailer

from stammkunde.backup import MANIFEST, back_up, restore
from stammkunde.errors import UserError
from stammkunde.home import Home


def files(root: Path) -> dict[str, bytes]:
    return {
        p.relative_to(root).as_posix(): p.read_bytes()
        for p in root.rglob("*")
        if p.is_file()
        and not p.is_symlink()
        and p.suffix != ".lock"
        and p.relative_to(root).parts[0] != "logs"
    }


@pytest.fixture
def full(retailer: SmallRetailer) -> SmallRetailer:
    retailer.run()
    home = retailer.home
    (home.root / "decisions.jsonl").write_text('{"decision": 1}\n')
    (home.logs / "dbt.log").write_text("not backed up")
    with sqlite3.connect(home.exports / "ledger.sqlite") as ledger:
        ledger.execute("create table sent as select 1 as a")
    return retailer


def test_a_backup_gives_the_same_home_again(full, tmp_path):
    made = back_up(full.home, tmp_path / "b.tar", AS_OF)
    before, published = files(full.home.root), full.published()
    assert made.files == len(before) and stat.S_IMODE(made.path.stat().st_mode) == 0o600
    shutil.rmtree(full.home.root)
    restore(made.path, full.home)
    after = files(full.home.root)
    assert {n for n in before if before[n] != after.get(n)} <= {"exports/ledger.sqlite"}
    assert set(after) == set(before)
    with sqlite3.connect(full.home.exports / "ledger.sqlite") as ledger:
        assert ledger.execute("select a from sent").fetchall() == [(1,)]
    assert full.published() == published != []
    assert os.readlink(full.home.published_database).startswith("stammkunde-2026-11-20")
    assert not any(p.stat().st_mode & 0o077 for p in full.home.root.rglob("*") if not p.is_symlink())
    full.run()
    assert full.published() == published


def test_a_home_that_holds_something_is_moved_aside_only_when_asked(full, tmp_path):
    made = back_up(full.home, tmp_path / "b.tar", AS_OF)
    (full.home.root / "decisions.jsonl").write_text("later\n")
    with pytest.raises(UserError, match="is not empty; with --replace"):
        restore(made.path, full.home)
    _, aside = restore(made.path, full.home, replace=True)
    assert (aside / "decisions.jsonl").read_text() == "later\n"
    assert (full.home.root / "decisions.jsonl").read_text() == '{"decision": 1}\n'


def test_who_was_erased_after_the_backup_is_not_forgotten(full, tmp_path):
    privacy = full.home.root / "privacy"
    privacy.mkdir()
    first, key = '{"erasure_id": "e1", "hash": "aa"}', '{"key_check": "kk"}'
    (privacy / "tombstones.jsonl").write_text(f"{key}\n{first}\n")
    made = back_up(full.home, tmp_path / "b.tar", AS_OF)
    later = [f'{{"erasure_id": "e2", "hash": "{h}"}}' for h in ("bb", "cc")]
    (privacy / "tombstones.jsonl").write_text("\n".join([key, first, *later]) + "\n")
    (privacy / "receipts").mkdir()
    (privacy / "receipts" / "e2.json").write_text("{}")
    said: list[str] = []
    restore(made.path, full.home, replace=True, say=said.append)
    assert (privacy / "tombstones.jsonl").read_text().splitlines() == [key, first, *later]
    assert (privacy / "receipts" / "e2.json").exists()
    assert "1 people were erased after this backup" in said[-1]


@pytest.mark.parametrize("where", [0.1, 0.5, 0.95])
def test_a_backup_that_was_cut_off_or_changed_is_refused_and_changes_nothing(full, tmp_path, where):
    made = back_up(full.home, tmp_path / "b.tar", AS_OF)
    content = made.path.read_bytes()
    home = Home(tmp_path / "other")
    made.path.write_bytes(content[: int(len(content) * where)])
    with pytest.raises(UserError, match="not restored"):
        restore(made.path, home)
    assert not home.root.exists() and not list(tmp_path.glob("*.restoring"))


def test_one_changed_byte_is_noticed(full, tmp_path):
    made = back_up(full.home, tmp_path / "b.tar", AS_OF)
    content = made.path.read_bytes()
    made.path.write_bytes(content.replace(b'{"decision": 1}', b'{"decision": 2}', 1))
    with pytest.raises(UserError, match=r"decisions\.jsonl is not what was backed up"):
        restore(made.path, Home(tmp_path / "other"))


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(
    "member", [tarfile.TarInfo("../escaped"), tarfile.TarInfo("/tmp/escaped"), link("landing", "/etc")]
)
def test_names_that_lead_outside_are_refused(tmp_path, member):
    path = tmp_path / "evil.tar"
    with tarfile.open(path, "w") as tar:
        tar.addfile(member, io.BytesIO(b""))
        content = json.dumps({"format": 1, "published": None, "files": {}}).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    with pytest.raises(UserError, match="which no backup does"):
        restore(path, Home(tmp_path / "home"))
    assert not (tmp_path / "home").exists() and not (tmp_path / "escaped").exists()


def test_a_full_disk_leaves_no_part(full, tmp_path, monkeypatch):
    def no_space(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("stammkunde.backup.sha256_of", no_space)
    with pytest.raises(UserError, match="the disk is full"):
        back_up(full.home, tmp_path / "b.tar", AS_OF)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "loyalty"]


def test_places_that_make_no_sense_are_refused(full, tmp_path):
    with pytest.raises(UserError, match="lies in the home itself"):
        back_up(full.home, full.home.root / "b.tar", AS_OF)
    (tmp_path / "there").touch()
    with pytest.raises(UserError, match="exists already"):
        back_up(full.home, tmp_path / "there", AS_OF)
    with pytest.raises(UserError, match="nothing to back up"):
        back_up(Home(tmp_path / "nowhere"), tmp_path / "b.tar", AS_OF)
    with pytest.raises(UserError, match="does not exist"):
        restore(tmp_path / "no.tar", Home(tmp_path / "x"))
