/*
How a contact that names no record of ours finds its customer: by a reference to a source record, an e-mail address or a
phone number. Only keys that lead to exactly one customer are here; a shared address decides nothing.
*/
with records as (
    select
        records.record_id,
        records.source_record_id,
        records.card_no,
        records.email,
        records.phone,
        records.mobile,
        records.country,
        assignment.customer_id
    from {{ ref("int_source_records") }} as records
    inner join {{ source("identity", "identity_assignment") }} as assignment
        on records.record_id = assignment.record_id
),

keys as (
    select
        'reference' as key_type,
        record_id as key_value,
        customer_id
    from records
    union all
    select
        'reference' as key_type,
        source_record_id as key_value,
        customer_id
    from records
    union all
    select
        'card' as key_type,
        card_no as key_value,
        customer_id
    from {{ ref("int_card_holders") }}
    union all
    select
        'email' as key_type,
        {{ normalise_email("email") }} as key_value,
        customer_id
    from records
    union all
    select
        'phone' as key_type,
        {{ normalise_phone("phone", "country") }} as key_value,
        customer_id
    from records
    union all
    select
        'phone' as key_type,
        {{ normalise_phone("mobile", "country") }} as key_value,
        customer_id
    from records
)

select
    key_type,
    key_value,
    min(customer_id) as customer_id
from keys
where key_value is not null
group by key_type, key_value
having count(distinct customer_id) = 1
