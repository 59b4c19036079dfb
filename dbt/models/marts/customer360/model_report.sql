select
    model,
    metric,
    value,
    baseline_name,
    baseline_value,
    split,
    population,
    passed,
    model_version,
    as_of_date,
    note
from {{ source("ml", "model_report") }}
