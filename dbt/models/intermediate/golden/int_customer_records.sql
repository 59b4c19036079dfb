select
    assignment.customer_id,
    records.*,
    keys.is_junk,
    keys.first_key,
    keys.last_key,
    keys.company_key,
    keys.address_key,
    keys.postal_key,
    keys.birth_key,
    keys.email_domain,
    keys.email_key,
    keys.email_key is not null as has_usable_email,
    coalesce(keys.mobile_key, keys.phone_key) as phone_e164,
    keys.phone_key,
    keys.mobile_key,
    keys.card_key,
    keys.vat_key,
    coalesce(records.updated_at, records.created_at) as observed_at
from {{ ref("int_source_records") }} as records
inner join {{ source("identity", "identity_assignment") }} as assignment
    on records.record_id = assignment.record_id
inner join {{ ref("int_record_keys") }} as keys
    on records.record_id = keys.record_id
