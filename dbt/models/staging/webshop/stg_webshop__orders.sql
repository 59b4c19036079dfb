select
    -- ids
    order_id,
    nullif(trim(order_number), '') as order_number,
    nullif(trim(customer_id), '') as webshop_customer_id,

    -- kind
    status,
    upper(nullif(trim(currency), '')) as currency,

    -- timestamps
    ordered_at,
    updated_at
from {{ latest_version("webshop__orders") }} as current_orders
