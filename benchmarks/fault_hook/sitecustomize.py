"""Python reads this at the start of every process of a run under test (`benchmarks/fault_campaign.py`).

It counts what changes files or tables in all processes of the run together, by one byte a step in a shared
file, and kills the whole process group before the step of the given number, or so many milliseconds into it.
"""

import os
import signal
import sys
import threading
import time

_COUNTER = os.environ.get("STAMMKUNDE_FAULT_COUNTER")
_AT = int(os.environ.get("STAMMKUNDE_FAULT_AT") or 0)
_DELAY = float(os.environ.get("STAMMKUNDE_FAULT_DELAY_MS") or 0) / 1000
_STEPS = {
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate",
    "shutil.rmtree", "sqlite3.connect", "subprocess.Popen", "fcntl.flock",
}  # fmt: skip


def _kill() -> None:
    os.killpg(0, signal.SIGKILL)


def _late_kill() -> None:
    time.sleep(_DELAY)
    _kill()


class _Steps:
    """Counts steps; the counter is only appended to, so processes need no lock."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._patched = self._killing = False

    def step(self) -> None:
        os.write(self._file, b".")
        if not _AT or self._killing or os.fstat(self._file).st_size < _AT:
            return
        self._killing = True
        if _DELAY:
            threading.Thread(target=_late_kill, daemon=True).start()
        else:
            _kill()

    def hear(self, event: str, arguments: tuple) -> None:
        if event in _STEPS:
            self.step()
        elif event == "open":
            if isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
                self.step()
        elif not self._patched and event == "import" and "duckdb" in sys.modules:
            self._patch()

    def _patch(self) -> None:
        """DuckDB writes without telling Python: its statements count as steps."""
        connection = getattr(sys.modules["duckdb"], "DuckDBPyConnection", None)
        if connection is None:
            return
        self._patched = True
        original, steps = connection.execute, self

        def execute(self, *arguments, **named):
            steps.step()
            return original(self, *arguments, **named)

        connection.execute = execute


if _COUNTER:
    sys.addaudithook(_Steps(_COUNTER).hear)
