select
    as_of_date,
    since_date,
    from_segment,
    to_segment,
    customers as customer_count,
    margin_365_amount,
    value_amount
from {{ source("ml", "segment_migration") }}
