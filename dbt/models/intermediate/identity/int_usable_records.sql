{{ config(materialized="view") }}

with records as (
    select * from {{ ref("int_records_normalised") }}
),

poisoned as (
    select * from {{ ref("int_poisoned_records") }}
)

select
    records.record_id,
    records.record_no,
    records.source_system,
    records.kind,
    records.is_junk,
    records.first_key,
    records.last_key,
    records.company_key,
    records.street_key,
    records.house_no_key,
    records.postal_key,
    records.city_key,
    records.postal_key || '|' || records.street_key || '|' || records.house_no_key as address_key,
    -- noqa: disable=LT02
    {% for _, column in identifier_columns() %}
        case when not coalesce(poisoned.is_{{ column }}_poisoned, false) then records.{{ column }} end as {{ column }},
    {% endfor %}
    {% for column in ["email_domain", "mailbox_letters", "mailbox_year"] %}
        case when not coalesce(poisoned.is_email_key_poisoned, false) then records.{{ column }} end as {{ column }}
        {{- "," if not loop.last }}
    {% endfor %}
from records
left join poisoned on records.record_no = poisoned.record_no
