"""What the branch database offers: which of the contract's tables and columns exist, under which names.

Names are matched without regard to case. Does not belong here: reading rows (`fetch.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn

from ingestion.contracts import Field, Table
from ingestion.extract import SourceUnavailable


@dataclass(frozen=True)
class SourceColumn:
    """A column of the source: its name in quotes and its type there."""

    quoted: str
    type: sa.types.TypeEngine


@dataclass(frozen=True)
class SourceTable:
    """A contract table as the source has it: quoted name, name for messages, field name → column."""

    table: Table
    quoted: str
    shown: str
    columns: dict[str, SourceColumn]

    @property
    def decimal_mark(self) -> Literal["."] | None:
        """The mark of its numbers: a point if the database itself keeps them as numbers, else unknown."""
        numbers = [f.name for f in self.table.fields if f.type in ("decimal", "integer")]
        types = [self.columns[name].type for name in numbers if name in self.columns]
        return "." if all(isinstance(t, sa.Numeric | sa.Integer) for t in types) else None

    @property
    def missing(self) -> list[str]:
        """Fields of the contract that the source does not have; first and last name stand for `name`."""
        has_name = "last_name" in self.columns
        return [f for f in self.table.field_names if f not in self.columns and not (f == "name" and has_name)]


class Catalog:
    """Finds the contract's tables in one schema of the database."""

    def __init__(self, connection: Connection, schema: str | None) -> None:
        self._inspector = sa.inspect(connection)
        self._quote = connection.dialect.identifier_preparer.quote_identifier
        self._schema = self._match(schema, self._inspector.get_schema_names(), "schema") if schema else None
        if schema and self._schema is None:
            raise SourceUnavailable(f"branch: the database has no schema {schema!r}")
        self._names = self._relations()

    def _relations(self) -> list[str]:
        names = [
            *self._inspector.get_table_names(schema=self._schema),
            *self._inspector.get_view_names(schema=self._schema),
        ]
        if self._inspector.dialect.name == "postgresql":
            names += self._inspector.get_materialized_view_names(schema=self._schema)
            names += self._inspector.get_foreign_table_names(schema=self._schema)  # type: ignore[attr-defined]
        return names

    def find(self, table: Table) -> SourceTable | None:
        """The table as the source has it, or None when an optional one is missing.

        Raises SourceUnavailable when a required table, or a required column of any table, is missing.
        """
        name = self._match(table.name, self._names, "table")
        if name is None:
            if table.optional:
                return None
            near = ", ".join(sorted(self._names)[:10]) or "none"
            raise SourceUnavailable(
                f"branch: the required table {table.name!r} is missing{self._where()}; tables there: {near}"
            )
        shown = f"{self._schema}.{name}" if self._schema else name
        reflected = {c["name"]: c for c in self._inspector.get_columns(name, schema=self._schema)}
        columns = {f.name: found for f in table.fields if (found := self._column(f, reflected, shown))}
        lacking = [f.name for f in table.fields if f.required and f.name not in columns]
        if lacking:
            raise SourceUnavailable(
                f"branch: table {shown!r} lacks the required column{'s' * (len(lacking) > 1)} "
                f"{', '.join(lacking)}; it has {', '.join(sorted(reflected))}"
            )
        prefix = f"{self._quote(self._schema)}." if self._schema else ""
        return SourceTable(table, prefix + self._quote(name), shown, columns)

    def _column(self, field: Field, reflected: dict[str, ReflectedColumn], shown: str) -> SourceColumn | None:
        for wanted in (field.name, *field.aliases):
            name = self._match(wanted, list(reflected), f"column of {shown}")
            if name is not None:
                return SourceColumn(self._quote(name), reflected[name]["type"])
        return None

    def _match(self, wanted: str, names: list[str], what: str) -> str | None:
        if wanted in names:
            return wanted
        found = sorted(n for n in names if n.lower() == wanted.lower())
        if len(found) > 1:
            raise SourceUnavailable(f"branch: the {what} {wanted!r} is ambiguous: {', '.join(found)}")
        return found[0] if found else None

    def _where(self) -> str:
        return f" in schema {self._schema!r}" if self._schema else ""
