"""Which records a resolution looks at: all of them, or those that a day's changes can reach.

What a cluster holds follows from the positive pairs around it and from the ids its records bore. So a change
reaches the records that such pairs and ids connect with the changed ones, and no others. Belongs here: that
closure and the views on the records in it. Does not belong here: what is done with them.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from ml.identity.clusters import components
from ml.identity.evidence import Matching

_CONNECTED = """
    select hash(record_id_a) as a, hash(record_id_b) as b from identity.pair_score
    where match_probability >= ?
    union all
    select hash(representative_id), hash(record_id) from identity.int_record_keys
    where representative_id <> record_id
    union all
    select hash(record_id_a), hash(record_id_b) from new_decision where status = 'in_force'
    union all
    select hash('customer ' || customer_id), hash(record_id) from identity.identity_assignment
"""
"""Records as hashes: two of one hash would make the scope larger, never too small."""

_SEEDS = """
    select hash(record_id) from record_change
    union
    select hash(record_id_a) from identity.rescored_pair
    union
    select hash(record_id_b) from identity.rescored_pair
"""


def take_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Every record: makes the temporary `scoped_record`, `assigned_before` and `living_elsewhere`."""
    connection.execute(
        "create or replace temp view scoped_record as"
        " select record_id, created_at from identity.int_source_records"
    )
    connection.execute(
        "create or replace temp view assigned_before as select * from identity.identity_assignment"
    )
    connection.execute("create or replace temp table living_elsewhere (customer_id varchar)")


def take_reached(connection: duckdb.DuckDBPyConnection, matching: Matching) -> int:
    """The records that changes reach; makes the same as `take_all` of them alone. Returns how many there are.

    Reads `identity.rescored_pair`, `pair_score`, `int_record_keys` and `identity_assignment`, and the
    temporary tables `record_change` and `new_decision`. `living_elsewhere` are the ids of all other records.
    """
    pairs = connection.execute(_CONNECTED, [matching.threshold]).fetchnumpy()
    seeds = np.asarray(next(iter(connection.execute(_SEEDS).fetchnumpy().values())), dtype=np.uint64)
    a, b = (np.asarray(pairs[name], dtype=np.uint64) for name in ("a", "b"))
    nodes, index = np.unique(np.concatenate([a, b, seeds]), return_inverse=True)
    part = components(len(nodes), index[: len(a)], index[len(a) : 2 * len(a)])
    reached = np.zeros(len(nodes), dtype=bool)
    reached[part[index[2 * len(a) :]]] = True
    connection.register("reached_hashes", pa.table({"record_hash": nodes[reached[part]]}))
    connection.execute("create or replace temp table reached as select * from reached_hashes")
    connection.unregister("reached_hashes")
    connection.execute(
        """
        create or replace temp table reached_record as
        select record.record_id, record.created_at
        from identity.int_source_records as record
        semi join reached on hash(record.record_id) = reached.record_hash
        """
    )
    connection.execute("create or replace temp view scoped_record as select * from reached_record")
    connection.execute(
        """
        create or replace temp table reached_assignment as
        select assigned.* from identity.identity_assignment as assigned
        semi join reached on hash(assigned.record_id) = reached.record_hash
        """
    )
    connection.execute("create or replace temp view assigned_before as select * from reached_assignment")
    connection.execute(
        """
        create or replace temp table living_elsewhere as
        select distinct assigned.customer_id from identity.identity_assignment as assigned
        anti join reached on hash(assigned.record_id) = reached.record_hash
        """
    )
    return int(connection.execute("select count(*) from reached_record").fetchall()[0][0])
