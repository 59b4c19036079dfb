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

from ml.identity import evidence, history, record_state, registry, review, scope, stewarding
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
    only_touched: bool = False,
) -> IdentityResult:
    """Assigns every source record its `customer_id`, in one transaction.

    An unchanged second run writes the same rows and no event. `linked_at` is the `as_of` of the run in
    which the record came to its customer. `stability` limits how many ids may change; without it any may.
    Pairs within `review_bits` of the threshold are put before stewards. `only_touched` resolves what the
    changes of `identity.int_touched_records` and `rescored_pair` reach and leaves all else as it is; the
    result is that of a resolution of everything. Where weights or threshold are others than last time,
    everything is resolved all the same.

    Raises ValueError for a pair that names an unknown record, DecisionError for contradictory decisions,
    BlockedError when more ids would change than `stability` allows; the state stays as it was then.
    """
    registry.create_tables(connection)
    matching = evidence.matching_in_use(connection)
    matching_changed = _matching_changed(connection, matching)
    partly = only_touched and not matching_changed
    reissued = record_state.compare_with_last_time(connection, partly)
    stewarding.judge_decisions(connection, decisions, as_of)
    if partly:
        scope.take_reached(connection, matching)
    else:
        scope.take_all(connection)
    _number_records(connection)
    evidence.collect(connection, matching, partly)
    count, customers, pairs, refused = _cluster(connection, maximum_size, matching.threshold)
    links, unlinks = (
        connection.execute(
            "select count(*) from new_decision where status = 'in_force' and action = ?", [action]
        ).fetchall()[0][0]
        for action in ("link", "unlink")
    )

    connection.execute("begin transaction")
    try:
        registry.assign_ids(connection)
        events = history.find_events(connection, matching_changed)
        change = measure_change(connection)
        if stability is not None:
            refuse_too_much(change, stability)
        history.append_events(connection, as_of)
        _remember_reissued(connection, as_of)
        registry.replace_assignment(connection, as_of)
        history.replace_successors(connection)
        stewarding.write_decisions(connection)
        record_state.remember(connection)
        uncertain = review.write_candidates(connection, matching, review_bits, partly)
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
    """Numbers the records in scope from the oldest, so the smallest number of a cluster is its founder."""
    connection.execute(
        """
        create or replace temp table numbered_record as
        select record_id, row_number() over (order by created_at nulls last, record_id) - 1 as ordinal
        from scoped_record
        """
    )


def _cluster(
    connection: duckdb.DuckDBPyConnection, maximum_size: int, threshold: float
) -> tuple[int, int, int, int]:
    """Makes the temporary tables `cluster_member`, `matched_pair` and `used_pair`.

    Returns the counts of records, of clusters, of matched pairs and of those that a guard kept apart.
    """
    edges = _pairs(
        connection,
        "matched_pair",
        "case when edge.veto is null then edge.match_probability else 0 end as probability, edge.rule",
        "evidence_pair",
    )
    matching_pairs = int((edges["probability"] >= threshold).sum())
    vetoes = _pairs(connection, "vetoed_pair", "", "evidence_veto")
    connection.execute(
        """
        create or replace temp table scoped_decision as
        select * from new_decision
        semi join numbered_record as record on new_decision.record_id_a = record.record_id
        where status = 'in_force'
        """
    )
    links, unlinks = (
        _pairs(connection, f"{action}ed_pair", "", "scoped_decision", f"action = '{action}'")
        for action in ("link", "unlink")
    )
    connection.execute("insert into matched_pair select a, b, 1.0, 'steward_link' from linked_pair")
    (count,) = connection.execute("select count(*) from numbered_record").fetchall()[0]
    graph = stewarding.with_decisions(
        count,
        stewarding.Graph(edges["a"], edges["b"], edges["probability"], vetoes["a"], vetoes["b"]),
        links["a"],
        links["b"],
        unlinks["a"],
        unlinks["b"],
    )
    clusters = cluster(
        count, graph.a, graph.b, graph.probability, graph.veto_a, graph.veto_b, maximum_size, threshold
    )
    kept = clusters.kept
    _hand_over(connection, "cluster_label", {"ordinal": np.arange(count), "label": clusters.labels})
    _hand_over(
        connection,
        "used_pair",
        {"a": graph.a[kept], "b": graph.b[kept], "probability": graph.probability[kept]},
    )
    connection.execute(
        """
        create or replace temp table cluster_member as
        select
            record.record_id, record.ordinal, cluster_label.label,
            coalesce(record_now.is_reissued, false) as is_reissued,
            record.record_id || case
                when coalesce(record_now.generation, state.generation) > 0
                    then '#' || coalesce(record_now.generation, state.generation)
                else ''
            end as founder_key
        from numbered_record as record
        inner join cluster_label on record.ordinal = cluster_label.ordinal
        left join record_now on record.record_id = record_now.record_id
        left join (select record_id, generation from identity.record_state where generation > 0) as state
            on record.record_id = state.record_id
        """
    )
    refused = int((graph.probability >= threshold).sum() - kept.sum())
    return count, len(np.unique(clusters.labels)), matching_pairs, refused


def _pairs(
    connection: duckdb.DuckDBPyConnection, name: str, columns: str, table: str, condition: str = "true"
) -> dict[str, np.ndarray]:
    """Makes the temporary table `name(a, b, …columns)` of the pairs of `table` as record numbers.

    Returns a, b and the probability, if there is one, as arrays of equal length.
    """
    connection.execute(
        f"""
        create or replace temp table {name} as
        select a.ordinal as a, b.ordinal as b{", " if columns else ""}{columns}
        from {table} as edge
        inner join numbered_record as a on edge.record_id_a = a.record_id
        inner join numbered_record as b on edge.record_id_b = b.record_id
        where {condition}
        """
    )
    numbers = "a, b, probability" if "probability" in columns else "a, b"
    result = connection.execute(f"select {numbers} from {name}").fetchnumpy()
    (expected,) = connection.execute(f"select count(*) from {table} as edge where {condition}").fetchall()[0]
    if len(result["a"]) != expected:
        raise ValueError(
            f"{table.replace('_', ' ')}: {expected - len(result['a'])} name a record that "
            "identity.int_source_records does not hold, or holds twice"
        )
    return {column: np.asarray(values) for column, values in result.items()}


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
