/*
Most restrictive wins: one withdrawal beats every grant, of whatever record and age. The one exception is a later double
opt-in of the same address, which only its owner can have given. A withdrawal without a date is the newest.
*/
with statements as (
    select * from {{ ref("int_consent_records") }}
),

double_opt_ins as (
    select
        customer_id,
        channel,
        address,
        max(recorded_at) as confirmed_at
    from statements
    where is_double_opt_in and status = 'granted'
    group by customer_id, channel, address
),

valid as (
    select
        statements.*,
        case statements.status when 'withdrawn' then 1 when 'granted' then 2 else 3 end as restriction_rank
    from statements
    left join double_opt_ins
        on
            statements.customer_id = double_opt_ins.customer_id
            and statements.channel = double_opt_ins.channel
            and statements.address = double_opt_ins.address
    where
        statements.status <> 'withdrawn'
        or double_opt_ins.confirmed_at is null
        or statements.recorded_at is null
        or double_opt_ins.confirmed_at <= statements.recorded_at
),

ranked as (
    select
        *,
        row_number() over (
            partition by customer_id, channel
            order by restriction_rank asc, recorded_at desc nulls last, evidence asc, address asc
        ) as statement_rank
    from valid
),

customers as (
    select distinct customer_id
    from {{ source("identity", "identity_assignment") }}
),

channels as (
    select 'email' as channel
    union all
    select 'phone' as channel
    union all
    select 'post' as channel
)

select
    customers.customer_id,
    channels.channel,
    'marketing' as purpose,
    coalesce(ranked.status, 'unknown') as status,
    coalesce(ranked.evidence, 'no record') as evidence,
    ranked.recorded_at,
    ranked.source_system,
    ranked.source_record_id,
    ranked.text_version,
    ranked.double_opt_in_at,
    ranked.ip_hash
from customers
cross join channels
left join ranked
    on
        customers.customer_id = ranked.customer_id
        and channels.channel = ranked.channel
        and ranked.statement_rank = 1
