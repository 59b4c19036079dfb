select
    product_no,
    name,
    nullif(trim(category), '') as category,
    list_price as list_price_amount,
    unit_cost as unit_cost_amount
from {{ latest_version("webshop__products") }} as current_products
