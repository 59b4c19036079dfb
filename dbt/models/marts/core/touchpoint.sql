select
    touchpoint_id,
    customer_id,
    occurred_at,
    channel,
    kind,
    subject,
    source_system,
    source_record_id
from {{ ref("int_touchpoints") }}
