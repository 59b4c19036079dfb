"""Ids that stay: which `customer_id` a cluster bears, and what happened to ids since the last run.

Belongs here: the rules of an id's life. Does not belong here: how clusters are found (`clusters.py`).

An id is born with its founding record and is `c_` and 16 hexadecimal digits of that record's SHA-256, so a
lost warehouse gives the same ids again. When clusters change,

- an old id goes with the larger part of its records; of equal parts, with the one that holds the founding
  record, else the one with the earlier record;
- a cluster that several ids claim keeps the oldest; the others end as `merged`;
- a cluster that no id claims gets a new one: `split` when its records bore one before, else `created`;
- an id without any record left ends as `erased`.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import duckdb


class Events(NamedTuple):
    """How many ids were created, merged away, split off and erased."""

    created: int
    merged: int
    split: int
    erased: int


TABLES = {
    "identity_assignment": (
        "record_id varchar, customer_id varchar, match_probability double, matched_by varchar, "
        "linked_at timestamp"
    ),
    "customer_id_event": (
        "event varchar, customer_id varchar, previous_customer_id varchar, happened_at timestamp, "
        "reason varchar"
    ),
}


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Makes the persistent tables of the schema `identity` where they are missing."""
    connection.execute("create schema if not exists identity")
    for name, columns in TABLES.items():
        connection.execute(f"create table if not exists identity.{name} ({columns})")


def assign_ids(connection: duckdb.DuckDBPyConnection) -> None:
    """Gives every cluster its id: makes the temporary tables `cluster_id` and `id_claim`.

    Reads the temporary table `cluster_member(record_id varchar, ordinal bigint, label bigint)`, where
    `ordinal` counts the records from the oldest and `label` is the smallest ordinal of the cluster, and the
    previous state in `identity`. `cluster_id(label, customer_id, previous_customer_id, is_new)` has one row
    per cluster, `id_claim(customer_id, label, keeps)` one per old id that has a record left.
    """
    connection.execute(
        """
        create or replace temp table id_claim as
        with held as (
            select
                old.customer_id, member.label, count(*) as record_count,
                max(old.customer_id = 'c_' || left(sha256(old.record_id), 16)) as holds_founder
            from identity.identity_assignment as old
            inner join cluster_member as member on old.record_id = member.record_id
            group by old.customer_id, member.label
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
        """
    )
    connection.execute(
        """
        create or replace temp table cluster_id as
        with kept as (
            select label, customer_id from id_claim where keeps
        ),
        nameless as (
            select member.record_id, member.ordinal, member.label, old.customer_id as previous_customer_id
            from cluster_member as member
            left join kept on member.label = kept.label
            left join identity.identity_assignment as old on member.record_id = old.record_id
            where kept.label is null
        ),
        -- The oldest record founds the new id. That record's id may be taken: an id can stay with the
        -- larger part of a split while its founding record leaves. Then the next record founds.
        founders as (
            select nameless.label, 'c_' || left(sha256(nameless.record_id), 16) as customer_id
            from nameless
            anti join id_claim on 'c_' || left(sha256(nameless.record_id), 16) = id_claim.customer_id
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


def record_events(connection: duckdb.DuckDBPyConnection, as_of: date) -> Events:
    """Appends what changed since the previous state to `identity.customer_id_event`; nothing if nothing did.

    Call it after `assign_ids` and before the previous assignment is replaced.
    """
    connection.execute(
        """
        create or replace temp table new_event as
        select
            case when previous_customer_id is null then 'created' else 'split' end as event,
            customer_id, previous_customer_id,
            case
                when previous_customer_id is null then 'first seen'
                else 'its records no longer match those of the previous customer'
            end as reason
        from cluster_id
        where is_new
        union all
        select 'merged', kept.customer_id, lost.customer_id, 'the records of both match: the older id stays'
        from id_claim as lost
        inner join id_claim as kept on lost.label = kept.label and kept.keeps
        where not lost.keeps
        union all
        select 'erased', old.customer_id, null, 'no source record is left'
        from (select distinct customer_id from identity.identity_assignment) as old
        anti join id_claim on old.customer_id = id_claim.customer_id
        """
    )
    connection.execute(
        """
        insert into identity.customer_id_event
        select event, customer_id, previous_customer_id, ?::timestamp, reason
        from new_event
        order by event, customer_id, previous_customer_id
        """,
        [as_of],
    )
    counts = dict(connection.execute("select event, count(*) from new_event group by event").fetchall())
    return Events(*(int(counts.get(name, 0)) for name in Events._fields))
