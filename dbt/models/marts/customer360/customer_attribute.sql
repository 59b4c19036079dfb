-- Which attributes a group of fields holds; the fields of a group come from one record.
{% set groups = {
    "name": ["salutation", "title", "first_name", "last_name"],
    "address": ["street", "house_no", "postal_code", "city", "country"],
} %}
with winners as (
    select * from {{ ref("int_golden_attributes_ranked") }}
    where attribute_rank = 1
),

records as (
    select * from {{ ref("int_customer_records") }}
),

attributes as (
    {% for group, fields in groups.items() %}
        {% for field in fields %}
            select
                winners.customer_id,
                '{{ field }}' as attribute,
                records.{{ field }} as attribute_value,
                winners.rule,
                winners.record_id
            from winners
            inner join records on winners.record_id = records.record_id
            where winners.attribute_group = '{{ group }}'

            union all
        {% endfor %}
    {% endfor %}
    select
        customer_id,
        attribute_group as attribute,
        group_value as attribute_value,
        rule,
        record_id
    from winners
    where attribute_group not in ('name', 'address')
)

select
    attributes.customer_id,
    attributes.attribute,
    attributes.attribute_value as value, -- noqa: RF04
    attributes.rule,
    records.source_system,
    records.source_record_id,
    records.observed_at
from attributes
inner join records on attributes.record_id = records.record_id
where attributes.attribute_value is not null
