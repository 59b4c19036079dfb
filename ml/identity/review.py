"""Which pairs a steward should look at: uncertain ones, strong ones under a veto, the links that hang by one.

Belongs here: `identity.review_candidate`. What is at stake is added by dbt (`review_queue`).

Kinds, and what the steward is to decide:
- `weak_link`: only this pair, just above the threshold, holds a customer's records together;
- `almost`: two customers, just below the threshold;
- `vetoed`: two customers whose evidence is strong but for a veto;
- `kept_apart`: two customers with matching records that a guard of the clustering keeps apart.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from ml.identity.clusters import Indices, components
from ml.identity.evidence import Matching, pair_query
from ml.identity.pair_weights import bits, probability_of


def weakest_links(count: int, a: Indices, b: Indices, strength: np.ndarray, strong_from: float) -> Indices:
    """Which of the pairs (a, b) hold clusters together although no path as strong as `strong_from` does.

    Returns positions in `a`: the pairs weaker than `strong_from` of a maximum spanning forest, ascending.
    Ties go to the smallest indices, so the answer does not depend on the order of the pairs.
    """
    strong = strength >= strong_from
    part = components(count, a[strong], b[strong])
    weak = np.flatnonzero(~strong & (part[a] != part[b]))
    if not len(weak):
        return weak
    left, right = np.minimum(part[a[weak]], part[b[weak]]), np.maximum(part[a[weak]], part[b[weak]])
    order = np.lexsort((b[weak], a[weak], right, left, -strength[weak]))
    _, first = np.unique(np.stack([left[order], right[order]]), axis=1, return_index=True)
    chosen = order[np.sort(first)]
    # The place in the order is the cost: it is positive, and no two are equal.
    cost = np.arange(1, len(chosen) + 1, dtype=np.float64)
    tree = minimum_spanning_tree(
        coo_array((cost, (left[chosen], right[chosen])), shape=(count, count)).tocsr()
    )
    return np.sort(weak[chosen[tree.data.astype(np.int64) - 1]])


def write_candidates(
    connection: duckdb.DuckDBPyConnection,
    matching: Matching,
    bits_around_threshold: float,
    partly: bool = False,
) -> int:
    """Replaces `identity.review_candidate`; returns its rows. At most one per kind and two customers.

    `partly`: replaces those of the records in `numbered_record` only.

    Reads `identity.pair_score`, the temporary tables `used_pair(a, b, probability)`, `numbered_record`,
    `new_decision`, the view `scoped_record` and the new `identity.identity_assignment`.
    """
    middle = bits(matching.threshold)
    low, high = (probability_of(middle + side * bits_around_threshold) for side in (-1, 1))
    (count,) = connection.execute("select count(*) from numbered_record").fetchall()[0]
    used = connection.execute("select a, b, probability from used_pair").fetchnumpy()
    a, b, probability = (np.asarray(used[name]) for name in ("a", "b", "probability"))
    found = weakest_links(count, a, b, probability, high)
    connection.register("found", pa.table({"a": a[found], "b": b[found]}))
    connection.execute("create or replace temp table weak_link as select * from found")
    connection.unregister("found")
    touches_scope = (
        "(pair.record_id_a in (select record_id from scoped_record)"
        " or pair.record_id_b in (select record_id from scoped_record))"
    )
    connection.execute(
        f"""
        create or replace temp table uncertain_pair as
        select pair.* from ({pair_query(matching)}) as pair
        where match_probability >= ? and rule <> 'same_content' and {touches_scope if partly else "true"}
        """,
        [low],
    )
    connection.execute(
        "delete from identity.review_candidate"
        + (
            " where record_id_a in (select record_id from scoped_record)"
            " or record_id_b in (select record_id from scoped_record)"
            " or record_id_a in (select record_id from record_change)"
            " or record_id_b in (select record_id from record_change)"
            if partly
            else ""
        )
    )
    connection.execute(
        """
        insert into identity.review_candidate by name
        with settled as (
            select
                decision.record_id_a, decision.record_id_b,
                least(a.customer_id, b.customer_id) as customer_id_a,
                greatest(a.customer_id, b.customer_id) as customer_id_b
            from new_decision as decision
            inner join identity.identity_assignment as a on decision.record_id_a = a.record_id
            inner join identity.identity_assignment as b on decision.record_id_b = b.record_id
            where decision.status = 'in_force'
        ),
        uncertain as (
            select * from uncertain_pair
        ),
        placed as (
            select
                pair.record_id_a, pair.record_id_b, pair.match_probability, pair.veto, pair.matches,
                a.customer_id as customer_id_a, b.customer_id as customer_id_b
            from uncertain as pair
            inner join identity.identity_assignment as a on pair.record_id_a = a.record_id
            inner join identity.identity_assignment as b on pair.record_id_b = b.record_id
        ),
        between_customers as (
            select
                case
                    when matches then 'kept_apart' when veto is not null then 'vetoed' else 'almost'
                end as kind,
                record_id_a, record_id_b, match_probability, veto, customer_id_a, customer_id_b
            from placed
            where customer_id_a <> customer_id_b and (veto is null or match_probability >= ?)
            qualify row_number() over (
                partition by least(customer_id_a, customer_id_b), greatest(customer_id_a, customer_id_b)
                order by match_probability desc, record_id_a, record_id_b
            ) = 1
        ),
        within_customers as (
            select
                'weak_link' as kind, placed.record_id_a, placed.record_id_b, placed.match_probability,
                placed.veto, placed.customer_id_a, placed.customer_id_b
            from placed
            inner join numbered_record as a on placed.record_id_a = a.record_id
            inner join numbered_record as b on placed.record_id_b = b.record_id
            semi join weak_link on weak_link.a = a.ordinal and weak_link.b = b.ordinal
            where placed.customer_id_a = placed.customer_id_b
            qualify row_number() over (
                partition by placed.customer_id_a
                order by placed.match_probability, placed.record_id_a, placed.record_id_b
            ) = 1
        ),
        candidates as (
            select * from between_customers
            union all
            select * from within_customers
        )
        select candidates.*
        from candidates
        anti join settled
            on candidates.record_id_a = settled.record_id_a and candidates.record_id_b = settled.record_id_b
        anti join settled as parted
            on candidates.kind <> 'weak_link'
            and least(candidates.customer_id_a, candidates.customer_id_b) = parted.customer_id_a
            and greatest(candidates.customer_id_a, candidates.customer_id_b) = parted.customer_id_b
        order by kind, record_id_a, record_id_b
        """,
        [matching.threshold],
    )
    return int(connection.execute("select count(*) from identity.review_candidate").fetchall()[0][0])
