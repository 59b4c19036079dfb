/*
How a customer came to us: source and campaign of the oldest record, and the first branch, which is that of the oldest
record that names one, else the place of the first purchase.
*/
with records as (
    select
        customer_records.customer_id,
        customer_records.record_id,
        customer_records.first_source,
        customer_records.branch_id,
        coalesce(customer_records.created_at, customer_records.updated_at) as seen_at,
        leads.campaign
    from {{ ref("int_customer_records") }} as customer_records
    left join {{ ref("stg_leads__leads") }} as leads
        on
            customer_records.source_system = 'leads'
            and customer_records.source_record_id = leads.lead_id
),

ranked as (
    select
        *,
        row_number() over (partition by customer_id order by seen_at nulls last, record_id) as seen_rank,
        row_number() over (
            partition by customer_id order by branch_id is null, seen_at nulls last, record_id
        ) as branch_rank
    from records
),

sales as (
    select
        customer_id,
        location_id,
        row_number() over (partition by customer_id order by sold_at, sale_id) as sale_rank
    from {{ ref("int_sales") }}
    where customer_id is not null and location_id is not null and purchase_count > 0
)

select
    first_records.customer_id,
    first_records.first_source,
    first_records.campaign as first_campaign,
    coalesce(branch_records.branch_id, sales.location_id) as first_branch_id
from ranked as first_records
left join ranked as branch_records
    on first_records.customer_id = branch_records.customer_id and branch_records.branch_rank = 1
left join sales on first_records.customer_id = sales.customer_id and sales.sale_rank = 1
where first_records.seen_rank = 1
