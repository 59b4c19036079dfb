with members as (
    select
        households.household_id,
        customers.*
    from {{ ref("int_household_members") }} as households
    inner join {{ ref("int_golden_records") }} as customers on households.customer_id = customers.customer_id
),

-- Spellings differ between members; the one seen first names the household.
ranked as (
    select
        *,
        row_number() over (partition by household_id order by first_seen_at nulls last, customer_id) as seen_rank
    from members
),

sizes as (
    select
        household_id,
        cast(count(*) as integer) as member_count,
        {{ list_agg_sorted("customer_id") }} as member_customer_ids
    from members
    group by household_id
)

select
    ranked.household_id,
    ranked.last_name,
    ranked.street,
    ranked.house_no,
    ranked.postal_code,
    ranked.city,
    ranked.country,
    sizes.member_count,
    sizes.member_customer_ids
from ranked
inner join sizes on ranked.household_id = sizes.household_id
where ranked.seen_rank = 1
