"""Disclosure (Art. 15 and 20 GDPR): everything that is held on a customer, with origin, purposes, recipients.

Belongs here: collecting it. Does not belong here: the printable document (`privacy/disclosure_html.py`).

What another customer shares is left out of rows that may be theirs: nobody learns of others what they asked
about themselves (Art. 15 (4)).
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exports.state import STATE, ExportDirectory, read_manifest
from exports.sync import SYNCS, load_syncs
from ingestion.contracts import Table, catalogue
from ingestion.raw import register_raw
from ingestion.state import QUARANTINE, committed
from privacy.key import Key
from privacy.person import Person, describe_person
from privacy.rules import PARTIES, rules_of
from privacy.settings import PrivacySettings
from privacy.suppression import Suppressor
from privacy.tombstones import PURPOSE, Tombstone
from stammkunde.hashes import quoted, tables_of
from stammkunde.home import Home
from stammkunde.versions import open_published
from stammkunde.warehouse import open_warehouse

_LINES = (
    ("branch", "sales_order_line", "sales_order", ("order_no",)),
    ("webshop", "order_lines", "orders", ("order_id",)),
    ("shop", "lines", "transactions", ("z_kasse_id", "z_erstellung", "z_nr", "bon_id")),
)
"""Tables that name nobody and belong to a table that does: source, table, head, key."""


def disclose(
    home: Home, key: Key, customer_ids: tuple[str, ...], country: str, settings: PrivacySettings, at: datetime
) -> dict[str, Any]:
    """Everything held on the customers as JSON values; `at` is in UTC.

    Raises UserError when nothing is published yet.
    """
    with open_warehouse(home.warehouse) as connection:
        register_raw(connection, home)
        person = describe_person(connection, customer_ids, country)
        delivered = _delivered(connection, person, key, country)
    return {
        "about": list(customer_ids),
        "made_at": at.isoformat(timespec="seconds"),
        "controller": settings.controller,
        "purposes": [p.model_dump() for p in settings.purposes],
        "rights": settings.rights,
        "recipients": _recipients(home, customer_ids),
        "shared_with_others": list(person.shared),
        "delivered_by_sources": delivered,
        "rejected_rows": _rejected(home, person, key, country),
        "derived": _derived(home, customer_ids),
        "entered_by_stewards": _by_stewards(home, person),
    }


def _suppressor(person: Person, key: Key, country: str) -> Suppressor:
    """What erasure would remove is what is disclosed."""
    return Suppressor(
        [Tombstone(k, key.hash(PURPOSE, v), None, "") for k, v in person.exclusive.pairs()], key, country
    )


def _delivered(
    connection: duckdb.DuckDBPyConnection, person: Person, key: Key, country: str
) -> dict[str, list[dict[str, Any]]]:
    """Rows of all versions by `source.table`, each with the load, file and line it came from."""
    found: dict[str, list[dict[str, Any]]] = {}
    heads: dict[tuple[str, str], pa.Table] = {}
    with _suppressor(person, key, country) as suppressor:
        for source, tables in catalogue().items():
            for table in tables.values():
                if not rules_of(table):
                    continue
                theirs = _rows_of(connection, suppressor, table)
                heads[(source, table.name)] = theirs
                if theirs.num_rows:
                    found[f"{source}.{table.name}"] = _plain(theirs)
    for source, name, head, columns in _LINES:
        keys = heads[(source, head)]
        if keys.num_rows:
            connection.register("heads", keys.select(list(columns)))
            rows = connection.execute(
                f"select lines.* from raw.{source}__{name} as lines "
                f"semi join heads using ({', '.join(columns)}) order by all"
            ).to_arrow_table()
            connection.unregister("heads")
            if rows.num_rows:
                found[f"{source}.{name}"] = _plain(rows)
    return found


def _rows_of(connection: duckdb.DuckDBPyConnection, suppressor: Suppressor, table: Table) -> pa.Table:
    theirs = []
    reader = connection.execute(f"select * from raw.{table.raw_name} order by all").to_arrow_reader(100_000)
    for batch in reader:
        rows = pa.Table.from_batches([batch])
        result = suppressor.apply(table, rows, ever=True)
        named = pc.invert(result.kept)
        if result.blanked:
            theirs.append(_mentions(rows.filter(result.kept).filter(result.changed), table))
        theirs.append(rows.filter(named))
    return pa.concat_tables(theirs) if theirs else reader.schema.empty_table()


def _mentions(rows: pa.Table, table: Table) -> pa.Table:
    """Of another person's record that names the customer only its key, its time and that name are told.

    A receipt that names the customer is theirs as a whole.
    """
    rules = rules_of(table)
    if not any(rule in PARTIES for rule in rules):
        return rows
    told = {*table.key, *(c for r in rules for c in r.blank), *(r.time for r in rules if r.blank)}
    columns = [
        column if name in told or name.startswith("_") else pa.nulls(rows.num_rows, column.type)
        for name, column in zip(rows.column_names, rows.columns, strict=True)
    ]
    return pa.table(columns, schema=rows.schema)


def _plain(rows: pa.Table) -> list[dict[str, Any]]:
    """JSON values without empty fields and technical hashes; the load, file and line are the origin."""
    plain = []
    for row in rows.to_pylist():
        values = {k: _value(v) for k, v in row.items() if v is not None and not k.startswith("_")}
        origin = {k.lstrip("_"): row[k] for k in ("_load_id", "_source_file", "_source_line") if row.get(k)}
        plain.append({**values, **({"origin": origin} if origin else {})})
    return plain


def _value(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list) else str(value)


def _rejected(home: Home, person: Person, key: Key, country: str) -> list[dict[str, Any]]:
    """Rows that broke their contract and wait in quarantine."""
    found: list[dict[str, Any]] = []
    with _suppressor(person, key, country) as suppressor:
        for source in catalogue():
            for directory in committed(home.landing / source):
                path = directory / QUARANTINE
                if path.exists():
                    rows = pq.read_table(path)
                    theirs = rows.filter(pc.invert(suppressor.keep_quarantined(rows, source)))
                    columns = theirs.select(["table_name", "file", "line", "reason", "row"])
                    found += [{"source": source, **row} for row in columns.to_pylist()]
    return found


def _derived(home: Home, customer_ids: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    """Their rows of every published mart: golden values, consent, metrics, scores."""
    found = {}
    with open_published(home) as connection:
        database = connection.execute("select current_database()").fetchall()[0][0]
        for table in tables_of(connection, database, "marts"):
            relation = f"marts.{quoted(table)}"
            columns = [name for name, *_ in connection.execute(f"describe {relation}").fetchall()]
            if "customer_id" in columns:
                rows = connection.execute(
                    f"select * from {relation} where list_contains($ids, customer_id) order by all",
                    {"ids": list(customer_ids)},
                ).to_arrow_table()
                if rows.num_rows:
                    found[table] = _plain(rows)
    return found


def _by_stewards(home: Home, person: Person) -> list[dict[str, Any]]:
    """Decisions and corrections that concern their records."""
    records, customers = set(person.record_ids), set(person.customer_ids)
    found = []
    for path in (home.decisions, home.corrections):
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                entry = json.loads(line)
            except ValueError:
                continue  # half written, so never confirmed
            named = {entry.get(k) for k in ("record_id", "record_id_a", "record_id_b")}
            if named & records or entry.get("customer_id") in customers:
                found.append(entry)
    return found


def _recipients(home: Home, customer_ids: tuple[str, ...], syncs: Path = SYNCS) -> list[dict[str, Any]]:
    """Exports that hold them now, and what is in them."""
    found = []
    for sync in load_syncs(syncs).values():
        root = home.exports / sync.name
        current = ExportDirectory(root).current() if root.is_dir() else None
        if current is None or not (current / STATE).is_file():
            continue
        keys = set(pq.read_table(current / STATE, columns=["key"]).column("key").to_pylist())
        if keys & set(customer_ids):
            manifest = read_manifest(current)
            found.append(
                {
                    "export": sync.name,
                    "description": sync.description,
                    "fields": manifest["fields"],
                    "since_or_before": manifest["as_of"],
                    "permitted_by": manifest["consent"],
                }
            )
    return found
