with comparisons as (
    select * from {{ ref("int_pair_comparisons") }}
    where kind = 'person'
),

-- Guards: another first name or another birth date means another person, whatever else agrees.
admitted as (
    select
        *,
        is_swapped or (first_name_level in ('equal', 'similar') and last_name_level in ('equal', 'similar'))
            as same_name,
        first_name_level = 'initial' and last_name_level in ('equal', 'similar') as same_initial_and_last_name
    from comparisons
    where
        (first_name_level <> 'other' or is_swapped)
        and birth_date_level <> 'other'
),

ruled as (
    select
        record_id_a,
        record_id_b,
        case
            when same_email and same_name then 'email_and_name'
            when same_card and same_name then 'card_and_name'
            when birth_date_level = 'equal' and same_name then 'name_and_birth_date'
            when same_phone and same_name then 'phone_and_name'
            when address_level = 'equal' and same_name then 'name_and_address'
            when birth_date_level = 'equal' and same_initial_and_last_name then 'initial_name_and_birth_date'
            when same_email and email_has_one_owner and same_initial_and_last_name then 'email_and_initial'
            when
                birth_date_level = 'equal' and first_name_level in ('equal', 'similar')
                and (same_email or same_phone or same_card or address_level = 'equal') then 'birth_date_and_first_name'
            when same_email and first_name_level = 'equal' then 'email_and_first_name'
            when same_card and first_name_level = 'equal' then 'card_and_first_name'
            when same_mobile and first_name_level = 'equal' then 'mobile_and_first_name'
            when
                same_postal_code and (is_swapped or (first_name_level = 'equal' and last_name_level = 'equal'))
                and address_level in ('near', 'unknown') then 'name_and_postal_code'
            when same_email and email_has_one_owner and one_has_no_name then 'email_of_one_person'
            when
                same_email and email_has_one_owner and first_name_level = 'unknown'
                and last_name_level in ('equal', 'similar') then 'email_and_last_name'
        end as rule
    from admitted
)

select
    record_id_a,
    record_id_b,
    rule
from ruled
where rule is not null
