"""`stammkunde ui`: Dagster's web server and daemon on 127.0.0.1, with the demo's servers."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

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
        try:
            status = subprocess.run(command, cwd=PROJECT_ROOT, check=False).returncode
        except KeyboardInterrupt:
            return
    if status not in (0, 130, -2):
        raise UserError(f"Dagster ended with status {status}; is port {port} taken?")
