-- Ids that were merged away since the last run are left out until the next one.
select
    members.campaign_id,
    members.customer_id,
    members.is_held_out,
    members.drawn_on as drawn_date
from {{ source("ml", "campaign_member") }} as members
inner join {{ ref("customer") }} as customers on members.customer_id = customers.customer_id
