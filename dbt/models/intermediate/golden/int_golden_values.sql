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
        ranked.observed_at as given_at,
        winners.attribute_group,
        winners.record_id as winner_id,
        winners.rule,
        winners.strategy,
        winners.validity,
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

{% for group in ["name", "address"] %}
    {% for field in fields[group] %}
        {{ field }}_rows as (
            select
                customer_id,
                '{{ field }}' as attribute,
                {{ field }} as attribute_value,
                case when record_id = winner_id then rule else 'fill' end as rule,
                strategy,
                validity,
                record_id,
                row_number() over (partition by customer_id order by attribute_rank) as donor_rank
            from donors
            where attribute_group = '{{ group }}' and {{ field }} is not null
        ),
    {% endfor %}
{% endfor %}

survivors as (
    {% for field in fields["name"] + fields["address"] %}
        select customer_id, attribute, attribute_value, rule, strategy, validity, record_id
        from {{ field }}_rows
        where donor_rank = 1

        union all
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
