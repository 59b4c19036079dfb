-- Ids that were merged away since the last scoring are left out until the next one.
select
    scores.customer_id,
    scores.as_of_date,
    scores.horizon_days,
    scores.expected_purchases,
    scores.alive_probability,
    scores.clv_amount,
    scores.clv_low_amount,
    scores.clv_high_amount,
    scores.model_version
from {{ source("ml", "customer_clv") }} as scores
inner join {{ ref("customer") }} as customers on scores.customer_id = customers.customer_id
