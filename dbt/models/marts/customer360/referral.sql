select
    lead_id,
    referred_at,
    referred_by,
    customer_id,
    referrer_customer_id,
    resolved_by
from {{ ref("int_referrals") }}
