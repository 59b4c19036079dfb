"""The demo retailer's running systems: its PostgreSQL and its webshop, on this machine only.

`serving(home)` is what a run uses: it starts what is down and stops only what it started. Where the systems
are reached stands in environment variables that `load_secrets` sets; the demo's configuration names them.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from ingestion.demo.postgres import Postgres, let_server_enter, socket_directory
from ingestion.demo.shopware_api import ID_VARIABLE, SECRET_VARIABLE
from stammkunde.errors import UserError
from stammkunde.files import write_atomically
from stammkunde.home import PROJECT_ROOT, Home

SECRET = "STAMMKUNDE_DEMO_WEBSHOP_SECRET"  # noqa: S105 - the name of a variable
PORT = "STAMMKUNDE_DEMO_WEBSHOP_PORT"
SOCKET = "STAMMKUNDE_DEMO_BRANCH_SOCKET"
CLIENT_ID = "SWIADEMOSTAMMKUNDE"
_FIRST_PORT = 18_080
_WEBSHOP_SECONDS = 180.0


@dataclass(frozen=True)
class Running:
    """Which of the demo's servers answer."""

    branch: bool
    webshop: bool

    @property
    def all(self) -> bool:
        return self.branch and self.webshop


def load_secrets(home: Home) -> None:
    """Puts the demo's secret, port and socket directory into this process's environment.

    Raises UserError if no demo has been made.
    """
    path = home.demo / "secrets.env"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise UserError(f"{path} cannot be read; make the demo with 'stammkunde demo'") from error
    for line in lines:
        name, separator, value = line.partition("=")
        if separator:
            os.environ[name] = value
    os.environ[PORT] = str(_port(home))
    os.environ[SOCKET] = str(socket_directory(home.root))


def write_secrets(folder: Path) -> None:
    """Draws the webshop's secret, readable by the owner only."""
    write_atomically(folder / "secrets.env", f"{SECRET}={secrets.token_urlsafe(32)}\n".encode(), 0o600)


def postgres(home: Home) -> Postgres:
    """The server of the branch ERP."""
    data = home.demo / "postgres"
    return Postgres(data.resolve(), socket_directory(home.root), home.logs / "demo-postgres.log")


def start(home: Home) -> Running:
    """Starts what is down. Returns what was down before (and runs now).

    Raises UserError if there is no demo or a server does not start.
    """
    if not (home.demo / "demo.json").exists():
        raise UserError(f"{home.demo} holds no demo; make it with 'stammkunde demo'")
    with file_lock(home, "demo-servers.lock"):
        load_secrets(home)
        before = running(home)
        if not before.branch:
            let_server_enter(home.root)
            let_server_enter(home.demo)
            postgres(home).start()
        if not before.webshop:
            _start_webshop(home)
        load_secrets(home)
        return Running(not before.branch, not before.webshop)


def stop(home: Home, which: Running | None = None) -> None:
    """Stops the servers (`which`: only those); does nothing for one that is down."""
    which = which or Running(True, True)
    with file_lock(home, "demo-servers.lock"):
        if which.webshop:
            _stop_webshop(home)
        if which.branch and (home.demo / "postgres").exists():
            postgres(home).stop()


def running(home: Home) -> Running:
    """Which servers answer now."""
    if not (home.demo / "demo.json").exists():
        return Running(False, False)
    load_secrets(home)
    return Running(postgres(home).running(), _webshop_answers(home))


@contextmanager
def serving(home: Home) -> Iterator[Running]:
    """Runs the servers for the length of a `with` block; what ran before keeps running after it."""
    started = start(home)
    try:
        yield running(home)
    finally:
        stop(home, started)


@contextmanager
def file_lock(home: Home, name: str) -> Iterator[None]:
    """One process at a time; the lock goes with the process."""
    home.create()
    descriptor = os.open(home.root / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _state(home: Home) -> dict[str, int]:
    try:
        content = json.loads((home.demo / "servers.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _port(home: Home) -> int:
    return int(_state(home).get("webshop_port", _FIRST_PORT))


def _webshop_answers(home: Home) -> bool:
    """Whether the shop at the port is ours: only it knows our secret."""
    body = {
        "grant_type": "client_credentials",
        "client_id": CLIENT_ID,
        "client_secret": os.environ.get(SECRET, ""),
    }
    try:
        with httpx.Client(trust_env=False, timeout=5.0) as client:
            answer = client.post(f"http://127.0.0.1:{_port(home)}/api/oauth/token", json=body)
        return answer.status_code == 200 and "access_token" in answer.json()
    except (httpx.HTTPError, ValueError):
        return False


def _start_webshop(home: Home) -> None:
    _stop_webshop(home)
    port = _free_port(_port(home))
    data = home.demo / "webshop"
    environment = os.environ | {ID_VARIABLE: CLIENT_ID, SECRET_VARIABLE: os.environ[SECRET]}
    log_path = home.logs / "demo-webshop.log"
    command = [sys.executable, "-m", "ingestion.demo.shopware_api", "--data", str(data), "--port", str(port)]
    with log_path.open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=PROJECT_ROOT,
            env=environment, start_new_session=True,
        )  # fmt: skip
    state = {"webshop_port": port, "webshop_process": process.pid}
    write_atomically(home.demo / "servers.json", (json.dumps(state) + "\n").encode())
    deadline = time.monotonic() + _WEBSHOP_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _webshop_answers(home):
            return
        time.sleep(0.1)
    if process.poll() is None:
        process.kill()
        process.wait()
    raise UserError(f"the demo's webshop does not start on port {port}; its log is {log_path}")


def _stop_webshop(home: Home) -> None:
    process = _webshop_process(home)
    if process is None:
        return
    try:
        process.terminate()
        try:
            process.wait(15)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(15)
    except psutil.NoSuchProcess:
        return


def _webshop_process(home: Home) -> psutil.Process | None:
    """The recorded process, if it really is this demo's webshop: numbers are given again."""
    number = _state(home).get("webshop_process")
    if number is None:
        return None
    try:
        process = psutil.Process(int(number))
        arguments = process.cmdline()
    except (psutil.Error, ValueError):
        return None
    ours = "ingestion.demo.shopware_api" in arguments and str(home.demo / "webshop") in arguments
    return process if ours else None


def _free_port(wanted: int) -> int:
    """The wanted port if nobody has it, else any free one."""
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError("no free port on 127.0.0.1 for the demo's webshop")
