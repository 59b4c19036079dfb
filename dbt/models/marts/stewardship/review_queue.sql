{{ config(schema="identity", group="identity") }}

with candidates as (
    select * from {{ source("identity", "review_candidate") }}
),

revenue as (
    select
        customer_id,
        revenue_amount
    from {{ ref("customer_metrics") }}
),

weighed as (
    select
        candidates.*,
        coalesce(a.revenue_amount, 0)
        + case when candidates.customer_id_a <> candidates.customer_id_b then coalesce(b.revenue_amount, 0) else 0 end
            as revenue_at_stake_amount
    from candidates
    left join revenue as a on candidates.customer_id_a = a.customer_id
    left join revenue as b on candidates.customer_id_b = b.customer_id
)

select
    cast(
        row_number() over (order by revenue_at_stake_amount desc, record_id_a asc, record_id_b asc) as integer
    ) as review_rank,
    kind,
    record_id_a,
    record_id_b,
    customer_id_a,
    customer_id_b,
    match_probability,
    veto,
    cast(revenue_at_stake_amount as decimal(18, 4)) as revenue_at_stake_amount
from weighed
