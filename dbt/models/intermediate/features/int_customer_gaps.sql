-- Median days between a customer's purchase days, as known at each snapshot.
with purchase_days as (
    select
        customer_id,
        purchase_date,
        lag(purchase_date) over (partition by customer_id order by purchase_date) as previous_date
    from {{ ref("customer_purchase_day") }}
    where order_count > 0
),

gaps as (
    select
        customer_id,
        {{ days_between("previous_date", "purchase_date") }} as gap_days, -- noqa: LT05
        cast(floor(({{ days_between("purchase_date", as_of_date()) }} - 1) / 91.0) as integer) as bucket_no -- noqa: LT05
    from purchase_days
    where previous_date is not null
),

snapshots as (
    {{ snapshots() }}
)

select
    gaps.customer_id,
    snapshots.snapshot_date,
    {{ lower_median("gaps.gap_days") }} as median_gap_days
from gaps
inner join snapshots on gaps.bucket_no >= snapshots.snapshot_no
group by gaps.customer_id, snapshots.snapshot_date
