select
    event,
    customer_id,
    previous_customer_id,
    happened_at,
    reason
from {{ source("identity", "customer_id_event") }}
