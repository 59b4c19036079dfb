"""The demo's servers, started and stopped for real."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from ingestion.demo import servers
from ingestion.demo.make import make_demo
from ingestion.demo.postgres import Postgres, binaries, data_directory, socket_directory
from stammkunde.errors import UserError
from stammkunde.home import Home


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory):
    home = Home(tmp_path_factory.mktemp("served"))
    make_demo(home, customers=20)
    yield home
    servers.stop(home)
    servers.postgres(home).remove()


@pytest.fixture(autouse=True)
def _stopped(home):
    yield
    servers.stop(home)


def postmaster(home: Home) -> int:
    return int((home.demo / "postgres" / "postmaster.pid").read_text().split()[0])


def test_serving_starts_what_is_down_and_stops_only_that(home) -> None:
    assert servers.running(home) == servers.Running(False, False)
    with servers.serving(home) as running:
        assert running.all
        with servers.serving(home):
            assert servers.running(home).all
        assert servers.running(home).all
        process = psutil.Process(postmaster(home))
    assert servers.running(home) == servers.Running(False, False)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    servers.postgres(home).start()
    with servers.serving(home):
        pass
    assert servers.running(home) == servers.Running(True, False)


def test_nothing_listens_beyond_this_machine(home) -> None:
    with servers.serving(home):
        state = servers._state(home)
        for number in (postmaster(home), state["webshop_process"]):
            family = [psutil.Process(number), *psutil.Process(number).children(recursive=True)]
            for process in family:
                for connection in process.net_connections(kind="inet"):
                    assert connection.laddr.ip == "127.0.0.1"
        directory = socket_directory(home.root)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_the_webshop_answers_with_our_secret_only(home) -> None:
    with servers.serving(home):
        url = f"http://127.0.0.1:{os.environ[servers.PORT]}/api/oauth/token"
        body = {"grant_type": "client_credentials", "client_id": servers.CLIENT_ID, "client_secret": "wrong"}
        assert httpx.post(url, json=body, trust_env=False).status_code == 401
        body["client_secret"] = os.environ[servers.SECRET]
        assert httpx.post(url, json=body, trust_env=False).status_code == 200


def test_servers_killed_hard_come_back_with_their_data(home) -> None:
    servers.start(home)
    query = "SELECT count(*) FROM customer"
    with psycopg.connect(servers.postgres(home).connection_string()) as connection:
        before = connection.execute(query).fetchone()
    for number in (postmaster(home), servers._state(home)["webshop_process"]):
        process = psutil.Process(number)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert servers.running(home) == servers.Running(False, False)
    assert (home.demo / "postgres" / "postmaster.pid").exists()
    with servers.serving(home) as running:
        assert running.all
        with psycopg.connect(servers.postgres(home).connection_string()) as connection:
            assert connection.execute(query).fetchone() == before


def test_a_stale_process_number_harms_nobody(home) -> None:
    lock = home.demo / "postgres" / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{home.demo}/postgres\n1\n5432\n/nowhere\n\n1 1\nready\n")
    (home.demo / "servers.json").write_text(f'{{"webshop_port": 18080, "webshop_process": {os.getpid()}}}')
    servers.stop(home)  # must not end this very process
    with servers.serving(home) as running:
        assert running.all


def test_a_taken_port_is_left_alone(home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        (home.demo / "servers.json").write_text(f'{{"webshop_port": {taken}}}')
        with servers.serving(home) as running:
            assert running.all
            assert os.environ[servers.PORT] != str(taken)
            assert servers._port(home) == int(os.environ[servers.PORT])


def test_a_long_home_gets_a_short_socket_path(tmp_path) -> None:
    home = Home(tmp_path / ("sehr-langer-name-" * 6))
    directory = socket_directory(home.root)
    assert not directory.is_relative_to(home.root)
    assert len(str(directory / ".s.PGSQL.5432")) < 100
    home.create()
    data = data_directory(home.root, home.root / "postgres", "long")
    server = Postgres(data, directory, home.logs / "postgres.log")
    try:
        server.initialise()
        server.start()
        assert server.running()
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    finally:
        server.remove()
    assert not server.running() and not directory.exists() and not data.exists()


def test_a_server_that_cannot_start_says_why(tmp_path) -> None:
    home = Home(tmp_path)
    home.create()
    data = data_directory(home.root, home.root / "postgres", "setting")
    server = Postgres(data, socket_directory(home.root), home.logs / "postgres.log")
    try:
        server.initialise()
        with pytest.raises(UserError, match=r"unrecognized configuration parameter.*log is"):
            server.start("no_such_setting=1")
    finally:
        server.remove()


def test_without_a_demo_the_message_says_what_to_do(tmp_path) -> None:
    home = Home(tmp_path)
    assert servers.running(home) == servers.Running(False, False)
    with pytest.raises(UserError, match="stammkunde demo"):
        servers.start(home)
    with pytest.raises(UserError, match="stammkunde demo"):
        servers.load_secrets(home)
    servers.stop(home)


def test_a_home_that_the_servers_account_cannot_enter_still_works(tmp_path: Path) -> None:
    """As root the server runs as another user: its data then lie outside of a closed directory."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home = Home(closed / "home")
    make_demo(home, customers=10)
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    data = (home.demo / "postgres").resolve()
    with servers.serving(home) as running:
        assert running.all
    make_demo(home, customers=12)
    if os.geteuid() == 0:
        assert not data.is_relative_to(closed) and not data.exists()
    servers.postgres(home).remove()


def test_the_programs_run_from_a_copy_that_the_servers_account_can_enter(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("ingestion.demo.postgres._ELSEWHERE", tmp_path)
    monkeypatch.setattr("ingestion.demo.postgres._can_enter", lambda path: False)
    programs = binaries(65534)
    assert programs == binaries(65534)
    assert programs.is_relative_to(tmp_path) == (os.geteuid() == 0)
    version = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    assert version.stdout.startswith("postgres (PostgreSQL)")


def test_a_directory_of_somebody_else_is_refused(tmp_path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    server = Postgres(tmp_path / "link", tmp_path / "sockets", tmp_path / "log")
    with pytest.raises(UserError, match="belongs to another user"):
        server.initialise()
