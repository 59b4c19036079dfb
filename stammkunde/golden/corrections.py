"""Corrections by stewards: what is said of a customer today, and the table `golden.correction`.

A correction hangs on a source record, so it goes with that record when customers merge or split. When the
record is gone, it stays with the customer it was made for, or the one that customer was merged into.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from stammkunde.golden.correction_log import (
    Correction,
    CorrectionError,
    append_correction,
    covered_by,
    read_corrections,
)
from stammkunde.golden.survivorship import FIELDS
from stammkunde.golden.values import checked_value, known_attribute

_SCHEMA = pa.schema(
    [
        (name, pa.string())
        for name in ("correction_id", "customer_id", "record_id", "attribute", "value", "author", "reason")
    ]
    + [("corrected_at", pa.timestamp("us")), ("status", pa.string())]
)


@dataclass(frozen=True)
class CorrectionResult:
    """Lines of the file, and how many attribute values are applied, superseded, withdrawn and orphaned."""

    lines: int
    applied: int
    superseded: int
    withdrawn: int
    orphaned: int


def write_corrections(connection: duckdb.DuckDBPyConnection, path: Path) -> CorrectionResult:
    """Makes `golden.correction` from the file and the current assignment of records to customers.

    Of several corrections of one attribute of one customer the newest is `applied`, the others `superseded`;
    one whose newest line withdraws is `withdrawn`; `orphaned` ones belong to nobody any more.

    Raises CorrectionError when the file cannot be read.
    """
    corrections = read_corrections(path)
    owners = _owners(connection, corrections)
    newest: dict[tuple[str, str], Correction] = {}
    for correction in sorted(corrections, key=lambda c: c.at):
        for attribute in correction.covers:
            owner = owners[correction.correction_id]
            if owner:
                newest[owner, attribute] = correction
    rows = []
    for correction in corrections:
        owner = owners[correction.correction_id]
        for attribute in correction.covers if correction.values else ():
            last = newest.get((owner or "", attribute))
            if last is None:
                status = "orphaned"
            elif last is correction:
                status = "applied"
            else:
                status = "superseded" if last.values else "withdrawn"
            rows.append(
                {
                    "correction_id": correction.correction_id,
                    "customer_id": owner or correction.customer_id,
                    "record_id": correction.record_id,
                    "attribute": attribute,
                    "value": correction.values.get(attribute),
                    "author": correction.author,
                    "reason": correction.reason,
                    "corrected_at": correction.at.replace(tzinfo=None),
                    "status": status,
                }
            )
    connection.execute("create schema if not exists golden")
    connection.register("corrections_read", pa.Table.from_pylist(rows, schema=_SCHEMA))
    connection.execute(
        "create or replace table golden.correction as select * from corrections_read "
        "order by corrected_at, correction_id, attribute"
    )
    connection.unregister("corrections_read")
    counts = Counter(row["status"] for row in rows)
    names = ("applied", "superseded", "withdrawn", "orphaned")
    return CorrectionResult(len(corrections), *(counts[name] for name in names))


def correct(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    *,
    customer_id: str,
    attribute: str,
    value: str | None,
    author: str,
    reason: str,
    at: datetime,
    default_country: str,
    withdraw: bool = False,
) -> Correction:
    """Makes a correction; it holds from the next run on. `value` None says that the customer has none.

    `withdraw` takes back what was corrected before, and the sources decide again.

    Raises CorrectionError for an unknown customer, ValueRefused for an unknown attribute or a wrong value.
    """
    group = known_attribute(attribute)
    current = current_customer(connection, customer_id)
    said = _said_of(connection, path, current)
    if withdraw:
        if not any(field in said for field in covered_by(attribute)):
            raise CorrectionError(f"nothing is corrected at {attribute} of {current}")
        values: dict[str, str | None] = {}
    else:
        golden = _golden_values(connection, current) | said
        country = golden.get("country") or default_country
        values = {field: golden.get(field) for field in covered_by(attribute)}
        values[attribute] = (
            None if value is None else checked_value(attribute, value, country=country, as_of=at.date())
        )
    return append_correction(
        path,
        customer_id=current,
        record_id=_anchor(connection, current, FIELDS[group]),
        attribute=attribute,
        values=values,
        author=author,
        reason=reason,
        at=at,
    )


def current_customer(connection: duckdb.DuckDBPyConnection, customer_id: str) -> str:
    """The customer of this id, or the one that it was merged into.

    Raises CorrectionError for an unknown id.
    """
    found = _living(connection, [customer_id])[customer_id]
    if found is None:
        raise CorrectionError(f"unknown customer {customer_id!r}; ids look like c_0123456789abcdef")
    return found


def _owners(
    connection: duckdb.DuckDBPyConnection, corrections: Sequence[Correction]
) -> dict[str, str | None]:
    """correction_id → the customer it belongs to now."""
    if not corrections:
        return {}
    records = list({c.record_id for c in corrections})
    assigned = dict(
        connection.execute(
            "select record_id, customer_id from identity.identity_assignment "
            "where record_id in (select unnest(?))",
            [records],
        ).fetchall()
    )
    reissued = _reissued(connection)
    living = _living(connection, list({c.customer_id for c in corrections}))
    owners = {}
    for correction in corrections:
        day = reissued.get(correction.record_id)
        same_person = day is None or correction.at.replace(tzinfo=None) > day
        owner = assigned.get(correction.record_id) if same_person else None
        owners[correction.correction_id] = owner or living[correction.customer_id]
    return owners


def _reissued(connection: duckdb.DuckDBPyConnection) -> dict[str, datetime]:
    """record_id → when its source gave the number to somebody else, for the last time."""
    try:
        rows = connection.execute(
            "select record_id, max(reissued_at) from identity.reissued_record group by record_id"
        ).fetchall()
    except duckdb.CatalogException:  # no resolution has looked for them yet
        return {}
    return dict(rows)


def _living(connection: duckdb.DuckDBPyConnection, ids: list[str]) -> dict[str, str | None]:
    """Each id's customer of today: itself, or where merges led; None when there is none."""
    try:
        alive = {
            row[0]
            for row in connection.execute(
                "select distinct customer_id from identity.identity_assignment"
            ).fetchall()
        }
        merged = dict(
            connection.execute(
                "select previous_customer_id, customer_id from identity.customer_id_event "
                "where event = 'merged' order by happened_at"
            ).fetchall()
        )
    except duckdb.CatalogException:
        raise CorrectionError("there are no customers yet; 'stammkunde run' makes them") from None

    def follow(customer_id: str) -> str | None:
        seen: set[str] = set()
        while customer_id not in alive:
            if customer_id in seen or customer_id not in merged:
                return None
            seen.add(customer_id)
            customer_id = merged[customer_id]
        return customer_id

    return {customer_id: follow(customer_id) for customer_id in ids}


def _said_of(connection: duckdb.DuckDBPyConnection, path: Path, customer_id: str) -> dict[str, str | None]:
    """Attribute → what stewards say of the customer, also since the last run."""
    corrections = read_corrections(path)
    owners = _owners(connection, corrections)
    said: dict[str, str | None] = {}
    for correction in sorted(corrections, key=lambda c: c.at):
        if owners[correction.correction_id] == customer_id:
            for attribute in correction.covers:
                said.pop(attribute, None)
            said.update(correction.values)
    return said


def _golden_values(connection: duckdb.DuckDBPyConnection, customer_id: str) -> dict[str, str | None]:
    try:
        return dict(
            connection.execute(
                "select attribute, attribute_value from golden.int_golden_values where customer_id = ?",
                [customer_id],
            ).fetchall()
        )
    except duckdb.CatalogException:
        raise CorrectionError("there are no golden records yet; 'stammkunde run' makes them") from None


def _anchor(connection: duckdb.DuckDBPyConnection, customer_id: str, fields: tuple[str, ...]) -> str:
    """The record that a correction of these fields hangs on: the one that gives them, else the oldest."""
    rows = connection.execute(
        """
        select assignment.record_id
        from identity.identity_assignment as assignment
        inner join identity.int_source_records as records on assignment.record_id = records.record_id
        left join golden.int_golden_values as given
            on assignment.customer_id = given.customer_id and assignment.record_id = given.record_id
            and list_contains(?, given.attribute)
        where assignment.customer_id = ?
        group by assignment.record_id
        order by count(given.attribute) desc, min(records.created_at) nulls last, assignment.record_id
        limit 1
        """,
        [list(fields), customer_id],
    ).fetchall()
    return str(rows[0][0])
