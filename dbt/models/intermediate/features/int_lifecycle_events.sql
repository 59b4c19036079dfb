/*
How a customer's stage changed. Everything follows from the purchase days: each purchase sets a stage, and silence
after it sets two more, lapsing and lost, unless the next purchase comes first. Thresholds are dbt vars.
*/
{% set loyal_purchases = var("lifecycle_loyal_purchases") %}
{% set loyal_window_days = var("lifecycle_loyal_window_days") %}
{% set lapsing_days = var("lifecycle_lapsing_days") %}
{% set lost_days = var("lifecycle_lost_days") %}
with purchase_days as (
    select
        customer_id,
        purchase_date,
        cast('2000-01-01' as date) as day_zero
    from {{ ref("customer_purchase_day") }}
    where order_count > 0
),

numbered_days as (
    select
        customer_id,
        purchase_date,
        {{ days_between("day_zero", "purchase_date") }} as day_no
    from purchase_days
),

purchases as (
    select
        customer_id,
        purchase_date,
        day_no - lag(day_no) over (partition by customer_id order by day_no) as gap_days,
        lead(purchase_date) over (partition by customer_id order by day_no) as next_date,
        count(*) over (
            partition by customer_id
            order by day_no
            range between {{ loyal_window_days - 1 }} preceding and current row
        ) as purchases_in_window
    from numbered_days
),

first_seen as (
    select
        assignment.customer_id,
        cast(min(records.created_at) as date) as seen_date
    from {{ ref("int_source_records") }} as records
    inner join {{ source("identity", "identity_assignment") }} as assignment
        on records.record_id = assignment.record_id
    where records.created_at < {{ as_of_at() }}
    group by assignment.customer_id
),

first_purchases as (
    select
        customer_id,
        min(purchase_date) as first_date
    from purchases
    group by customer_id
),

stages as (
    select
        first_seen.customer_id,
        first_seen.seen_date as changed_date,
        'lead' as to_stage
    from first_seen
    left join first_purchases on first_seen.customer_id = first_purchases.customer_id
    where first_purchases.first_date is null or first_seen.seen_date < first_purchases.first_date
    union all
    select
        customer_id,
        purchase_date as changed_date,
        {{ stage_after_purchase("gap_days", "purchases_in_window", loyal_purchases, lost_days) }} as to_stage
    from purchases
    union all
    {% for stage, days in [("lapsing", lapsing_days), ("lost", lost_days)] %}
        select
            customer_id,
            cast({{ dbt.dateadd("day", days, "purchase_date") }} as date) as changed_date,
            '{{ stage }}' as to_stage
        from purchases
        where {{ dbt.dateadd("day", days, "purchase_date") }} < coalesce(next_date, {{ as_of_date() }})
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

with_previous as (
    select
        customer_id,
        changed_date,
        to_stage,
        lag(to_stage) over (partition by customer_id order by changed_date) as from_stage
    from stages
)

select
    customer_id,
    from_stage,
    to_stage,
    cast(changed_date as timestamp) as changed_at
from with_previous
where from_stage is null or from_stage <> to_stage
