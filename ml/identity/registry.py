"""Ids that stay: which `customer_id` a cluster bears.

Belongs here: the rules by which ids are given. Does not belong here: how clusters are found (`clusters.py`)
and what is told of changes (`history.py`).

An id is born with its founding record and is `c_` and 16 hexadecimal digits of that record's SHA-256, so a
lost warehouse gives the same ids again. When clusters change,

- an old id goes with the larger part of its records; of equal parts, with the one that holds the founding
  record, else the one with the earlier record;
- a cluster that several ids claim keeps the oldest; the others end as `merged`;
- a cluster that no id claims gets a new one: `split` when its records bore one before, else `created`;
- an id without any record left ends as `erased`;
- a record whose number its source gave to somebody else (`record_state.py`) holds no old id.
"""

from __future__ import annotations

from datetime import date

import duckdb

TABLES = {
    "identity_assignment": {
        "record_id": "varchar",
        "customer_id": "varchar",
        "match_probability": "double",
        "matched_by": "varchar",
        "linked_at": "timestamp",
    },
    "customer_id_event": {
        "event_no": "bigint",
        "event": "varchar",
        "customer_id": "varchar",
        "previous_customer_id": "varchar",
        "happened_at": "timestamp",
        "cause": "varchar",
        "reason": "varchar",
    },
    "customer_id_successor": {
        "previous_customer_id": "varchar",
        "customer_id": "varchar",
        "ended_at": "timestamp",
    },
    "steward_decision": {
        "decision_id": "varchar",
        "action": "varchar",
        "record_id_a": "varchar",
        "record_id_b": "varchar",
        "author": "varchar",
        "reason": "varchar",
        "decided_at": "timestamp",
        "status": "varchar",
    },
    "reissued_record": {
        "record_id": "varchar",
        "generation": "integer",
        "reissued_at": "timestamp",
        "previous_customer_id": "varchar",
    },
    "review_candidate": {
        "kind": "varchar",
        "record_id_a": "varchar",
        "record_id_b": "varchar",
        "match_probability": "double",
        "veto": "varchar",
        "customer_id_a": "varchar",
        "customer_id_b": "varchar",
    },
    "resolved_with": {"matching_version": "varchar", "threshold": "double"},
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the persistent tables of the schema `identity`, and the columns they lack, where missing."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        listed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        connection.execute(f"create table if not exists identity.{name} ({listed})")
        for column, kind in columns.items():
            connection.execute(f"alter table identity.{name} add column if not exists {column} {kind}")
    # Events of a time before they were numbered stand in the order in which they were written.
    connection.execute("update identity.customer_id_event set event_no = rowid + 1 where event_no is null")


def assign_ids(connection: duckdb.DuckDBPyConnection) -> None:
    """Gives every cluster its id: makes the temporary tables `cluster_id`, `id_claim` and `member_before`.

    Reads the temporary table `cluster_member(record_id varchar, ordinal bigint, label bigint, founder_key
    varchar, is_reissued boolean)`, the view `assigned_before` and `living_elsewhere` (`scope.py`). `ordinal`
    counts the records from the oldest, `label` is the smallest ordinal of the cluster and `founder_key` is
    what an id is made of. `cluster_id(label, customer_id, previous_customer_id, is_new)` has one row per
    cluster, `id_claim(customer_id, label, keeps)` one per old id that has a record left, `member_before`
    every record with what it was assigned.
    """
    connection.execute(
        """
        create or replace temp table member_before as
        select
            member.*, old.customer_id as old_id, old.match_probability, old.matched_by, old.linked_at
        from cluster_member as member
        -- The condition is part of the key: beside it, the join would compare every record with every other.
        left join assigned_before as old
            on case when not member.is_reissued then member.record_id end = old.record_id
        """
    )
    # A cluster of the very records that bore one id keeps it; only the others need the rules.
    connection.execute(
        """
        create or replace temp table settled_cluster as
        with clusters as (
            select label, min(old_id) as customer_id, count(*) as record_count
            from member_before
            group by label
            having count(*) = count(old_id) and min(old_id) = max(old_id)
        ),
        held as (
            select customer_id, count(*) as record_count
            from assigned_before
            group by customer_id
        )
        select clusters.label, clusters.customer_id
        from clusters
        inner join held
            on clusters.customer_id = held.customer_id and clusters.record_count = held.record_count
        """
    )
    connection.execute(
        """
        create or replace temp table open_member as
        select member.* from member_before as member
        anti join settled_cluster on member.label = settled_cluster.label
        """
    )
    connection.execute(
        """
        create or replace temp table id_claim as
        with held as (
            select
                old_id as customer_id, label, count(*) as record_count,
                max(old_id = 'c_' || left(sha256(founder_key), 16)) as holds_founder
            from open_member
            where old_id is not null
            group by old_id, label
        ),
        claimed as (
            select customer_id, label
            from held
            qualify row_number() over (
                partition by customer_id order by record_count desc, holds_founder desc, label
            ) = 1
        ),
        born as (
            select customer_id, max(happened_at) as born_at
            from identity.customer_id_event
            where event in ('created', 'split')
            group by customer_id
        )
        select
            claimed.customer_id, claimed.label,
            row_number() over (
                partition by claimed.label order by born.born_at nulls last, claimed.customer_id
            ) = 1 as keeps
        from claimed
        left join born on claimed.customer_id = born.customer_id
        union all
        select customer_id, label, true from settled_cluster
        """
    )
    connection.execute(
        """
        create or replace temp table cluster_id as
        with kept as (
            select label, customer_id from id_claim where keeps
        ),
        nameless as (
            select
                member.record_id, member.ordinal, member.label, member.old_id as previous_customer_id,
                'c_' || left(sha256(member.founder_key), 16) as founder_id
            from open_member as member
            left join kept on member.label = kept.label
            where kept.label is null
        ),
        -- The oldest record founds the new id. That record's id may be taken: an id can stay with the
        -- larger part of a split while its founding record leaves. Then the next record founds.
        founders as (
            select nameless.label, nameless.founder_id as customer_id
            from nameless
            anti join id_claim on nameless.founder_id = id_claim.customer_id
            anti join living_elsewhere on nameless.founder_id = living_elsewhere.customer_id
            qualify row_number() over (partition by nameless.label order by nameless.ordinal) = 1
        ),
        origins as (
            select label, previous_customer_id
            from nameless
            where previous_customer_id is not null
            group by label, previous_customer_id
            qualify row_number() over (partition by label order by count(*) desc, previous_customer_id) = 1
        ),
        clusters as (
            select label, min(record_id) as record_id from nameless group by label
        ),
        -- Where every record's id is taken, the number of past events makes a new one.
        past as (
            select count(*) as event_count from identity.customer_id_event
        )
        select label, customer_id, null::varchar as previous_customer_id, false as is_new from kept
        union all
        select
            clusters.label,
            coalesce(
                founders.customer_id,
                'c_' || left(sha256(concat_ws(':', 'split', past.event_count, clusters.record_id)), 16)
            ),
            origins.previous_customer_id, true
        from clusters
        cross join past
        left join founders on clusters.label = founders.label
        left join origins on clusters.label = origins.label
        """
    )


def replace_assignment(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Writes the rows of `identity.identity_assignment` that differ; call it after `assign_ids`.

    Each record shows the strongest pair that holds it in its cluster, from the temporary tables
    `matched_pair(a, b, probability, rule)` and `used_pair(a, b)`; a and b are ordinals.
    """
    connection.execute(
        """
        create or replace temp table new_assignment as
        with used as (
            select pair.a, pair.b, pair.probability, pair.rule
            from matched_pair as pair
            semi join used_pair on used_pair.a = pair.a and used_pair.b = pair.b
        ),
        ends as (
            select a as ordinal, probability, rule from used
            union all
            select b, probability, rule from used
        ),
        strongest as (
            select ordinal, max({'probability': probability, 'rule': rule}) as pair
            from ends
            group by ordinal
        ),
        assigned as (
            select
                member.record_id,
                cluster_id.customer_id,
                coalesce(strongest.pair.probability, 1.0) as match_probability,
                coalesce(strongest.pair.rule, 'single_record') as matched_by,
                case when member.old_id = cluster_id.customer_id then member.linked_at else ?::timestamp end
                    as linked_at,
                member.old_id, member.match_probability as old_probability,
                member.matched_by as old_matched_by
            from member_before as member
            inner join cluster_id on member.label = cluster_id.label
            left join strongest on member.ordinal = strongest.ordinal
        )
        select record_id, customer_id, match_probability, matched_by, linked_at
        from assigned
        where
            old_id is distinct from customer_id
            or old_probability is distinct from match_probability
            or old_matched_by is distinct from matched_by
        """,
        [as_of],
    )
    connection.execute(
        """
        delete from identity.identity_assignment
        where
            record_id in (select record_id from new_assignment)
            or record_id in (
                select old.record_id from assigned_before as old
                anti join cluster_member on old.record_id = cluster_member.record_id
            )
        """
    )
    connection.execute(
        "insert into identity.identity_assignment by name select * from new_assignment order by record_id"
    )
