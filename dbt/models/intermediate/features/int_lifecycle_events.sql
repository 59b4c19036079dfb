/*
How a customer's stage changed. Everything follows from the purchase days: each purchase sets a stage, and silence
after it sets two more, lapsing and lost, unless the next purchase comes first. Thresholds: config/lifecycle.yml.
*/
{% set loyal_purchases = var("lifecycle_loyal_purchases") %}
with purchase_days as (
    select
        customer_id,
        purchase_date,
        {{ days_between("cast('2000-01-01' as date)", "purchase_date") }} as day_no  -- noqa: LT05
    from {{ ref("customer_purchase_day") }}
    where order_count > 0
),

gaps as (
    select
        customer_id,
        purchase_date,
        day_no,
        day_no - lag(day_no) over (partition by customer_id order by day_no) as gap_days,
        lead(purchase_date) over (partition by customer_id order by day_no) as next_date,
        row_number() over (partition by customer_id order by day_no) as purchase_no,
        count(*) over (
            partition by customer_id
            order by day_no
            range between {{ var("lifecycle_loyal_window_days") - 1 }} preceding and current row
        ) as purchases_in_window
    from purchase_days
),

rhythms as (
    select
        *,
        {{ running_lower_median("gap_days", "customer_id", "day_no") }} as median_gap_days
    from gaps
),

thresholds as (
    select
        *,
        {{ silence_days("lapsing") }} as lapsing_days,
        greatest({{ silence_days("lost") }}, 1 + {{ silence_days("lapsing") }}) as lost_days
    from rhythms
),

purchases as (
    select
        *,
        lag(lost_days) over (partition by customer_id order by day_no) as previous_lost_days
    from thresholds
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

stages as (
    select
        first_seen.customer_id,
        first_seen.seen_date as changed_date,
        'lead' as to_stage
    from first_seen
    left join purchases on first_seen.customer_id = purchases.customer_id and purchases.purchase_no = 1
    where purchases.purchase_date is null or first_seen.seen_date < purchases.purchase_date
    union all
    select
        customer_id,
        purchase_date as changed_date,
        {{ stage_after_purchase("gap_days", "purchases_in_window", loyal_purchases, "previous_lost_days") }} as to_stage
    from purchases
    union all
    {% for stage in ["lapsing", "lost"] %}
        {% set silent_from = dbt.dateadd("day", stage ~ "_days", "purchase_date") %}
        select
            customer_id,
            cast({{ silent_from }} as date) as changed_date,
            '{{ stage }}' as to_stage
        from purchases
        where {{ silent_from }} < coalesce(next_date, {{ as_of_date() }})
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
