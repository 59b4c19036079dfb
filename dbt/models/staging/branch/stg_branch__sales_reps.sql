select
    sales_rep_id,
    name,
    email
from {{ latest_version("branch__sales_rep") }} as current_sales_reps
