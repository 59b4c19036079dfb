"""Identity resolution: matched pairs become clusters, clusters get ids that stay.

Reads `identity.int_source_records`, `int_identity_edges` and `identity_vetoes` (dbt), writes
`identity.identity_assignment` and `identity.customer_id_event`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity import registry
from ml.identity.clusters import MAXIMUM_SIZE, cluster


@dataclass(frozen=True)
class IdentityResult:
    """Counts of one resolution. `pairs_refused`: matched pairs that a guard kept apart."""

    records: int
    customers: int
    pairs: int
    pairs_refused: int
    created: int
    merged: int
    split: int
    erased: int


def resolve_identity(
    connection: duckdb.DuckDBPyConnection, as_of: date, maximum_size: int = MAXIMUM_SIZE
) -> IdentityResult:
    """Assigns every source record its `customer_id`, in one transaction.

    An unchanged second run writes the same rows and no event. `linked_at` is the `as_of` of the run in
    which the record came to its customer. A pair that names an unknown record is an error (ValueError).
    """
    registry.create_tables(connection)
    _number_records(connection)
    edges = _pairs(connection, "int_identity_edges", ", edge.match_probability")
    vetoes = _pairs(connection, "identity_vetoes", "")
    (count,) = connection.execute("select count(*) from numbered_record").fetchall()[0]
    clusters = cluster(
        count,
        edges["a"],
        edges["b"],
        edges["match_probability"],
        vetoes["a"],
        vetoes["b"],
        maximum_size,
    )
    _hand_over(connection, "cluster_label", {"ordinal": np.arange(count), "label": clusters.labels})
    _hand_over(connection, "used_pair", {"a": edges["a"][clusters.kept], "b": edges["b"][clusters.kept]})
    connection.execute(
        """
        create or replace temp table cluster_member as
        select record.record_id, record.ordinal, cluster_label.label
        from numbered_record as record
        inner join cluster_label on record.ordinal = cluster_label.ordinal
        """
    )

    connection.execute("begin transaction")
    try:
        registry.assign_ids(connection)
        events = registry.record_events(connection, as_of)
        _replace_assignment(connection, as_of)
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return IdentityResult(
        records=count,
        customers=len(np.unique(clusters.labels)),
        pairs=len(edges["a"]),
        pairs_refused=int((~clusters.kept).sum()),
        **events._asdict(),
    )


def _number_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Numbers the records from the oldest, so the smallest number of a cluster is its founder."""
    connection.execute(
        """
        create or replace temp table numbered_record as
        select record_id, row_number() over (order by created_at nulls last, record_id) - 1 as ordinal
        from identity.int_source_records
        """
    )


def _pairs(connection: duckdb.DuckDBPyConnection, table: str, columns: str) -> dict[str, np.ndarray]:
    """Pairs of a table as record numbers, arrays of equal length."""
    result = connection.execute(
        f"""
        select a.ordinal as a, b.ordinal as b{columns}
        from identity.{table} as edge
        inner join numbered_record as a on edge.record_id_a = a.record_id
        inner join numbered_record as b on edge.record_id_b = b.record_id
        """
    ).fetchnumpy()
    (expected,) = connection.execute(f"select count(*) from identity.{table}").fetchall()[0]
    if len(result["a"]) != expected:
        raise ValueError(
            f"identity.{table}: {expected - len(result['a'])} pairs name a record that "
            "identity.int_source_records does not hold, or holds twice"
        )
    return {name: np.asarray(values) for name, values in result.items()}


def _hand_over(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, np.ndarray]) -> None:
    """Makes a temporary table of the arrays."""
    connection.register("handed_over", pa.table(columns))
    connection.execute(f"create or replace temp table {name} as select * from handed_over")
    connection.unregister("handed_over")


def _replace_assignment(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Writes the new assignment; each record shows the strongest pair that holds it in its cluster."""
    connection.execute(
        """
        create or replace temp table new_assignment as
        with used as (
            select edge.record_id_a, edge.record_id_b, edge.match_probability, edge.rule
            from identity.int_identity_edges as edge
            inner join numbered_record as a on edge.record_id_a = a.record_id
            inner join numbered_record as b on edge.record_id_b = b.record_id
            semi join used_pair on used_pair.a = a.ordinal and used_pair.b = b.ordinal
        ),
        ends as (
            select record_id_a as record_id, match_probability, rule from used
            union all
            select record_id_b, match_probability, rule from used
        ),
        strongest as (
            select record_id, max({'probability': match_probability, 'rule': rule}) as pair
            from ends
            group by record_id
        )
        select
            member.record_id,
            cluster_id.customer_id,
            coalesce(strongest.pair.probability, 1.0) as match_probability,
            coalesce(strongest.pair.rule, 'single_record') as matched_by,
            case
                when old.customer_id = cluster_id.customer_id then old.linked_at
                else ?::timestamp
            end as linked_at
        from cluster_member as member
        inner join cluster_id on member.label = cluster_id.label
        left join strongest on member.record_id = strongest.record_id
        left join identity.identity_assignment as old on member.record_id = old.record_id
        """,
        [as_of],
    )
    connection.execute("delete from identity.identity_assignment")
    connection.execute(
        "insert into identity.identity_assignment select * from new_assignment order by record_id"
    )
