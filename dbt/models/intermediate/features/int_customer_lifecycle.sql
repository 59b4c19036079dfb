with customers as (
    select distinct customer_id
    from {{ source("identity", "identity_assignment") }}
),

latest_stage as (
    select
        customer_id,
        to_stage,
        row_number() over (partition by customer_id order by changed_at desc) as recency_rank
    from {{ ref("int_lifecycle_events") }}
),

first_purchase_days as (
    select
        customer_id,
        min(purchase_date) as first_date
    from {{ ref("customer_purchase_day") }}
    where order_count > 0
    group by customer_id
),

first_purchases as (
    select
        sales.customer_id,
        min(sales.sold_at) as became_customer_at
    from {{ ref("int_sales") }} as sales
    inner join first_purchase_days
        on
            sales.customer_id = first_purchase_days.customer_id
            and cast(sales.sold_at as date) = first_purchase_days.first_date
    where sales.purchase_count > 0
    group by sales.customer_id
)

select
    customers.customer_id,
    coalesce(latest_stage.to_stage, 'lead') as lifecycle_stage,
    first_purchases.became_customer_at is not null as is_customer,
    first_purchases.became_customer_at
from customers
left join latest_stage
    on
        customers.customer_id = latest_stage.customer_id
        and latest_stage.recency_rank = 1
left join first_purchases on customers.customer_id = first_purchases.customer_id
