with identifiers as (
    select * from {{ ref("int_record_identifiers") }}
),

counted as (
    select
        identifier_kind,
        identifier_value,
        count(*) as record_count
    from identifiers
    group by identifier_kind, identifier_value
),

usual as (
    select
        identifier_kind,
        avg(record_count) as mean_record_count
    from counted
    group by identifier_kind
),

limits as (
    select
        counted.*,
        case counted.identifier_kind
            when 'birth_date' then greatest({{ var("poisoned_birth_date_names") }}, 20 * usual.mean_record_count)
            when 'phone' then {{ var("poisoned_phone_names") }}
            else {{ var("poisoned_identifier_names") }}
        end as name_limit
    from counted
    inner join usual on counted.identifier_kind = usual.identifier_kind
),

-- Only what many records carry can be carried by many people.
uses as (
    select
        limits.identifier_kind,
        limits.identifier_value,
        limits.record_count,
        limits.name_limit,
        count(distinct identifiers.name_initials) as name_count
    from limits
    inner join identifiers
        on
            limits.identifier_kind = identifiers.identifier_kind
            and limits.identifier_value = identifiers.identifier_value
    where limits.record_count > limits.name_limit
    group by limits.identifier_kind, limits.identifier_value, limits.record_count, limits.name_limit
)

select
    identifier_kind,
    identifier_value,
    record_count,
    name_count,
    case
        when identifier_kind = 'birth_date' then 'far more people than on any other day: a placeholder'
        else 'shared by more people than one household or company has'
    end as reason
from uses
where name_count > name_limit
