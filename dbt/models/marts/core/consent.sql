select
    customer_id,
    channel,
    purpose,
    status,
    evidence,
    recorded_at,
    source_system,
    source_record_id,
    text_version,
    double_opt_in_at,
    ip_hash
from {{ ref("int_consent") }}
