with identifiers as (
    select * from {{ ref("int_record_identifiers") }}
),

records as (
    select * from {{ ref("int_records_normalised") }}
),

-- Initials, so that a name misspelt often does not look like many people.
uses as (
    select
        identifiers.identifier_kind,
        identifiers.identifier_value,
        count(*) as record_count,
        count(distinct coalesce(left(records.company_key, 3), left(records.last_key, 2) || left(records.first_key, 1)))
            as name_count
    from identifiers
    inner join records on identifiers.record_id = records.record_id
    group by identifiers.identifier_kind, identifiers.identifier_value
),

usual as (
    select
        identifier_kind,
        avg(name_count) as mean_name_count
    from uses
    group by identifier_kind
),

limits as (
    select
        uses.*,
        case uses.identifier_kind
            when 'birth_date' then greatest({{ var("poisoned_birth_date_names") }}, 20 * usual.mean_name_count)
            when 'phone' then {{ var("poisoned_phone_names") }}
            else {{ var("poisoned_identifier_names") }}
        end as name_limit
    from uses
    inner join usual on uses.identifier_kind = usual.identifier_kind
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
from limits
where name_count > name_limit
