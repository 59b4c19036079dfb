"""What decisions of stewards do to the graph of records.

A link is certain: it is used whatever vetoes say between what the two records hold. An unlink is a veto that
also holds between records of the same content. Belongs here: decisions as pairs. Does not belong here: the
file (`decisions.py`), the clustering (`clusters.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ml.identity.clusters import Indices, components
from ml.identity.decisions import Decision, in_force

ALMOST_CERTAIN = float(np.nextafter(1.0, 0.0))

_SCHEMA = pa.schema(
    [
        ("decision_no", pa.int64()),
        ("decision_id", pa.string()),
        ("action", pa.string()),
        ("record_id_a", pa.string()),
        ("record_id_b", pa.string()),
        ("author", pa.string()),
        ("reason", pa.string()),
        ("decided_at", pa.timestamp("us")),
        ("superseded", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Graph:
    """Pairs that match, with probability, and pairs that may not meet, as indices of records."""

    a: Indices
    b: Indices
    probability: npt.NDArray[np.float64]
    veto_a: Indices
    veto_b: Indices


def judge_decisions(
    connection: duckdb.DuckDBPyConnection, decisions: Sequence[Decision], as_of: date
) -> None:
    """Makes the temporary table `new_decision`, all decisions with their `status` in this run.

    `in_force`; `superseded` by a newer one on the same pair; `record_missing`; `record_reissued`: the source
    has since given the number to somebody else. Also adds the records of decisions that came into force or
    left it to the temporary table `record_change`.

    Reads `record_now`. Raises DecisionError for contradictory decisions.
    """
    superseded = in_force(decisions).superseded
    rows = [
        (
            number, d.decision_id, d.action, d.record_id_a, d.record_id_b, d.author, d.reason,
            d.decided_at.astimezone(UTC).replace(tzinfo=None), d.decision_id in superseded,
        )
        for number, d in enumerate(decisions)
    ]  # fmt: skip
    columns = list(zip(*rows, strict=True)) or [()] * len(_SCHEMA)
    table = pa.table([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)
    connection.register("decision_rows", table)
    connection.execute(
        """
        create or replace temp table new_decision as
        with reissues as (
            select record_id, max(reissued_at) as reissued_at
            from (
                select record_id, reissued_at from identity.reissued_record
                union all
                select record_id, ?::timestamp from record_now where is_reissued
            )
            group by record_id
        )
        select
            d.* exclude (superseded),
            case
                when d.superseded then 'superseded'
                when a.record_id is null or b.record_id is null then 'record_missing'
                when d.decided_at < greatest(reissue_a.reissued_at, reissue_b.reissued_at)
                    then 'record_reissued'
                else 'in_force'
            end as status
        from decision_rows as d
        left join identity.int_source_records as a on d.record_id_a = a.record_id
        left join identity.int_source_records as b on d.record_id_b = b.record_id
        left join reissues as reissue_a on d.record_id_a = reissue_a.record_id
        left join reissues as reissue_b on d.record_id_b = reissue_b.record_id
        """,
        [as_of],
    )
    connection.unregister("decision_rows")
    connection.execute(
        """
        insert into record_change
        with before as (
            select decision_id, record_id_a, record_id_b
            from identity.steward_decision where status = 'in_force'
        ),
        now_in_force as (
            select decision_id, record_id_a, record_id_b from new_decision where status = 'in_force'
        ),
        touched as (
            (select * from before except select * from now_in_force)
            union all
            (select * from now_in_force except select * from before)
        )
        select record_id_a, 'steward_decision' from touched
        union
        select record_id_b, 'steward_decision' from touched
        """
    )


def write_decisions(connection: duckdb.DuckDBPyConnection) -> None:
    """Replaces `identity.steward_decision`."""
    connection.execute("delete from identity.steward_decision")
    connection.execute(
        """
        insert into identity.steward_decision by name
        select decision_id, action, record_id_a, record_id_b, author, reason, decided_at, status
        from new_decision
        order by decision_no
        """
    )


def with_decisions(
    count: int, matches: Graph, link_a: Indices, link_b: Indices, unlink_a: Indices, unlink_b: Indices
) -> Graph:
    """The graph of `count` records with the decisions in it.

    A link becomes a pair of probability 1 and is appended to the pairs; a veto between two records that links
    make one is dropped. Where an unlink stands between records of the same content, their pairs become a
    little less than certain, so the clustering can part them.
    """
    a, b = np.concatenate([matches.a, link_a]), np.concatenate([matches.b, link_b])
    probability = np.concatenate([matches.probability, np.ones(len(link_a))])
    is_link = np.arange(len(a)) >= len(matches.a)
    certain = probability >= 1.0
    person = components(count, a[certain], b[certain])
    disputed = np.zeros(count, dtype=bool)
    disputed[person[unlink_a[person[unlink_a] == person[unlink_b]]]] = True
    probability[certain & ~is_link & disputed[person[a]]] = ALMOST_CERTAIN
    certain = probability >= 1.0
    person = components(count, a[certain], b[certain])
    apart = person[matches.veto_a] != person[matches.veto_b]
    return Graph(
        a,
        b,
        probability,
        np.concatenate([matches.veto_a[apart], unlink_a]),
        np.concatenate([matches.veto_b[apart], unlink_b]),
    )
