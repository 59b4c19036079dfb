with identifiers as (
    select * from {{ ref("int_record_identifiers") }}
),

kinds as (
    {% for identifier_kind, column in identifier_columns() %}
        select '{{ column }}' as key_column, '{{ identifier_kind }}' as identifier_kind
        {{ "union all" if not loop.last }}
    {% endfor %}
),

usual as (
    select cast(count(*) as double) / nullif(count(distinct value_hash), 0) as records_per_birth_date
    from identifiers
    where key_column = 'birth_key'
),

-- Only what many records carry can be carried by many people.
often as (
    select value_hash
    from identifiers
    group by value_hash
    having count(*) > least({{ var("poisoned_identifier_names") }}, {{ var("poisoned_phone_names") }})
),

uses as (
    select
        identifiers.value_hash,
        min(kinds.identifier_kind) as identifier_kind,
        min(identifiers.record_no) as example_no,
        count(distinct identifiers.record_no) as record_count,
        count(distinct identifiers.name_initials) as name_count
    from identifiers
    inner join often on identifiers.value_hash = often.value_hash
    inner join kinds on identifiers.key_column = kinds.key_column
    group by identifiers.value_hash
),

poisoned as (
    select uses.*
    from uses
    cross join usual
    where
        uses.name_count > case uses.identifier_kind
            when 'birth_date' then greatest({{ var("poisoned_birth_date_names") }}, 20 * usual.records_per_birth_date)
            when 'phone' then {{ var("poisoned_phone_names") }}
            else {{ var("poisoned_identifier_names") }}
        end
)

select
    poisoned.identifier_kind,
    case
        {% for identifier_kind, column in identifier_columns() %}
            when
                poisoned.identifier_kind = '{{ identifier_kind }}'
                and {{ block_hash(["'" ~ identifier_kind ~ "'", "examples." ~ column]) }} = poisoned.value_hash
                then cast(examples.{{ column }} as {{ dbt.type_string() }})
        {% endfor %}
    end as identifier_value,
    poisoned.record_count,
    poisoned.name_count,
    case
        when poisoned.identifier_kind = 'birth_date' then 'far more people than on any other day: a placeholder'
        else 'shared by more people than one household or company has'
    end as reason,
    poisoned.value_hash
from poisoned
inner join {{ ref("int_records_normalised") }} as examples on poisoned.example_no = examples.record_no
