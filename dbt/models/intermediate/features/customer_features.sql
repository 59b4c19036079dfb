with snapshots as (
    {{ snapshots() }}
),

buckets as (
    select * from {{ ref("int_customer_activity_buckets") }}
),

facts as (
    select
        buckets.customer_id,
        snapshots.snapshot_date,
        min(buckets.first_purchase_date) as first_purchase_date,
        max(buckets.last_purchase_date) as last_purchase_date,
        {{ sum_before("purchase_days") }} as purchase_days,
        {{ sum_91_days("purchase_days") }} as purchase_days_91,
        {{ sum_365_days("purchase_days") }} as purchase_days_365,
        {{ sum_before("net_amount") }} as net_amount,
        {{ sum_91_days("net_amount") }} as net_amount_91,
        {{ sum_365_days("net_amount") }} as net_amount_365,
        {{ sum_before("margin_amount") }} as margin_amount,
        {{ sum_91_days("margin_amount") }} as margin_amount_91,
        {{ sum_365_days("margin_amount") }} as margin_amount_365,
        {{ sum_before("margin_days") }} as margin_days,
        {{ sum_before("return_amount") }} as return_amount,
        {{ sum_before("new_channels") }} as channel_count,
        {{ sum_before("new_categories") }} as category_count,
        {{ sum_365_days("tickets") }} as tickets_365,
        {{ sum_365_days("complaints") }} as complaints_365,
        {{ sum_91_days("mail_opens") }} as mail_opens_91,
        {{ sum_91_days("mail_clicks") }} as mail_clicks_91
    from buckets
    inner join snapshots on buckets.bucket_no >= snapshots.snapshot_no
    group by buckets.customer_id, snapshots.snapshot_date
)

select
    facts.customer_id,
    facts.snapshot_date,
    facts.first_purchase_date,
    facts.last_purchase_date,
    cast({{ days_between("facts.last_purchase_date", "facts.snapshot_date") }} as integer) as recency_days, -- noqa: LT05
    cast({{ days_between("facts.first_purchase_date", "facts.snapshot_date") }} as integer) as tenure_days, -- noqa: LT05
    cast(facts.purchase_days as integer) as purchase_days,
    cast(facts.purchase_days_91 as integer) as purchase_days_91,
    cast(facts.purchase_days_365 as integer) as purchase_days_365,
    {{ to_exact_amount("facts.net_amount") }} as net_amount,
    {{ to_exact_amount("facts.net_amount_91") }} as net_amount_91,
    {{ to_exact_amount("facts.net_amount_365") }} as net_amount_365,
    -- Margin stays unknown for a customer none of whose purchases has a known cost.
    {{ to_exact_amount("case when facts.margin_days > 0 then facts.margin_amount end") }} as margin_amount,
    {{ to_exact_amount("case when facts.margin_days > 0 then facts.margin_amount_91 end") }} as margin_amount_91,
    {{ to_exact_amount("case when facts.margin_days > 0 then facts.margin_amount_365 end") }} as margin_amount_365,
    cast(gaps.median_gap_days as integer) as median_gap_days,
    round(
        {{ divide(days_between("facts.last_purchase_date", "facts.snapshot_date"), "gaps.median_gap_days") }}, 4
    ) as gap_ratio,
    {{ return_share_pct("facts.return_amount", "facts.net_amount") }} as return_share_pct,
    cast(facts.channel_count as integer) as channel_count,
    cast(facts.category_count as integer) as category_count,
    cast(facts.tickets_365 as integer) as tickets_365,
    cast(facts.complaints_365 as integer) as complaints_365,
    cast(facts.mail_opens_91 as integer) as mail_opens_91,
    cast(facts.mail_clicks_91 as integer) as mail_clicks_91
from facts
left join {{ ref("int_customer_gaps") }} as gaps
    on
        facts.customer_id = gaps.customer_id
        and facts.snapshot_date = gaps.snapshot_date
where facts.first_purchase_date is not null
