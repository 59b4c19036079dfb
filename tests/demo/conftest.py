"""A small demo, made once for the tests of its content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from ingestion.demo import servers
from ingestion.demo.make import make_demo
from stammkunde.home import Home

CUSTOMERS = 400


@dataclass(frozen=True)
class Demo:
    home: Home

    @property
    def path(self) -> Path:
        return self.home.demo


def discard(home: Home) -> None:
    """Stops the servers; as root the database lies outside of pytest's closed directory."""
    servers.stop(home)
    if (home.demo / "postgres").exists():
        servers.postgres(home).remove()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    home = Home(tmp_path_factory.mktemp("demo"))
    make_demo(home, customers=CUSTOMERS)
    yield Demo(home)
    discard(home)


@pytest.fixture
def new_home(tmp_path: Path) -> Iterator[Callable[[str], Home]]:
    """Makes homes that are cleaned up after the test."""
    homes: list[Home] = []

    def make(name: str) -> Home:
        homes.append(Home(tmp_path / name))
        return homes[-1]

    yield make
    for home in homes:
        discard(home)


@pytest.fixture(scope="session")
def branch_database(demo: Demo) -> Iterator[psycopg.Connection]:
    """A connection to the running branch database of the demo."""
    server = servers.postgres(demo.home)
    servers.load_secrets(demo.home)
    was_running = server.running()
    server.start()
    with psycopg.connect(server.connection_string(), autocommit=True) as connection:
        yield connection
    if not was_running:
        server.stop()
