{% set fields = golden_fields() %}
with winners as (
    select * from {{ ref("int_golden_winners") }}
),

corrections as (
    select * from {{ source("golden", "correction") }}
    where status = 'applied'
),

-- Records that may give the fields of a group: the winner; where filling is allowed, others of the same value.
donors as (
    select
        ranked.attribute_rank,
        winners.attribute_group,
        records.*
    from winners
    inner join {{ ref("int_golden_attributes_ranked") }} as ranked
        on
            winners.customer_id = ranked.customer_id
            and winners.attribute_group = ranked.attribute_group
            and winners.value_key = ranked.value_key
            and (ranked.attribute_rank = 1 or winners.allow_fill)
    inner join {{ ref("int_customer_records") }} as records on ranked.record_id = records.record_id
    where winners.attribute_group in ('name', 'address')
),

given as (
    select
        {% for field in fields["name"] + fields["address"] %}
            {{ value_of_lowest(field, "attribute_rank") }} as {{ field }},
            {{ value_of_lowest("case when " ~ field ~ " is not null then record_id end", "attribute_rank") }}
                as {{ field }}_record_id,
        {% endfor %}
        customer_id,
        attribute_group
    from donors
    group by customer_id, attribute_group
),

survivors as (
    {% for group in ["name", "address"] %}
        {% for field in fields[group] %}
            select
                given.customer_id,
                '{{ field }}' as attribute,
                given.{{ field }} as attribute_value,
                case when given.{{ field }}_record_id = winners.record_id then winners.rule else 'fill' end as rule,
                winners.strategy,
                winners.validity,
                given.{{ field }}_record_id as record_id
            from given
            inner join winners
                on given.customer_id = winners.customer_id and given.attribute_group = winners.attribute_group
            where given.attribute_group = '{{ group }}' and given.{{ field }} is not null

            union all
        {% endfor %}
    {% endfor %}
    select customer_id, attribute_group, group_value, rule, strategy, validity, record_id
    from winners
    where attribute_group not in ('name', 'address')
)

-- A correction wins, also one that says that there is no value.
select
    survivors.customer_id,
    survivors.attribute,
    survivors.attribute_value,
    survivors.rule,
    survivors.strategy,
    survivors.validity,
    survivors.record_id,
    records.source_system,
    records.source_record_id,
    records.observed_at
from survivors
inner join {{ ref("int_customer_records") }} as records on survivors.record_id = records.record_id
left join corrections
    on survivors.customer_id = corrections.customer_id and survivors.attribute = corrections.attribute
where corrections.correction_id is null

union all

select
    customer_id,
    attribute,
    value,
    'correction',
    'correction',
    'valid',
    record_id,
    'steward',
    correction_id,
    corrected_at
from corrections
where value is not null
