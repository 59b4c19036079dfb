select
    postal_code_prefix,
    nullif(trim(product_category), '') as product_category,
    sales_rep_id
from {{ latest_version("branch__territory") }} as current_territories
