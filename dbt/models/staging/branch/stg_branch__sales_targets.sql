select
    sales_rep_id,
    month as month_date,
    {{ to_exact_amount("revenue") }} as revenue_amount,
    {{ to_exact_amount("margin") }} as margin_amount
from {{ latest_version("branch__sales_target") }} as current_targets
