-- The ledger: nothing that was ever said is replaced, only what is in force changes.
with decisive as (
    select
        customer_id,
        channel,
        purpose,
        status,
        evidence,
        recorded_at
    from {{ ref("int_consent") }}
    where status <> 'unknown'
),

events as (
    select
        customer_id,
        channel,
        status,
        source_system,
        source_record_id,
        evidence,
        recorded_at,
        text_version,
        double_opt_in_at,
        ip_hash,
        1 as version_rank
    from {{ ref("int_consent_records") }}
    union all
    select
        customer_id,
        channel,
        status,
        source_system,
        source_record_id,
        concat('earlier version (', source_system, ':', source_record_id, ')') as evidence,
        recorded_at,
        text_version,
        double_opt_in_at,
        ip_hash,
        version_rank
    from {{ ref("int_consent_earlier") }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, channel, status, evidence, recorded_at, version_rank order by text_version
        ) as repetition
    from events
)

select
    {{ sha256_hex(
        "concat_ws('|', ranked.customer_id, ranked.channel, ranked.status, ranked.evidence, ranked.recorded_at,"
        ~ " ranked.version_rank, ranked.repetition)"
    ) }} as consent_event_id,
    ranked.customer_id,
    ranked.channel,
    'marketing' as purpose,
    ranked.status,
    ranked.evidence,
    ranked.recorded_at,
    ranked.source_system,
    ranked.source_record_id,
    ranked.text_version,
    ranked.double_opt_in_at,
    ranked.ip_hash,
    ranked.version_rank = 1 as is_current,
    ranked.version_rank = 1 and decisive.customer_id is not null as is_decisive
from ranked
left join decisive
    on
        ranked.customer_id = decisive.customer_id
        and ranked.channel = decisive.channel
        and ranked.status = decisive.status
        and ranked.evidence = decisive.evidence
        and ranked.recorded_at is not distinct from decisive.recorded_at
