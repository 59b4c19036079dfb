-- Ids that were merged away since the last scoring are left out until the next one.
select
    scores.customer_id,
    scores.as_of_date,
    scores.horizon_days,
    scores.churn_probability,
    scores.risk_band,
    scores.reasons,
    scores.margin_at_risk_amount,
    scores.alarm_rank,
    scores.model_version
from {{ source("ml", "customer_churn") }} as scores
inner join {{ ref("customer") }} as customers on scores.customer_id = customers.customer_id
