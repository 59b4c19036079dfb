select
    records.record_id,
    records.source_system,
    records.source_record_id,
    assignment.customer_id,
    assignment.match_probability,
    assignment.matched_by,
    assignment.linked_at
from {{ ref("int_source_records") }} as records
inner join {{ source("identity", "identity_assignment") }} as assignment
    on records.record_id = assignment.record_id
