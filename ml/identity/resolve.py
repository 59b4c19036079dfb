"""Identity resolution: matched pairs become clusters, clusters get ids that stay.

Reads `identity.int_source_records` and the evidence of matching (`evidence.py`), writes the tables of
`registry.py` and `record_state.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity import evidence, history, record_state, registry, review, stewarding
from ml.identity.clusters import MAXIMUM_SIZE, cluster
from ml.identity.decisions import Decision
from ml.identity.stability import Stability, measure_change, refuse_too_much


@dataclass(frozen=True)
class IdentityResult:
    """Counts of one resolution. `pairs_refused`: matched pairs that a guard kept apart; `changed_ids`: ids of
    before that merge, split or end; `decisions`: those of stewards that are in force."""

    records: int
    customers: int
    pairs: int
    pairs_refused: int
    created: int
    merged: int
    split: int
    erased: int
    changed_ids: int = 0
    reissued_records: int = 0
    decisions: int = 0
    uncertain_pairs: int = 0


def resolve_identity(
    connection: duckdb.DuckDBPyConnection,
    as_of: date,
    maximum_size: int = MAXIMUM_SIZE,
    decisions: Sequence[Decision] = (),
    stability: Stability | None = None,
    review_bits: float = 4.0,
) -> IdentityResult:
    """Assigns every source record its `customer_id`, in one transaction.

    An unchanged second run writes the same rows and no event. `linked_at` is the `as_of` of the run in
    which the record came to its customer. `stability` limits how many ids may change; without it any may.
    Pairs within `review_bits` of the threshold are put before stewards.

    Raises ValueError for a pair that names an unknown record, DecisionError for contradictory decisions,
    BlockedError when more ids would change than `stability` allows; the state stays as it was then.
    """
    registry.create_tables(connection)
    _number_records(connection)
    reissued = record_state.compare_with_last_time(connection)
    stewarding.judge_decisions(connection, decisions, as_of)
    matching = evidence.collect(connection)
    count, customers, pairs, refused = _cluster(connection, maximum_size)
    links, unlinks = (
        connection.execute(
            "select count(*) from new_decision where status = 'in_force' and action = ?", [action]
        ).fetchall()[0][0]
        for action in ("link", "unlink")
    )

    connection.execute("begin transaction")
    try:
        registry.assign_ids(connection)
        events = history.find_events(connection, _matching_changed(connection, matching))
        change = measure_change(connection)
        if stability is not None:
            refuse_too_much(change, stability)
        history.append_events(connection, as_of)
        _remember_reissued(connection, as_of)
        _replace_assignment(connection, as_of)
        history.replace_successors(connection)
        stewarding.write_decisions(connection)
        record_state.remember(connection)
        uncertain = review.write_candidates(connection, matching, review_bits)
        connection.execute("delete from identity.resolved_with")
        connection.execute("insert into identity.resolved_with values (?, ?)", list(matching))
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    return IdentityResult(
        records=count,
        customers=customers,
        pairs=pairs,
        pairs_refused=refused,
        changed_ids=change.changed,
        reissued_records=reissued,
        decisions=links + unlinks,
        uncertain_pairs=uncertain,
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


def _cluster(connection: duckdb.DuckDBPyConnection, maximum_size: int) -> tuple[int, int, int, int]:
    """Makes the temporary tables `cluster_member` and `used_pair`.

    Returns the counts of records, of clusters, of matched pairs and of those that a guard kept apart.
    """
    edges = _pairs(connection, "evidence_pair", ", edge.match_probability", "where edge.matches")
    vetoes = _pairs(connection, "evidence_veto")
    links = _pairs(connection, "new_decision", "", "where status = 'in_force' and action = 'link'")
    unlinks = _pairs(connection, "new_decision", "", "where status = 'in_force' and action = 'unlink'")
    (count,) = connection.execute("select count(*) from numbered_record").fetchall()[0]
    graph = stewarding.with_decisions(
        count,
        stewarding.Graph(edges["a"], edges["b"], edges["match_probability"], vetoes["a"], vetoes["b"]),
        links["a"],
        links["b"],
        unlinks["a"],
        unlinks["b"],
    )
    clusters = cluster(count, graph.a, graph.b, graph.probability, graph.veto_a, graph.veto_b, maximum_size)
    _hand_over(connection, "cluster_label", {"ordinal": np.arange(count), "label": clusters.labels})
    kept = clusters.kept
    _hand_over(
        connection,
        "used_pair",
        {"a": graph.a[kept], "b": graph.b[kept], "probability": graph.probability[kept]},
    )
    connection.execute(
        """
        create or replace temp table cluster_member as
        select
            record.record_id, record.ordinal, cluster_label.label, record_now.is_reissued,
            record.record_id || case
                when record_now.generation > 0 then '#' || record_now.generation else ''
            end as founder_key
        from numbered_record as record
        inner join cluster_label on record.ordinal = cluster_label.ordinal
        inner join record_now on record.record_id = record_now.record_id
        """
    )
    return count, len(np.unique(clusters.labels)), len(edges["a"]), int((~kept).sum())


def _pairs(
    connection: duckdb.DuckDBPyConnection, table: str, columns: str = "", condition: str = ""
) -> dict[str, np.ndarray]:
    """Pairs of a temporary table as record numbers, arrays of equal length."""
    result = connection.execute(
        f"""
        select a.ordinal as a, b.ordinal as b{columns}
        from {table} as edge
        inner join numbered_record as a on edge.record_id_a = a.record_id
        inner join numbered_record as b on edge.record_id_b = b.record_id
        {condition}
        """
    ).fetchnumpy()
    (expected,) = connection.execute(f"select count(*) from {table} as edge {condition}").fetchall()[0]
    if len(result["a"]) != expected:
        raise ValueError(
            f"{table.replace('_', ' ')}: {expected - len(result['a'])} name a record that "
            "identity.int_source_records does not hold, or holds twice"
        )
    return {name: np.asarray(values) for name, values in result.items()}


def _hand_over(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, np.ndarray]) -> None:
    """Makes a temporary table of the arrays."""
    connection.register("handed_over", pa.table(columns))
    connection.execute(f"create or replace temp table {name} as select * from handed_over")
    connection.unregister("handed_over")


def _matching_changed(connection: duckdb.DuckDBPyConnection, matching: evidence.Matching) -> bool:
    before = connection.execute("select matching_version, threshold from identity.resolved_with").fetchall()
    return bool(before) and before != [tuple(matching)]


def _remember_reissued(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    connection.execute(
        """
        insert into identity.reissued_record by name
        select
            record_now.record_id, record_now.generation, ?::timestamp as reissued_at,
            old.customer_id as previous_customer_id
        from record_now
        left join identity.identity_assignment as old on record_now.record_id = old.record_id
        where record_now.is_reissued
        order by record_now.record_id
        """,
        [as_of],
    )


def _replace_assignment(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Writes the new assignment; each record shows the strongest pair that holds it in its cluster."""
    connection.execute(
        """
        create or replace temp table new_assignment as
        with evidence as (
            select record_id_a, record_id_b, match_probability, rule from evidence_pair where matches
            union all
            select record_id_a, record_id_b, 1.0, 'steward_link'
            from new_decision where status = 'in_force' and action = 'link'
        ),
        used as (
            select edge.record_id_a, edge.record_id_b, edge.match_probability, edge.rule
            from evidence as edge
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
        left join old_assignment as old on member.record_id = old.record_id
        """,
        [as_of],
    )
    connection.execute("delete from identity.identity_assignment")
    connection.execute(
        "insert into identity.identity_assignment by name select * from new_assignment order by record_id"
    )
