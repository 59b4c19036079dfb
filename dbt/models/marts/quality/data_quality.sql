with results as (
    select *
    from {{ source("quality", "check_result") }}
)

select
    run_id,
    source,
    table_name,
    scope,
    scope_value,
    rule,
    dimension,
    severity,
    checked,
    failed,
    quality_pct,
    passed,
    affected_customers,
    margin_at_risk_amount,
    details
from results
