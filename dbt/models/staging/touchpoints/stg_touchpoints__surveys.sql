select
    survey_id,
    question,
    nullif(trim(customer_ref), '') as customer_ref,
    nullif(trim(email), '') as email,
    score,
    comment,
    answered_at
from {{ latest_version("touchpoints__surveys") }} as current_surveys
