select
    visit_id,
    nullif(trim(customer_no), '') as customer_no,
    nullif(trim(sales_rep_id), '') as sales_rep_id,
    visited_at,
    kind,
    outcome,
    note
from {{ latest_version("branch__visit") }} as current_visits
