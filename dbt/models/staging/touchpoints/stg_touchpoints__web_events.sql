select
    _row_hash as web_event_id,
    visitor_id,
    nullif(trim(email), '') as email,
    event,
    nullif(trim(product_no), '') as product_no,
    url,
    ts as occurred_at
from {{ latest_version("touchpoints__web_events") }} as current_events
