select
    previous_customer_id,
    customer_id,
    ended_at
from {{ source("identity", "customer_id_successor") }}
