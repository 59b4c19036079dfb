-- The score belongs to the lead record; its customer is the one of today.
select
    scores.lead_id,
    assignment.customer_id,
    scores.as_of_date,
    scores.score,
    scores.conversion_probability,
    scores.grade,
    scores.reasons,
    scores.model_version
from {{ source("ml", "lead_score") }} as scores
left join {{ source("identity", "identity_assignment") }} as assignment
    on concat('leads:', scores.lead_id) = assignment.record_id
