with identifiers as (
    select * from {{ ref("int_record_identifiers") }}
),

poisoned as (
    select * from {{ ref("int_poisoned_identifiers") }}
)

select
    identifiers.record_no,
    -- noqa: disable=LT02
    {% for identifier_kind, column in identifier_columns() %}
        max(case when identifiers.key_column = '{{ column }}' then 1 else 0 end) = 1 as is_{{ column }}_poisoned
        {{- "," if not loop.last }}
    {% endfor %}
from identifiers
inner join poisoned on identifiers.value_hash = poisoned.value_hash
group by identifiers.record_no
