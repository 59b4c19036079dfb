select
    event,
    customer_id,
    previous_customer_id,
    happened_at,
    reason,
    cause
from {{ source("identity", "customer_id_event") }}
