-- Ids that were merged away since the last scoring are left out until the next one.
select
    scores.customer_id,
    scores.as_of_date,
    scores.recency_score,
    scores.frequency_score,
    scores.monetary_score,
    scores.segment,
    scores.value_class,
    scores.strategy,
    scores.previous_segment,
    scores.stage,
    scores.needs_segment,
    scores.current_value_amount,
    scores.potential_value_amount
from {{ source("ml", "customer_segment") }} as scores
inner join {{ ref("customer") }} as customers on scores.customer_id = customers.customer_id
