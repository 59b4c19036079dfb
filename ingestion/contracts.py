"""What every source promises to deliver, as typed tables.

Belongs here: the vocabulary of contracts (`Field`, `Table`) and the catalogue of all tables.
Does not belong here: how a source is read (`ingestion/sources/`) or how values are parsed
(`ingestion/parsing.py`). The tables themselves stand beside their source, in
`ingestion/sources/<source>/contract.py`; they follow design §3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

FieldType = Literal["text", "integer", "decimal", "date", "instant", "boolean", "text_list"]

ARROW_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "decimal": pa.decimal128(18, 4),
    "date": pa.date32(),
    "instant": pa.timestamp("us"),  # always UTC, stored without a zone
    "boolean": pa.bool_(),
    "text_list": pa.list_(pa.string()),
}

# Columns that landing adds to every raw table: which load, which file and which line a row came from.
LINEAGE_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("_load_id", pa.string()),
    ("_source_file", pa.string()),
    ("_source_line", pa.int64()),
    ("_row_hash", pa.string()),
)


@dataclass(frozen=True)
class Field:
    """One column of a source table.

    `required` values may not be empty. `allowed` lists the accepted codes. `minimum` is the smallest
    accepted number. `personal` values are masked wherever they are shown. `aliases` are other header
    names that mean the same column.
    """

    name: str
    type: FieldType = "text"
    required: bool = False
    allowed: tuple[str, ...] | None = None
    minimum: int | None = None
    personal: bool = False
    aliases: tuple[str, ...] = ()
    description: str = ""


@dataclass(frozen=True)
class Table:
    """One table of a source.

    `key` identifies a row. `replace_by` says what a later load replaces: the rows that agree on these
    columns, as a whole (an order's lines are replaced together, so a removed line disappears); the empty
    tuple means that each load is a full snapshot. `optional` tables may be missing at the source.
    """

    source: str
    name: str
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    replace_by: tuple[str, ...]
    description: str
    optional: bool = False

    @property
    def raw_name(self) -> str:
        """Name of the table in the schema `raw`."""
        return f"{self.source}__{self.name}"

    @property
    def field_names(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.fields)

    def field(self, name: str) -> Field:
        """The field of that name; KeyError if the contract has none."""
        for f in self.fields:
            if f.name == name:
                return f
        raise KeyError(f"{self.raw_name} has no field {name!r}")

    @property
    def content_schema(self) -> pa.Schema:
        """Arrow schema of the contract's own columns."""
        return pa.schema([(f.name, ARROW_TYPES[f.type]) for f in self.fields])

    @property
    def raw_schema(self) -> pa.Schema:
        """Arrow schema of the landed rows: the contract's columns, then the lineage columns."""
        return pa.schema([*self.content_schema, *(pa.field(n, t) for n, t in LINEAGE_FIELDS)])


def catalogue() -> dict[str, dict[str, Table]]:
    """All contracts: source → table name → Table."""
    from ingestion.sources.branch.contract import TABLES as branch
    from ingestion.sources.leads.contract import TABLES as leads
    from ingestion.sources.shop.contract import TABLES as shop
    from ingestion.sources.touchpoints.contract import TABLES as touchpoints
    from ingestion.sources.webshop.contract import TABLES as webshop

    tables = (*shop, *branch, *webshop, *leads, *touchpoints)
    result: dict[str, dict[str, Table]] = {}
    for table in tables:
        result.setdefault(table.source, {})[table.name] = table
    return result
