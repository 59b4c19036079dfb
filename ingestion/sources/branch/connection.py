"""Connecting to the branch database: address, retries, one consistent snapshot, errors in plain words.

Does not belong here: which tables and columns are read (`catalog.py`) or how rows become Arrow (`fetch.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ingestion.extract import SourceUnavailable

CONNECT_TIMEOUT_SECONDS = 10
CONNECT_ATTEMPTS = 3

# What drivers say when trying again cannot help: wrong password, unknown user or database, no permission.
_PERMANENT = (
    "authentication failed",
    "no password supplied",
    "does not exist",
    "access denied",
    "permission denied",
    "no pg_hba.conf entry",
    "unknown database",
)


def parse_url(text: str) -> URL:
    """The database's address with the driver that is installed with us.

    Raises SourceUnavailable; the message never repeats the text, which may hold a password.
    """
    try:
        url = sa.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise SourceUnavailable(
            "branch: the url is no SQLAlchemy URL; expected dialect://user:password@host:port/database"
        ) from error
    if url.drivername.partition("+")[0] in ("postgresql", "postgres"):  # rows come by COPY of this driver
        url = url.set(drivername="postgresql+psycopg")
    return url


def describe(url: URL) -> str:
    """The address without user, password and options, for messages."""
    host = url.host or url.query.get("host") or ""
    port = f":{url.port}" if url.port else ""
    return (
        f"{url.get_backend_name()}://{host if isinstance(host, str) else host[0]}{port}/{url.database or ''}"
    )


def unavailable(error: SQLAlchemyError, url: URL, doing: str) -> SourceUnavailable:
    """The driver's error as one clear line without the password."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    said = next((line.strip() for line in str(cause).splitlines() if line.strip()), type(cause).__name__)
    if url.password:
        said = said.replace(str(url.password), "***")
    return SourceUnavailable(f"branch: {doing} at {describe(url)} failed: {said}")


@contextmanager
def snapshot(url: URL) -> Iterator[Connection]:
    """A read-only connection on which every statement sees the same state of the database.

    Tries again when the server cannot be reached; a refusal (password, permission) is final.
    Raises SourceUnavailable.
    """
    if url.get_backend_name() == "sqlite":
        _require_sqlite_file(url)
    try:
        engine = _engine(url)
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise SourceUnavailable(
            f"branch: the driver for {url.drivername} is not installed ({error}); install it with pip"
        ) from error
    try:
        try:
            connection = _connect(engine)
        except SQLAlchemyError as error:
            raise unavailable(error, url, "connecting") from error
        with connection:
            try:
                _begin(connection)
            except SQLAlchemyError as error:
                raise unavailable(error, url, "starting a read-only transaction") from error
            try:
                yield connection
            except BaseException:
                connection.invalidate()  # it may be lost or in the middle of a result: no rollback on it
                raise
    finally:
        engine.dispose()


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "postgresql":
        options = {"connect_timeout": CONNECT_TIMEOUT_SECONDS, "client_encoding": "UTF8"}
        return sa.create_engine(
            url,
            connect_args=options,
            isolation_level="REPEATABLE READ",
            execution_options={"postgresql_readonly": True},
            poolclass=sa.NullPool,
        )
    return sa.create_engine(url, poolclass=sa.NullPool)


def _connect(engine: Engine) -> Connection:
    attempts = Retrying(
        retry=retry_if_exception(_is_transient),
        stop=stop_after_attempt(CONNECT_ATTEMPTS),
        wait=wait_exponential_jitter(initial=0.2, max=3),
        reraise=True,
    )
    return attempts(engine.connect)


def _is_transient(error: BaseException) -> bool:
    said = str(error).lower()
    return isinstance(error, DBAPIError) and not any(sign in said for sign in _PERMANENT)


def _begin(connection: Connection) -> None:
    backend = connection.dialect.name
    if backend == "sqlite":
        connection.exec_driver_sql("PRAGMA query_only = ON")
        # The driver opens no transaction for a SELECT; without one each table is read in its own state.
        connection.exec_driver_sql("BEGIN")
    elif backend == "postgresql":
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")
        connection.exec_driver_sql("SET LOCAL DateStyle = 'ISO, YMD'")


def _require_sqlite_file(url: URL) -> None:
    """SQLite would create a missing file instead of failing."""
    if not url.database or url.database == ":memory:" or not Path(url.database).is_file():
        raise SourceUnavailable(f"branch: {describe(url)}: there is no such database file")
