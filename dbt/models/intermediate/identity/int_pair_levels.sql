{{ config(materialized="view") }}

with keys as (
    select * from {{ ref("int_record_keys") }}
),

given as (
    select * from {{ ref("int_given_names") }}
),

family as (
    select * from {{ ref("int_family_names") }}
),

places as (
    select * from {{ ref("int_postal_codes") }}
),

records as (
    select
        keys.record_no,
        keys.source_system,
        keys.kind,
        keys.first_key,
        given.first_word,
        given.words as given_words,
        given.name_classes as given_classes,
        given.sound as given_sound,
        given.record_count as given_count,
        keys.last_key,
        family.words as family_words,
        family.sounds as family_sounds,
        family.record_count as family_count,
        keys.company_key,
        keys.vat_key,
        keys.birth_key,
        keys.birth_year,
        keys.email_key,
        keys.email_domain,
        keys.mailbox_letters,
        keys.mailbox_year,
        keys.email_owners,
        keys.phone_key,
        keys.mobile_key,
        keys.phone_owners,
        keys.card_key,
        keys.street_key,
        keys.house_no_key,
        keys.postal_key,
        keys.address_key,
        keys.city_key,
        places.record_count as place_count,
        keys.name_count,
        keys.home_members,
        keys.is_namesake
    from keys
    left join given on keys.first_key = given.first_key
    left join family on keys.last_key = family.last_key
    left join places on keys.postal_key = places.postal_key
)

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
    case
        when a.email_domain = b.email_domain and not {{ is_public_email_domain("a.email_domain") }} then 'same'
        else 'none'
    end as email_domain_level,
    a.is_namesake or b.is_namesake as is_namesake,
    a.postal_key = b.postal_key as same_postal,
    greatest(a.email_owners, b.email_owners) as email_owners,
    greatest(a.phone_owners, b.phone_owners) as phone_owners,
    greatest(a.given_count, b.given_count) as given_count,
    greatest(a.family_count, b.family_count) as family_count,
    greatest(a.place_count, b.place_count) as place_count,
    greatest(a.name_count, b.name_count) as name_count,
    greatest(a.home_members, b.home_members) as home_members,
    {{ mailbox_year_level("a", "b") }} as mailbox_year_level,
    {{ mailbox_names("a", "b") }} or {{ mailbox_names("b", "a") }} as mailbox_names_other,
    {{ mailbox_calls("a", "a") }} as mailbox_calls_a,
    {{ mailbox_calls("a", "b") }} as mailbox_calls_b
from {{ ref("int_candidate_pairs") }} as pairs
inner join records as a on {{ row_number_of("pairs.record_id_a") }} = a.record_no
inner join records as b on {{ row_number_of("pairs.record_id_b") }} = b.record_no
