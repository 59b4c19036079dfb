select
    -- ids
    ticket_id,
    nullif(trim(customer_ref), '') as customer_ref,
    nullif(trim(email), '') as email,
    nullif(trim(phone), '') as phone,

    -- kind
    channel,
    topic,
    coalesce(is_complaint, false) as is_complaint,
    satisfaction,

    -- timestamps
    opened_at,
    closed_at
from {{ latest_version("touchpoints__tickets") }} as current_tickets
