with levels as (
    select * from {{ ref("int_pair_levels") }}
),

population as (
    select * from {{ ref("int_population") }}
),

-- How many records of the data have this name by chance, and how many of them this place and birthday too.
expected as (
    select
        levels.*,
        population.generation_share,
        case
            when first_name_level in ('equal', 'part', 'variant', 'similar', 'short', 'sound')
                then given_count / population.record_count
            when first_name_level = 'initial' then 0.08
            when last_name_level = 'swapped' then given_count / population.record_count
            else 1
        end
        * case
            when last_name_level in ('equal', 'part', 'similar', 'sound', 'swapped') then family_count
            else population.record_count
        end as namesake_count,
        case when same_postal then place_count / population.record_count else 1 end
        * case birth_date_level
            when 'equal' then 0.00005 when 'swapped' then 0.0001 when 'digit' then 0.001 when 'year' then 0.015 else 1
        end as coincidence
    from levels
    cross join population
)

select
    record_id_a,
    record_id_b,
    kind_level as kind,
    case when kind_level = 'company' then 'none' else first_name_level end as first_name,
    case when kind_level = 'company' then 'none' else last_name_level end as last_name,
    {{ chance_level("namesake_count", [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000]) }} as namesakes,
    {{ chance_level("namesake_count * coincidence", [0.00001, 0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 100]) }}
        as coincidence,
    case
        when first_name_level in ('equal', 'part') and last_name_level = 'equal'
            then {{ chance_level("name_count", [2, 3, 4, 5, 7, 10, 20]) }}
        else 'none'
    end as name_count,
    birth_date_level as birth_date,
    case
        when
            birth_date_level = 'unknown' and first_name_level = 'equal' and last_name_level = 'equal'
            and (address_level = 'equal' or phone_level = 'landline')
            then {{ chance_level("generation_share", [0.02, 0.04, 0.08, 0.16, 0.32]) }}
        else 'none'
    end as generations,
    address_level as address,
    city_level as city,
    case
        when address_level = 'equal' and last_name_level in ('equal', 'similar', 'part')
            then cast(home_members as {{ dbt.type_string() }})
        else 'none'
    end as home,
    email_level as email,
    -- noqa: disable=LT02
    case
        when email_level = 'equal' and first_name_level not in ('other', 'unknown') then
            case when mailbox_calls_a or mailbox_calls_b then 'this' else 'nobody' end
        when email_level = 'equal' then
            case
                when mailbox_calls_a and mailbox_calls_b then 'this'
                when mailbox_calls_a or mailbox_calls_b then 'one'
                else 'nobody'
            end
        when mailbox_names_other and last_name_level <> 'equal' then 'other_name'
        when mailbox_names_other then 'name'
        else 'none'
    end as mailbox,
    -- noqa: enable=LT02
    case when email_level = 'equal' then cast(email_owners as {{ dbt.type_string() }}) else 'none' end as email_owners,
    mailbox_year_level as mailbox_year,
    phone_level as phone,
    case
        when phone_level in ('mobile', 'landline') then cast(phone_owners as {{ dbt.type_string() }})
        else 'none'
    end as phone_owners,
    card_level as card,
    source_system_level as source_system,
    case when is_namesake then 'yes' else 'no' end as namesake,
    company_level as company,
    vat_id_level as vat_id,
    email_domain_level as email_domain,
    case
        when kind_level <> 'company' then 'unknown'
        when first_name_level = 'equal' and last_name_level = 'equal' then 'equal'
        when last_name_level = 'other' then 'other'
        else 'unknown'
    end as contact
from expected
