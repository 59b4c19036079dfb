select
    -- ids
    order_no,
    line_no,
    nullif(trim(product_no), '') as product_no,

    -- numbers
    quantity,
    {{ to_exact_amount("net_amount") }} as net_amount,
    {{ to_exact_amount("tax_amount") }} as tax_amount,
    {{ to_exact_amount("discount_amount") }} as discount_amount,
    unit_cost as unit_cost_amount
from {{ latest_version("branch__sales_order_line") }} as current_lines
