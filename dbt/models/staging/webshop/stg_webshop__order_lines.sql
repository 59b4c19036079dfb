select
    -- ids
    order_id,
    line_no,
    nullif(trim(product_no), '') as product_no,
    product_name,
    nullif(trim(category), '') as category,

    -- numbers
    quantity,
    {{ to_exact_amount("net_amount") }} as net_amount,
    {{ to_exact_amount("tax_amount") }} as tax_amount,
    {{ to_exact_amount("discount_amount") }} as discount_amount,
    unit_cost as unit_cost_amount
from {{ latest_version("webshop__order_lines") }} as current_lines
