select
    -- ids
    order_no,
    nullif(trim(customer_no), '') as customer_no,
    nullif(trim(branch_id), '') as branch_id,
    nullif(trim(sales_rep_id), '') as sales_rep_id,

    -- kind
    status,

    -- timestamps
    ordered_at,
    updated_at
from {{ latest_version("branch__sales_order") }} as current_orders
