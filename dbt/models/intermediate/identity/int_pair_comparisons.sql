with pairs as (
    select * from {{ ref("int_candidate_pairs") }}
),

records as (
    select * from {{ ref("int_record_keys") }}
),

namesakes as (
    select * from {{ ref("int_namesakes") }}
)

select
    pairs.record_id_a,
    pairs.record_id_b,
    case when a.kind = b.kind then a.kind else 'mixed' end as kind,

    -- names
    {{ name_level("a.first_key", "b.first_key", given=true) }} as first_name_level,
    {{ name_level("a.last_key", "b.last_key") }} as last_name_level,
    {{ name_level("a.company_key", "b.company_key") }} as company_level,
    coalesce(a.first_key = b.last_key and a.last_key = b.first_key and a.first_key <> a.last_key, false) as is_swapped,

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
    coalesce(a.postal_key = b.postal_key, false) as same_postal_code,
    coalesce(a.first_key, a.last_key, b.first_key, b.last_key) is not null
    and (coalesce(a.first_key, a.last_key) is null or coalesce(b.first_key, b.last_key) is null) as one_has_no_name,
    namesake_a.record_id is not null or namesake_b.record_id is not null as one_has_namesake
from pairs
inner join records as a on pairs.record_id_a = a.record_id
inner join records as b on pairs.record_id_b = b.record_id
left join namesakes as namesake_a on pairs.record_id_a = namesake_a.record_id
left join namesakes as namesake_b on pairs.record_id_b = namesake_b.record_id
