"""The column that tells how new a row is: reading from a watermark, and the next watermark.

A watermark is re-read with an overlap. It covers transactions that were open while the last run looked
(their rows carry an earlier time) and the hour that the end of summer time repeats; landing drops the rows
it has already. A date far in the future, a slip of the pen, must not hide every later change, so watermarks
stay below the day after tomorrow of the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ingestion.extract import Context
from ingestion.sources.branch.catalog import SourceTable

OVERLAP = timedelta(hours=2)
_FIRST = datetime(1900, 1, 1)  # noqa: DTZ001 (UTC without zone; leaves out '-infinity')


@dataclass(frozen=True)
class VersionColumn:
    """`updated_at` of a table. `zone` is the zone of its values; None when they carry their own.

    SQLite keeps instants as text, so they are compared as Julian days, on the scale they are written in.
    """

    quoted: str
    backend: str
    zone: ZoneInfo | None
    limit: datetime

    def since(self, alias: str, watermark: datetime) -> str:
        """Condition for rows at or after the watermark (UTC without zone), or without a time."""
        column = f"{alias}.{self.quoted}"
        bound = self._literal(watermark - OVERLAP)
        if self.backend == "sqlite":
            return f"(julianday({column}) >= {bound} OR julianday({column}) IS NULL)"
        return f"({column} >= {bound} OR {column} IS NULL)"

    def newest(self, connection: Connection, source: SourceTable) -> datetime | None:
        """The highest time in the table, UTC without zone; None for a table without any."""
        column = f"t.{self.quoted}"
        limit = self._literal(self.limit)
        if self.backend == "sqlite":
            query = (
                f"SELECT strftime('%Y-%m-%d %H:%M:%f', max(julianday({column}))) FROM {source.quoted} t "
                f"WHERE julianday({column}) < {limit}"
            )
            text = connection.exec_driver_sql(query).scalar()
            return datetime.fromisoformat(text) if text else None
        first = self._literal(datetime(1900, 1, 1))  # noqa: DTZ001 (UTC without zone; skips '-infinity')
        query = (
            f"SELECT max({column}) FROM {source.quoted} t WHERE {column} >= {first} AND {column} < {limit}"
        )
        value = connection.exec_driver_sql(query).scalar()
        if value is None:
            return None
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if value.tzinfo is None:
            value = value.replace(tzinfo=self.zone or UTC)
        return value.astimezone(UTC).replace(tzinfo=None)

    def _literal(self, instant: datetime) -> str:
        """The instant (UTC without zone) as SQL on the scale of the column."""
        if self.backend == "sqlite":
            return f"julianday('{instant.isoformat(' ', 'milliseconds')}')"
        aware = instant.replace(tzinfo=UTC)
        if self.zone is None:
            return f"TIMESTAMP WITH TIME ZONE '{aware.isoformat(' ', 'microseconds')}'"
        text = aware.astimezone(self.zone).replace(tzinfo=None).isoformat(" ", "microseconds")
        return f"CAST('{text}' AS datetime2)" if self.backend == "mssql" else f"TIMESTAMP '{text}'"


def version_column(source: SourceTable, name: str, backend: str, context: Context) -> VersionColumn | None:
    """The table's version column, or None when it has none that can be compared."""
    column = source.columns.get(name)
    if column is None:
        return None
    is_temporal = isinstance(column.type, sa.DateTime | sa.Date)
    if not is_temporal and backend != "sqlite":
        return None
    zone = None if getattr(column.type, "timezone", False) else ZoneInfo(context.timezone)
    limit = datetime.combine(context.as_of + timedelta(days=2), time())
    return VersionColumn(column.quoted, backend, zone, limit)
