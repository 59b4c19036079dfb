with pairs as (
    select * from {{ ref("int_candidate_pairs") }}
),

records as (
    select * from {{ ref("int_record_keys") }}
),

-- What father and son of one name share says nothing about which of them a record means.
namesakes as (
    select
        record_id,
        max(case when shared_by = 'address' then 1 else 0 end) = 1 as at_address,
        max(case when shared_by = 'phone' then 1 else 0 end) = 1 as on_phone,
        max(case when shared_by = 'email' then 1 else 0 end) = 1 as on_email
    from {{ ref("int_namesakes") }}
    group by record_id
),

compared as (
    select
        pairs.record_id_a,
        pairs.record_id_b,
        case when a.kind = b.kind then a.kind else 'mixed' end as kind,
        coalesce(namesake_a.at_address, false) or coalesce(namesake_b.at_address, false) as namesake_at_address,
        coalesce(namesake_a.on_phone, false) or coalesce(namesake_b.on_phone, false) as namesake_on_phone,
        coalesce(namesake_a.on_email, false) or coalesce(namesake_b.on_email, false) as namesake_on_email,

        -- names
        {{ name_level("a.first_key", "b.first_key", given=true) }} as first_name_level,
        {{ name_level("a.last_key", "b.last_key") }} as last_name_level,
        {{ name_level("a.company_key", "b.company_key") }} as company_level,
        coalesce(a.first_key = b.last_key and a.last_key = b.first_key and a.first_key <> a.last_key, false)
            as is_swapped,
        (coalesce(a.first_key, a.last_key) is null) <> (coalesce(b.first_key, b.last_key) is null) as one_has_no_name,

        -- identifiers; landline and mobile fields are mixed up often
        coalesce(a.email_key = b.email_key, false) as same_email,
        coalesce(a.email_has_one_owner, true) as email_has_one_owner,
        {{ same_number("a", "b") }} as same_phone,
        {{ same_number("a", "b", mobile=true) }} as same_mobile,
        coalesce(a.card_key = b.card_key, false) as same_card,
        {{ value_level("a.vat_key", "b.vat_key") }} as vat_level,

        -- birth date and place
        {{ birth_date_level("a.birth_key", "b.birth_key") }} as birth_date_level,
        {{ address_level("a", "b") }} as address_level,
        coalesce(a.postal_key = b.postal_key, false) as same_postal_code
    from pairs
    inner join records as a on pairs.record_id_a = a.record_id
    inner join records as b on pairs.record_id_b = b.record_id
    left join namesakes as namesake_a on pairs.record_id_a = namesake_a.record_id
    left join namesakes as namesake_b on pairs.record_id_b = namesake_b.record_id
)

select
    record_id_a,
    record_id_b,
    kind,
    first_name_level,
    last_name_level,
    company_level,
    is_swapped,
    one_has_no_name,
    same_email and not namesake_on_email as same_email,
    email_has_one_owner,
    same_phone and not namesake_on_phone as same_phone,
    same_mobile and not namesake_on_phone as same_mobile,
    same_card,
    vat_level,
    birth_date_level,
    case when namesake_at_address then 'shared' else address_level end as address_level,
    same_postal_code
from compared
