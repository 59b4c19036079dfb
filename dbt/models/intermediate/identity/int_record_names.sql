{{ config(materialized="view") }}

with records as (
    select * from {{ ref("int_source_records") }}
),

names as (
    select * from {{ ref("int_names") }}
    where name_key is not null
),

-- Above 1 for words that the data holds as given names mostly, below 1 for family names.
words as (
    select
        word,
        (first_uses + 0.5) / (last_uses + 0.5) as given_odds
    from {{ ref("int_name_words") }}
),

given as (
    select
        names.name,
        names.name_key,
        words.given_odds
    from names
    inner join words on names.first_word = words.word
),

family as (
    select
        names.*,
        first_words.given_odds as first_odds,
        last_words.given_odds as last_odds
    from names
    inner join words as first_words on names.first_word = first_words.word
    inner join words as last_words on names.last_word = last_words.word
),

joined as (
    select
        records.*,
        given.name_key as first_key,
        family.name_key as last_key,
        family.first_word,
        family.last_word,
        coalesce(
            {{ company_key("records.company_name") }}, case when given.name is null then family.company_key end
        ) as company_key,
        given.name is null and records.company_name is null and coalesce(family.is_company_name, false)
            as is_company_in_name,
        -- "Maria Meier" and "Meier, Maria" in the field of the family name
        given.name is null and family.first_word <> family.last_word
        and greatest(family.first_odds, family.last_odds) >= 2 as is_one_field,
        family.first_odds * case when family.has_comma then 0.1 else 2 end > family.last_odds as is_given_name_first,
        given.given_odds < 0.4 and family.first_odds > 2.5 and family.first_odds > 40 * given.given_odds as is_swapped
    from records
    left join given on records.first_name = given.name
    left join family on records.last_name = family.name
)

select
    record_id,
    source_system,
    case when is_company_in_name then 'company' else kind end as kind,
    case
        when is_company_in_name then null
        when is_one_field and is_given_name_first
            then trim(left(last_key, length(last_key) - length(last_word)))
        when is_one_field then trim(substr(last_key, length(first_word) + 1))
        when is_swapped then last_key
        else first_key
    end as first_key,
    case
        when is_company_in_name then null
        when is_one_field and is_given_name_first then last_word
        when is_one_field then first_word
        when is_swapped then first_key
        else last_key
    end as last_key,
    company_key,
    vat_id,
    birth_date,
    email,
    phone,
    mobile,
    street,
    house_no,
    postal_code,
    city,
    country,
    card_no
from joined
