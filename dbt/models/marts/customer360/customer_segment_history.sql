-- Ids that were merged away since the last scoring are left out until the next one.
select
    history.customer_id,
    history.valid_from as valid_from_date,
    history.valid_to as valid_to_date,
    history.value_class,
    history.stage,
    history.segment,
    history.strategy
from {{ source("ml", "customer_segment_history") }} as history
inner join {{ ref("customer") }} as customers on history.customer_id = customers.customer_id
