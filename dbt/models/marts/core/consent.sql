select
    customer_id,
    channel,
    purpose,
    status,
    evidence,
    recorded_at
from {{ ref("int_consent") }}
