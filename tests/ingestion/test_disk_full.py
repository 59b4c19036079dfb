"""The disk is full while landing: a clear error, nothing half-committed, the next run repairs."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from landings import Source, file_of
from tills import Shop, files, write_zip

from ingestion import landing as landing_module
from ingestion import parts
from stammkunde.errors import UserError

MESSAGES = file_of("person", [{"person_id": str(i)} for i in range(100)] + [{"person_id": None}])


def no_space(*arguments, **named):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class FullWriter(pq.ParquetWriter):
    write_table = no_space


@pytest.mark.parametrize(
    ("module", "name", "replacement"),
    [
        (parts.pq, "ParquetWriter", FullWriter),
        (landing_module, "write_atomically", no_space),
        (landing_module, "move_directory_atomically", no_space),
    ],
    ids=["parts", "manifest", "rename"],
)
def test_a_full_disk_is_a_clear_error_and_the_next_run_repairs(
    tmp_path, monkeypatch, module, name, replacement
):
    source = Source(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(module, name, replacement)
        with pytest.raises(UserError, match=r"disk is full.*run again"):
            source.land(*MESSAGES)
    assert source.tree() == {}
    assert source.land(*MESSAGES).load_id == "000001"
    assert len(source.loaded("person")) == 100


def test_an_earlier_load_survives_a_full_disk(tmp_path, monkeypatch):
    source = Source(tmp_path)
    source.land(*file_of("person", [{"person_id": "1"}], "first.csv"))
    before = source.tree()
    with monkeypatch.context() as patch:
        patch.setattr(parts.pq, "ParquetWriter", FullWriter)
        with pytest.raises(UserError, match="disk is full"):
            source.land(*MESSAGES)
    assert source.tree() == before


def test_another_error_of_the_file_system_is_not_called_a_full_disk(tmp_path, monkeypatch):
    def denied(*arguments, **named):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(landing_module, "write_atomically", denied)
    with pytest.raises(PermissionError):
        Source(tmp_path).land(*MESSAGES)


def test_a_killed_run_is_repaired_by_the_next(tmp_path):
    shop = Shop(tmp_path)
    for number in range(3):
        write_zip(shop.folder / f"{number}.zip", files(z_nr=number + 1))
    program = f"""
import os, signal
from pathlib import Path
import ingestion.landing as landing
landing.move_directory_atomically = lambda source, target: os.kill(os.getpid(), signal.SIGKILL)
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from tills import Shop
from ingestion.run import ingest
from tills import AS_OF
from stammkunde.config import Config
from stammkunde.home import Home
root = Path({str(tmp_path)!r})
config = Config.model_validate({{"sources": {{"shop": {{"dsfinvk": root / "dsfinvk"}}}}}})
ingest("shop", config, Home(root / "home"), AS_OF)
"""
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -9
    assert list((shop.home.landing / "shop").glob(".tmp-*")), "it was killed with its work done"
    assert shop.query("select count(*) from raw.shop__lines") == [(0,)]
    result = shop.ingest()
    assert (result.load_id, result.tables["lines"].rows_loaded) == ("000001", 9)
    assert not list((shop.home.landing / "shop").glob(".tmp-*"))
