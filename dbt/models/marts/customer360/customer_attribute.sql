select
    customer_id,
    attribute,
    attribute_value as value, -- noqa: RF04
    rule,
    strategy,
    validity,
    source_system,
    source_record_id,
    record_id,
    observed_at
from {{ ref("int_golden_values") }}
where attribute_value is not null
