select
    product_no,
    name,
    nullif(trim(category), '') as category,
    list_price as list_price_amount,
    unit_cost as unit_cost_amount
from {{ latest_version("branch__product") }} as current_products
