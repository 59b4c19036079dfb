"""`stammkunde ui`: Dagster's web server and daemon on 127.0.0.1, with the demo's servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from types import FrameType

from dagster_project.environments import create_home, default_config_path
from stammkunde.config import load_config
from stammkunde.errors import UserError
from stammkunde.home import PROJECT_ROOT, Home


def serve_ui(config_path: Path | None, port: int) -> None:
    """Runs until interrupted. Raises UserError when Dagster ends with an error."""
    home = create_home(Home.from_environment())
    path = config_path or default_config_path(home)
    if not path.exists():
        raise UserError(
            f"{path} does not exist; make it from config/stammkunde.example.yml or run 'stammkunde demo'"
        )
    os.environ["STAMMKUNDE_CONFIG"] = str(path.resolve())
    servers: AbstractContextManager[object] = nullcontext()
    if path.resolve().parent == home.demo:
        from ingestion.demo.servers import load_secrets, serving

        load_secrets(home)
        servers = serving(home)
    load_config(path)
    command = [
        str(Path(sys.executable).parent / "dagster"), "dev", "-m", "dagster_project.definitions",
        "-h", "127.0.0.1", "-p", str(port),
    ]  # fmt: skip
    with servers:
        sys.stderr.write(f"Dagster on http://127.0.0.1:{port} (Ctrl-C ends it)\n")
        process = subprocess.Popen(command, cwd=PROJECT_ROOT, start_new_session=True)
        signal.signal(signal.SIGTERM, _interrupt)
        try:
            status = process.wait()
        except KeyboardInterrupt:
            _end(process)
            return
    if status != 0:
        raise UserError(f"Dagster ended with status {status}; is port {port} taken?")


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the web server, the daemon and the code server with it: politely, then firmly."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
    # The servers of the code may outlive their parent for a moment; they are of the same group.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
