"""The life of customer ids: what happened to them in a run and why, and which id follows an old one.

Belongs here: `identity.customer_id_event`, `identity.customer_id_successor`. Does not belong here: which id a
cluster bears (`registry.py`).

Causes of an event, the first that applies to a record of the customers concerned: `reissued_record`,
`steward_decision`, `new_record`, `changed_record`, `removed_record`, `weights_version` (other weights or
another threshold), `other_records` (evidence that depends on all records, such as how rare a name is).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

import duckdb

from stammkunde.errors import UserError


class Events(NamedTuple):
    """How many ids were created, merged away, split off and erased."""

    created: int
    merged: int
    split: int
    erased: int


class Successor(NamedTuple):
    """What became of an id. `customer_id` is null when no record of it is left."""

    customer_id: str | None
    steps: list[str]


def find_events(connection: duckdb.DuckDBPyConnection, matching_changed: bool) -> Events:
    """Makes the temporary table `new_event` of what changed since the previous state; empty if nothing did.

    Call it after `assign_ids` and before the previous assignment is replaced. Reads the temporary table
    `record_change(record_id, cause)`. `matching_changed`: weights, threshold or configuration are not those
    of the previous run.
    """
    connection.execute(
        """
        create or replace temp table bare_event as
        select
            case when previous_customer_id is null then 'created' else 'split' end as event,
            customer_id, previous_customer_id
        from cluster_id
        where is_new
        union all
        select 'merged', kept.customer_id, lost.customer_id
        from id_claim as lost
        inner join id_claim as kept on lost.label = kept.label and kept.keeps
        where not lost.keeps
        union all
        select 'erased', old.customer_id, null
        from (select distinct customer_id from assigned_before) as old
        anti join id_claim on old.customer_id = id_claim.customer_id
        """
    )
    connection.execute(
        """
        create or replace temp table new_event as
        with changes as (
            select change.cause, old.customer_id as old_id, cluster_id.customer_id as new_id
            from record_change as change
            left join assigned_before as old on change.record_id = old.record_id
            left join cluster_member as member on change.record_id = member.record_id
            left join cluster_id on member.label = cluster_id.label
        ),
        concerned as (
            select cause, old_id as customer_id from changes
            union
            select cause, new_id from changes
        ),
        causes as (
            select customer_id, min({'place': list_position(?, cause), 'cause': cause}) as first_cause
            from concerned
            where customer_id is not null
            group by customer_id
        )
        select
            bare.event, bare.customer_id, bare.previous_customer_id,
            coalesce(least(own.first_cause, previous.first_cause).cause, ?) as cause
        from bare_event as bare
        left join causes as own on bare.customer_id = own.customer_id
        left join causes as previous on bare.previous_customer_id = previous.customer_id
        """,
        [RECORD_CAUSES, "weights_version" if matching_changed else "other_records"],
    )
    counts = dict(connection.execute("select event, count(*) from new_event group by event").fetchall())
    return Events(*(int(counts.get(name, 0)) for name in Events._fields))


RECORD_CAUSES = ["reissued_record", "steward_decision", "new_record", "changed_record", "removed_record"]

_REASON = """
    case event
        when 'created' then
            case when cause = 'reissued_record' then 'its source gave the number to somebody else'
            else 'first seen' end
        when 'split' then 'its records no longer match those of the previous customer'
        when 'merged' then 'the records of both match: the older id stays'
        when 'erased' then
            case when cause = 'reissued_record' then 'its source gave the number to somebody else'
            else 'no source record is left' end
    end
    || case cause
        when 'steward_decision' then '; a steward decided'
        when 'changed_record' then '; a record changed'
        when 'new_record' then case when event = 'created' then '' else '; a record is new' end
        when 'removed_record' then case when event = 'erased' then '' else '; a record is gone' end
        when 'weights_version' then '; the matching changed'
        when 'other_records' then '; other records changed what the evidence is worth'
        else ''
    end
"""


def append_events(connection: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Appends `new_event` to `identity.customer_id_event`, numbered, and renews the successors if need be."""
    (count,) = connection.execute("select count(*) from new_event").fetchall()[0]
    if not count:
        return
    connection.execute(
        f"""
        insert into identity.customer_id_event by name
        select
            past.last_no + row_number() over (order by event, customer_id, previous_customer_id) as event_no,
            event, customer_id, previous_customer_id, ?::timestamp as happened_at, cause, {_REASON} as reason
        from new_event
        cross join (select coalesce(max(event_no), 0) as last_no from identity.customer_id_event) as past
        order by event_no
        """,
        [as_of],
    )


def replace_successors(connection: duckdb.DuckDBPyConnection) -> None:
    """Renews `identity.customer_id_successor`: for every id that ended the living id that follows it, if any.

    Merges chain: a → b → c gives c for a. Call it after the assignment is replaced.
    """
    (events,) = connection.execute("select count(*) from new_event").fetchall()[0]
    if not events:
        return
    connection.execute("delete from identity.customer_id_successor")
    connection.execute(
        """
        insert into identity.customer_id_successor by name
        with recursive living as (
            select distinct customer_id from identity.identity_assignment
        ),
        endings as (
            select
                case event when 'merged' then previous_customer_id else customer_id end as ended_id,
                case event when 'merged' then customer_id end as heir_id,
                happened_at, event_no
            from identity.customer_id_event
            where event in ('merged', 'erased')
        ),
        -- The last ending counts: an id can come back with its founding record.
        ended as (
            select endings.ended_id, endings.heir_id, endings.happened_at
            from endings
            anti join living on endings.ended_id = living.customer_id
            qualify row_number() over (partition by endings.ended_id order by endings.event_no desc) = 1
        ),
        followed as (
            select ended_id, heir_id, happened_at, 1 as step from ended
            union all
            select followed.ended_id, ended.heir_id, followed.happened_at, followed.step + 1
            from followed
            inner join ended on followed.heir_id = ended.ended_id
        )
        select
            ended_id as previous_customer_id, arg_max(coalesce(heir_id, ''), step) as customer_id,
            max(happened_at) as ended_at
        from followed
        group by ended_id
        order by ended_id
        """
    )
    connection.execute("update identity.customer_id_successor set customer_id = null where customer_id = ''")


def whois(connection: duckdb.DuckDBPyConnection, customer_id: str) -> Successor:
    """Who an id means today, with every event of its life in words.

    Raises UserError for an id that never was.
    """
    events = connection.execute(
        """
        select event, customer_id, previous_customer_id, happened_at, reason
        from identity.customer_id_event
        where customer_id = $id or previous_customer_id = $id
        order by event_no
        """,
        {"id": customer_id},
    ).fetchall()
    (alive,) = connection.execute(
        "select count(*) from identity.identity_assignment where customer_id = ?", [customer_id]
    ).fetchall()[0]
    if not events and not alive:
        raise UserError(f"{customer_id} is no customer id that was ever given")
    steps = [_in_words(customer_id, *event) for event in events]
    if alive:
        return Successor(customer_id, steps)
    found = connection.execute(
        "select customer_id from identity.customer_id_successor where previous_customer_id = ?",
        [customer_id],
    ).fetchall()
    return Successor(found[0][0] if found else None, steps)


def _in_words(
    asked: str, event: str, customer_id: str, previous: str | None, happened_at: datetime, reason: str
) -> str:
    what = {
        "created": "created",
        "erased": "ended",
        "merged": f"merged into {customer_id}" if previous == asked else f"took in {previous}",
        "split": f"split from {previous}" if customer_id == asked else f"{customer_id} split from it",
    }[event]
    return f"{happened_at:%Y-%m-%d}: {what} ({reason})"
