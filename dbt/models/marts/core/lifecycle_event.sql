select
    customer_id,
    from_stage,
    to_stage,
    changed_at
from {{ ref("int_lifecycle_events") }}
