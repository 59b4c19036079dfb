"""A warehouse with raw tables as the contracts say, filled by the tests."""

from collections.abc import Callable
from datetime import date

import duckdb
import pyarrow as pa
import pytest

from ingestion.contracts import catalogue

AS_OF = date(2026, 11, 20)


class RawWarehouse:
    """Empty raw tables of every contract; `load` adds rows of one load and its manifest row."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("create schema raw")
        for tables in catalogue().values():
            for table in tables.values():
                self.connection.register("empty", table.raw_schema.empty_table())
                self.connection.execute(f"create table raw.{table.raw_name} as select * from empty")
        self.connection.execute(
            "create table raw.ingestion_load (source varchar, table_name varchar, load_id varchar, "
            "as_of_date date, is_full boolean, files_read bigint, files_refused bigint, "
            "rows_read bigint, rows_loaded bigint, "
            "rows_quarantined bigint, seen_again bigint)"
        )
        self.connection.execute(
            "create table raw.quarantine (source varchar, table_name varchar, load_id varchar, "
            "as_of_date date, file varchar, line bigint, field varchar, value_masked varchar, "
            "reason varchar, kind varchar, healed_by_load_id varchar, dropped_by varchar)"
        )

    def load(
        self, source: str, name: str, rows: list[dict], load_id: str = "000001", quarantined: int = 0,
        refused: int = 0, as_of: date = AS_OF, healed_by: str | None = None, dropped_by: str | None = None,
    ) -> None:  # fmt: skip
        table = catalogue()[source][name]
        lineage = {"_load_id": load_id, "_source_file": "f.csv", "_source_line": 1, "_row_hash": "x"}
        full = [{**dict.fromkeys(table.field_names), **row, **lineage} for row in rows]
        self.connection.register("rows", pa.Table.from_pylist(full, schema=table.raw_schema))
        self.connection.execute(f"insert into raw.{table.raw_name} select * from rows")
        self.connection.execute(
            "insert into raw.ingestion_load values (?, ?, ?, ?, false, 1, ?, ?, ?, ?, 0)",
            [source, name, load_id, as_of, refused, len(rows) + quarantined, len(rows), quarantined],
        )
        for kind, count in (("row", quarantined), ("file", refused)):
            for line in range(count):
                self.connection.execute(
                    "insert into raw.quarantine "
                    "values (?, ?, ?, ?, 'f.csv', ?, 'birth_date', '3*', 'no date', ?, ?, ?)",
                    [source, name, load_id, as_of, line, kind, healed_by, dropped_by],
                )


@pytest.fixture
def raw() -> RawWarehouse:
    return RawWarehouse()


@pytest.fixture
def marts() -> Callable[..., duckdb.DuckDBPyConnection]:
    """marts(**columns): three consistent customers with four records; columns as SQL expressions."""

    def _marts(**columns: str) -> duckdb.DuckDBPyConnection:
        values = {
            "customer_id": "'c_' || i",
            "kind": "'person'",
            "lifecycle_stage": "'active'",
            "is_customer": "true",
            "became_customer_at": "timestamp '2025-01-01'",
            "record_count": "case when i = 0 then 2 else 1 end",
            "email": "'a' || i || '@example.org'",
            "phone": "'+4930123456' || i",
            "postal_code": "'10115'",
            "birth_date": "date '1980-01-01'",
            "first_seen_at": "timestamp '2024-01-01'",
            **columns,
        }
        selected = ", ".join(f"{expression} as {name}" for name, expression in values.items())
        connection = duckdb.connect()
        connection.execute("create schema marts; create schema identity")
        connection.execute(f"create table marts.customer as select {selected} from range(3) t(i)")
        connection.execute(
            "create table marts.customer_identity as select 'shop' as source_system, i::varchar as "
            "source_record_id, 'c_' || (i % 3) as customer_id from range(4) t(i)"
        )
        connection.execute(
            "create table identity.identity_assignment as select source_system || ':' || source_record_id as "
            "record_id, customer_id from marts.customer_identity"
        )
        return connection

    return _marts
