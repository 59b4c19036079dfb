"""What a changed configuration would do to customer ids, before anything is published.

Works on a copy of what matching reads in a database of its own; the warehouse is only read. Belongs here: the
copy and the comparison. Does not belong here: matching (`weights/`, dbt), showing (`preview_text.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ml.identity.decisions import Decision
from ml.identity.evidence import Matching, matching_in_use
from ml.identity.resolve import IdentityResult, resolve_identity

COPIED = (
    "int_source_records", "matching_run", "matching_weight", "identity_assignment", "customer_id_event",
    "customer_id_successor", "steward_decision", "reissued_record", "record_state", "resolved_with",
)  # fmt: skip
"""Tables of the schema `identity` that `rematch` and resolution begin with, as far as there are any."""
SHOWN = 50

Rematch = Callable[[Path], object]
"""Given the copy (a closed database file), makes the evidence in it anew."""


@dataclass(frozen=True)
class ChangedId:
    """One id that merges, splits or ends. `into` are the ids of its records afterwards; the amount is in the
    company's currency."""

    change: str
    customer_id: str
    into: list[str]
    record_count: int
    revenue_amount: float


@dataclass(frozen=True)
class Preview:
    """The change between now and then. `shown` are the changed ids with most revenue."""

    before: Matching
    after: Matching
    customers_before: int
    result: IdentityResult
    merged: int
    split: int
    ended: int
    merged_revenue: float
    split_revenue: float
    total_revenue: float
    shown: list[ChangedId]

    @property
    def changed_share(self) -> float:
        """Of the ids of now, 0–1."""
        return (
            (self.merged + self.split + self.ended) / self.customers_before if self.customers_before else 0.0
        )


def preview(
    warehouse: Path,
    workspace: Path,
    as_of: date,
    rematch: Rematch,
    decisions: Sequence[Decision] = (),
    shown: int = SHOWN,
) -> Preview:
    """Resolves a copy of the warehouse's records after `rematch` and compares the ids; no circuit breaker.

    `workspace` is an empty directory of the caller; the copy is made in it, so its disk must hold the schema
    `identity` once more.
    """
    copy = workspace / warehouse.name
    with _opened(copy, warehouse) as connection:
        _copy(connection)
        before = matching_in_use(connection)
    rematch(copy)
    with _opened(copy, warehouse) as connection:
        result = resolve_identity(connection, as_of, decisions=decisions)
        return _compare(connection, before, result, shown)


@contextmanager
def _opened(copy: Path, warehouse: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The copy, with the warehouse beside it as `published`, read-only."""
    with duckdb.connect(str(copy)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            f"attach '{str(warehouse).replace(chr(39), chr(39) * 2)}' as published (read_only)"
        )
        yield connection


def _copy(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("create schema if not exists identity")
    present = {
        name
        for (name,) in connection.execute(
            "select table_name from information_schema.tables"
            " where table_catalog = 'published' and table_schema = 'identity'"
        ).fetchall()
    }
    for name in COPIED:
        if name in present:
            connection.execute(f"create table identity.{name} as select * from published.identity.{name}")


def _compare(
    connection: duckdb.DuckDBPyConnection, before: Matching, result: IdentityResult, shown: int
) -> Preview:
    """Compares `published.identity.identity_assignment` with the copy's."""
    revenue = _revenue(connection)
    connection.execute(
        f"""
        create or replace temp table id_fate as
        with old as (select record_id, customer_id from published.identity.identity_assignment),
        fates as (
            select
                old.customer_id, list(distinct now_id.customer_id order by now_id.customer_id) as into_ids,
                count(*) as record_count
            from old
            left join identity.identity_assignment as now_id on old.record_id = now_id.record_id
            group by old.customer_id
        ),
        living as (select distinct customer_id from identity.identity_assignment),
        revenue as ({revenue})
        select
            fates.customer_id, into_ids, record_count, coalesce(revenue.amount, 0)::double as revenue_amount,
            case
                when len(into_ids) > 1 then 'split'
                when len(into_ids) = 0 then 'ended'
                when into_ids <> [fates.customer_id] then 'merged'
            end as change
        from fates
        left join revenue on fates.customer_id = revenue.customer_id
        """
    )
    counts = {
        change: (int(count), float(amount))
        for change, count, amount in connection.execute(
            "select coalesce(change, 'same'), count(*), round(sum(revenue_amount), 2) from id_fate group by 1"
        ).fetchall()
    }
    rows = connection.execute(
        """
        select change, customer_id, into_ids, record_count, revenue_amount
        from id_fate where change is not null
        order by revenue_amount desc, customer_id
        limit ?
        """,
        [shown],
    ).fetchall()
    nothing = (0, 0.0)
    return Preview(
        before=before,
        after=matching_in_use(connection),
        customers_before=sum(count for count, _ in counts.values()),
        result=result,
        merged=counts.get("merged", nothing)[0],
        split=counts.get("split", nothing)[0],
        ended=counts.get("ended", nothing)[0],
        merged_revenue=counts.get("merged", nothing)[1],
        split_revenue=counts.get("split", nothing)[1],
        total_revenue=round(sum(amount for _, amount in counts.values()), 2),
        shown=[ChangedId(*row) for row in rows],
    )


def _revenue(connection: duckdb.DuckDBPyConnection) -> str:
    """SQL of customer_id and amount; empty before the first full run."""
    known = connection.execute(
        "select count(*) from information_schema.tables where table_catalog = 'published'"
        " and table_schema = 'marts' and table_name = 'customer_metrics'"
    ).fetchall()[0][0]
    if known:
        return "select customer_id, revenue_amount as amount from published.marts.customer_metrics"
    return "select null::varchar as customer_id, 0 as amount where false"
