"""Contacts at the destination that the sync does not select any more, and what becomes of each.

Who stated an opt-out is opted out, first and whatever the guards say. Who has merely lost a consent on record
or has vanished is put aside, within the guards: a truncated table looks the same. Belongs here: that
decision.
"""

from __future__ import annotations

import duckdb

from exports.engine.destination import Capabilities, Operation
from exports.engine.optouts import Gate
from exports.sync import Sync


def plan_removals(
    connection: duckdb.DuckDBPyConnection, sync: Sync, capabilities: Capabilities, gate: Gate
) -> None:
    """Adds to the temporary table `planned`; reads `contact`, `wanted`, `verdict`, `decision`."""
    can = capabilities.operations
    aside = Operation.ARCHIVE if Operation.ARCHIVE in can else Operation.WITHDRAW
    merge = Operation.MERGE if Operation.MERGE in can else aside
    leaving = {"mirror": "'delete'", "archive": "'archive'"}.get(sync.mode, "null")
    has_successors = connection.execute(
        "select count(*) from duckdb_columns() where schema_name = 'marts' "
        "and table_name = 'previous_customer_id'"
    ).fetchone()
    successors = (
        "select previous_customer_id as key, min(customer_id) as into_key "
        "from marts.previous_customer_id group by 1"
        if has_successors and has_successors[0]
        else "select null::varchar as key, null::varchar as into_key where false"
    )
    connection.execute(
        f"""
        insert into planned
        with successors as ({successors}),

        verdicts as (select key, any_value(verdict) as verdict from verdict group by key),

        leaving as (
            select
                contact.*,
                coalesce(successors.into_key, contact.key) as life_id,
                successors.into_key,
                verdicts.verdict as own_verdict
            from contact
            left join wanted on contact.key = wanted.key
            left join verdicts on contact.key = verdicts.key
            left join successors on contact.key = successors.key and verdicts.key is null
            where contact.state = 'present' and wanted.key is null
        ),

        judged as (
            select
                leaving.*,
                case
                    when own_verdict in ('withdrawn', 'opted_out') or decision.decision = 'withdrawn'
                        or {gate.opted_out("leaving.key", "leaving.identity")}
                        or {gate.opted_out("leaving.life_id", "leaving.identity")} then 'consent withdrawn'
                    when own_verdict = 'erased' or {gate.erased("leaving.key")} then 'erased'
                    when into_key is not null and (winner.key is not null or known.key is not null) then
                    'merged' when decision.decision = 'granted' then 'left the segment'
                    when decision.decision is null then 'gone'
                    else 'no consent on record'
                end as reason
            from leaving
            left join decision on leaving.life_id = decision.customer_id
            left join wanted as winner on leaving.into_key = winner.key
            left join contact as known on leaving.into_key = known.key and known.state = 'present'
        ),

        decided as (
            select
                *,
                case reason
                    when 'consent withdrawn' then 'withdraw'
                    when 'merged' then '{merge}'
                    when 'left the segment' then case when is_owned = 1 then {leaving} end
                    when 'erased' then null
                    else '{aside}'
                end as operation
            from judged
        )

        select
            key, operation, reason, null, null, null, identity, null, remote_id,
            case when operation = 'merge' then into_key end,
            '{sync.consent.channel}'
        from decided
        where operation is not null
        """
    )
