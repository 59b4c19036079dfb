"""Dagster's event log with its SQLite connections kept open, for runs that report hundreds of checks.

Dagster's own store opens, commits and closes up to four connections for each event, and the last one to close
a database writes its log back and waits for the disk. A run of ours reports two thousand events: that took
longer than the models. `dagster.yaml` of the home names this class.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster import StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._serdes import ConfigurableClassData

OPEN_DATABASES = 8
"""Dagster keeps one database per run and an index over them; who pages through old runs closes the oldest."""


class RunHistory(SqliteEventLogStorage):
    """`SqliteEventLogStorage` on the same files: open connections, no wait for the disk at each event.

    A commit is safe when a process is killed. When the power fails, the last events of the history may be
    missing; the state of the pipeline does not hang on them.
    """

    def __init__(self, dagster_home: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, sqlalchemy.Engine] = OrderedDict()
        super().__init__(os.path.join(dagster_home, "history", "runs"), inst_data)  # noqa: PTH118

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {"dagster_home": StringSource}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Any) -> RunHistory:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sqlalchemy.Connection]:
        with self._db_lock:
            engine = self._engine(shard)
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            with engine.begin() as connection:
                yield connection

    def _engine(self, shard: str) -> sqlalchemy.Engine:
        if shard not in self._engines:
            if len(self._engines) >= OPEN_DATABASES:
                self._engines.popitem(last=False)[1].dispose()
            engine = sqlalchemy.create_engine(
                self.conn_string_for_shard(shard), connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
            )
            sqlalchemy.event.listen(engine, "connect", _commit_without_waiting)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        return self._engines[shard]

    def store_event(self, event: EventLogEntry) -> None:
        """Stores the event and touches its run's file, which the UI watches to follow the run."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def wipe(self) -> None:
        self._close()
        super().wipe()

    def dispose(self) -> None:
        self._close()
        super().dispose()

    def _close(self) -> None:
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()


def _commit_without_waiting(connection: Any, _record: object) -> None:
    # With the write-ahead log that Dagster turns on, a power failure loses commits but corrupts nothing.
    connection.execute("pragma synchronous = normal").close()
