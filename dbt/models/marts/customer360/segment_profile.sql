select
    as_of_date,
    view as segment_view,
    segment,
    customers as customer_count,
    revenue_365_amount,
    margin_365_amount,
    current_value_amount,
    potential_value_amount,
    horizon_days,
    worst_amount,
    realistic_amount,
    best_amount,
    description
from {{ source("ml", "segment_profile") }}
