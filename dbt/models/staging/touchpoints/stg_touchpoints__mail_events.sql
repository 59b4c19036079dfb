select
    -- An event has no key of its own: its content is its identity.
    _row_hash as mail_event_id,
    event,
    nullif(trim(email), '') as email,
    nullif(trim(campaign_id), '') as campaign_id,
    campaign_name,
    ts as occurred_at
from {{ latest_version("touchpoints__mail_events") }} as current_events
