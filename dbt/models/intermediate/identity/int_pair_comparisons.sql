with records as (
    select * from {{ ref("int_record_keys") }}
),

people as (
    select cast(count(*) as double) as record_count from records
    where kind = 'person'
),

-- What father and son of one name share says nothing about which of them a record means.
namesakes as (
    select distinct record_id from {{ ref("int_namesakes") }}
),

compared as (
    select
        pairs.record_id_a,
        pairs.record_id_b,
        case when a.kind = b.kind then a.kind else 'mixed' end as kind_level,
        {{ first_name_level("a", "b") }} as first_name_level,
        {{ last_name_level("a", "b") }} as last_name_level,
        {{ company_level("a.company_key", "b.company_key") }} as company_level,
        {{ value_level("a.vat_key", "b.vat_key") }} as vat_id_level,
        {{ birth_date_level("a.birth_key", "b.birth_key") }} as birth_date_level,
        {{ address_level("a", "b") }} as address_level,
        {{ value_level("a.city_key", "b.city_key") }} as city_level,
        {{ email_level("a", "b") }} as email_level,
        {{ phone_level("a", "b") }} as phone_level,
        {{ value_level("a.card_key", "b.card_key") }} as card_level,
        case
            when a.source_system <> b.source_system then 'different'
            {% if var("systems_without_duplicates") %}
            when a.source_system in ('{{ var("systems_without_duplicates") | join("', '") }}') then 'distinct'
            {% endif %}
            else 'same'
        end as source_system_level,
        case when a.email_domain = b.email_domain and not {{ is_public_email_domain("a.email_domain") }} then 'same' else 'none' end
            as email_domain_level,
        namesake_a.record_id is not null or namesake_b.record_id is not null as is_namesake,
        a.postal_key = b.postal_key as same_postal,
        greatest(a.email_owners, b.email_owners) as email_owners,
        greatest(a.phone_owners, b.phone_owners) as phone_owners,
        greatest(a.given_count, b.given_count) / people.record_count as given_share,
        greatest(a.family_count, b.family_count) / people.record_count as family_share,
        greatest(a.place_count, b.place_count) / people.record_count as place_share,
        people.record_count,
        {{ chance_level("greatest(a.name_count, b.name_count)", [2, 3, 4, 5, 7, 10, 20]) }} as name_band,
        cast(greatest(a.home_members, b.home_members) as {{ dbt.type_string() }}) as home_band,
        {{ mailbox_year_level("a", "b") }} as mailbox_year_level,
        {{ mailbox_names("a", "a") }} or {{ mailbox_names("b", "b") }} as mailbox_names_own,
        {{ mailbox_names("a", "b") }} or {{ mailbox_names("b", "a") }} as mailbox_names_other,
        {{ mailbox_calls("a", "a") }} as mailbox_calls_a,
        {{ mailbox_calls("a", "b") }} as mailbox_calls_b
    from {{ ref("int_candidate_pairs") }} as pairs
    inner join records as a on pairs.record_id_a = a.record_id
    inner join records as b on pairs.record_id_b = b.record_id
    cross join people
    left join namesakes as namesake_a on pairs.record_id_a = namesake_a.record_id
    left join namesakes as namesake_b on pairs.record_id_b = namesake_b.record_id
),

-- How many records of the data have this name by chance, and how many of them this place and birthday too.
expected as (
    select
        *,
        record_count
        * case
            when first_name_level in ('equal', 'part', 'variant', 'similar', 'short', 'sound') then given_share
            when first_name_level = 'initial' then 0.08
            when last_name_level = 'swapped' then given_share
            else 1
        end
        * case when last_name_level in ('equal', 'part', 'similar', 'sound', 'swapped') then family_share else 1 end
            as namesake_count,
        case when same_postal then place_share else 1 end
        * case birth_date_level
            when 'equal' then 0.00005 when 'swapped' then 0.0001 when 'digit' then 0.001 when 'year' then 0.015 else 1
        end as coincidence
    from compared
),

-- Of the pairs of one name at one address whose birth dates are both known, how many are father and son.
generations as (
    select
        (count(case when birth_date_level = 'generation' then 1 end) + 1.0) / (count(*) + 30.0) as namesake_share
    from compared
    where
        address_level = 'equal' and first_name_level = 'equal' and last_name_level = 'equal'
        and birth_date_level <> 'unknown'
)

select
    expected.record_id_a,
    expected.record_id_b,
    kind_level as kind,
    case when kind_level = 'company' then 'none' else first_name_level end as first_name,
    case when kind_level = 'company' then 'none' else last_name_level end as last_name,
    {{ chance_level("namesake_count", [0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 1000]) }} as namesakes,
    {{ chance_level("namesake_count * coincidence", [0.00001, 0.0001, 0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 100]) }}
        as coincidence,
    case when first_name_level in ('equal', 'part') and last_name_level = 'equal' then name_band else 'none' end
        as name_count,
    birth_date_level as birth_date,
    case
        when
            birth_date_level = 'unknown' and first_name_level = 'equal' and last_name_level = 'equal'
            and (address_level = 'equal' or phone_level = 'landline')
            then {{ chance_level("generations.namesake_share", [0.02, 0.04, 0.08, 0.16, 0.32]) }}
        else 'none'
    end as generations,
    address_level as address,
    city_level as city,
    case when address_level = 'equal' and last_name_level in ('equal', 'similar', 'part') then home_band else 'none' end
        as home,
    email_level as email,
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
cross join generations
