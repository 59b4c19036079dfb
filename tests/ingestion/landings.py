"""Helpers to land rows of made-up tables without any source."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.contracts import Field, Table
from ingestion.extract import FileRead, Message, Rows, Watermark
from ingestion.landing import Landing
from ingestion.state import Manifest, TableCounts

AS_OF = date(2026, 1, 1)

PERSON = Table(
    source="test",
    name="person",
    description="People",
    key=("person_id",),
    replace_by=("person_id",),
    fields=(
        Field("person_id", required=True),
        Field("kind", allowed=("a", "b")),
        Field("name", personal=True),
        Field("birth_date", "date", personal=True),
        Field("amount", "decimal", minimum=0),
        Field("count", "integer", minimum=1),
        Field("updated_at", "instant"),
    ),
)
ITEM = Table(
    source="test",
    name="item",
    description="Lines of an order",
    key=("order_id", "line_no"),
    replace_by=("order_id",),
    fields=(
        Field("order_id", required=True),
        Field("line_no", "integer", required=True),
        Field("text"),
    ),
)
PRICE = Table(
    source="test",
    name="price",
    description="A snapshot",
    key=("product", "region"),
    replace_by=(),
    fields=(Field("product", required=True), Field("region"), Field("price", "decimal", minimum=0)),
)
TABLES = {table.name: table for table in (PERSON, ITEM, PRICE)}


def rows(table: str, records: list[dict], file: str = "a.csv", first_line: int = 2) -> Rows:
    names = list(dict.fromkeys(name for record in records for name in record))
    data = pa.table(
        {name: pa.array([r.get(name) for r in records], pa.string()) for name in names or ["person_id"]}
    )
    return Rows(table, data, file, pa.array(range(first_line, first_line + len(records)), pa.int64()))


def file_of(table: str, records: list[dict], file: str = "a.csv", sha256: str = "") -> list[Message]:
    return [rows(table, records, file), FileRead(file, sha256 or f"sha of {file}")]


class Source:
    """A source's landing directory, and what its last load did."""

    def __init__(self, root: Path, tables: dict[str, Table] | None = None) -> None:
        self.root = root / "test"
        self.tables = tables or TABLES
        self.counts: dict[str, TableCounts] = {}

    def land(self, *messages: Message, full: bool = False) -> Manifest | None:
        with Landing(self.root, "test", self.tables, "Europe/Berlin", AS_OF, full) as landing:
            for message in messages:
                landing.receive(message)
            manifest = landing.commit()
            self.counts = {name: entry.counts for name, entry in landing.manifest.tables.items()}
        return manifest

    def snapshot(self, table: str, records: list[dict], watermark: str | None = None) -> Manifest | None:
        """Rows as a database gives them: no file that is read."""
        messages: list[Message] = [rows(table, records, f"test.{table}", 1)]
        if watermark:
            messages.append(Watermark(table, datetime.fromisoformat(watermark)))
        return self.land(*messages)

    def loaded(self, table: str, load: str = "*") -> list[dict]:
        found: list[dict] = []
        for path in sorted(self.root.glob(f"{load}/{table}/*.parquet")):
            found += pq.read_table(path).to_pylist()
        return found

    def quarantine(self, load: str = "*") -> list[dict]:
        found: list[dict] = []
        for path in sorted(self.root.glob(f"{load}/quarantine.parquet")):
            found += pq.read_table(path).to_pylist()
        return found

    def tree(self) -> dict[str, bytes]:
        return {str(p.relative_to(self.root)): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}
