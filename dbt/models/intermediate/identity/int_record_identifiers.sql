with records as (
    select * from {{ ref("int_records_normalised") }}
    where not is_junk
),

identifiers as (
    select record_id, 'email' as identifier_kind, email_key as identifier_value from records

    union all

    select record_id, 'phone', phone_key from records

    union all

    -- A second number of the same record counts once.
    select record_id, 'phone', nullif(mobile_key, phone_key) from records

    union all

    select record_id, 'card', card_key from records

    union all

    select record_id, 'vat_id', vat_key from records

    union all

    select record_id, 'birth_date', cast(birth_key as {{ dbt.type_string() }}) from records
)

select
    record_id,
    identifier_kind,
    identifier_value
from identifiers
where identifier_value is not null
