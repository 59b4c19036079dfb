"""What a crash or a full disk leaves of an export: always a whole one."""

import json
import signal
import subprocess
import sys
from datetime import date

import pytest
from mailing_sync import rows_of, sync

import exports.run as run
from exports.run import export
from stammkunde.errors import UserError
from stammkunde.files import sha256_of

AS_OF = date(2026, 11, 20)


def test_failure_between_files_leaves_the_export_before(home, publish_customers, monkeypatch):
    publish_customers()
    before = export(sync(), home, AS_OF)
    publish_customers(consents=[("c_4", "email", "marketing", "granted")])

    def full_disk(*arguments):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(run, "write_manifest", full_disk)
        with pytest.raises(
            UserError, match=r"cannot write \(No space left on device\); the one before stays"
        ):
            export(sync(), home, AS_OF)
    assert sorted(p.name for p in before.path.parent.iterdir()) == sorted([before.path.name, "latest"])
    assert len(rows_of(before)) == 3
    assert [r["id"] for r in rows_of(export(sync(), home, AS_OF))] == ["c_4"]


_KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
import exports.run, exports.state, exports.destinations.file as file
from exports.sync import Sync
from stammkunde.home import Home
calls = 0
def killed(*arguments, **named):
    os.kill(os.getpid(), signal.SIGKILL)
def killed_second(*arguments, _original=file._copy):
    global calls
    calls += 1
    killed() if calls == 2 else _original(*arguments)
STEP
exports.run.export(Sync.model_validate_json(sys.argv[2]), Home(Path(sys.argv[1])), date(2026, 11, 20))
"""


@pytest.mark.parametrize(
    "step",
    [
        "file._copy = killed_second",
        "exports.run.write_manifest = killed",
        "exports.state.move_directory_atomically = killed",
        "os.replace = killed",
        "exports.state.remove = killed",
    ],
)
def test_kill_at_any_step_leaves_a_whole_export(home, publish_customers, step):
    publish_customers()
    export(sync(), home, AS_OF)
    publish_customers(consents=[("c_4", "email", "marketing", "granted")])
    script = _KILLED.replace("STEP", step)
    done = subprocess.run(
        [sys.executable, "-c", script, str(home.root), sync().model_dump_json()],
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    latest = home.exports / "mailing" / "latest"
    manifest = json.loads((latest / "manifest.json").read_text())
    assert {f["name"]: f["sha256"] for f in manifest["files"]} == {
        n: sha256_of(latest / n) for n in ("mailing.csv", "mailing.parquet")
    }
    result = export(sync(), home, AS_OF)
    assert [r["id"] for r in rows_of(result)] == ["c_4"]
    # Nothing of those who are out is left, whatever the killed export had written.
    left = [p for p in result.path.parent.iterdir() if p not in (result.path, latest)]
    assert left == []
