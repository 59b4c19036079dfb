{{ config(materialized="view") }}

with records as (
    select * from {{ ref("int_usable_records") }}
),

facts as (
    select * from {{ ref("int_record_facts") }}
),

keys as (
    select
        records.*,
        substr(cast(records.birth_key as {{ dbt.type_string() }}), 3, 2) as birth_year,
        coalesce(facts.email_owners, 1) as email_owners,
        coalesce(facts.email_owners, 1) <= 1 as email_has_one_owner,
        coalesce(facts.phone_owners, 1) as phone_owners,
        coalesce(facts.home_members, 1) as home_members,
        coalesce(facts.name_count, 1) as name_count,
        coalesce(facts.is_namesake, false) as is_namesake,
        facts.first_record_id
    from records
    left join facts on records.record_no = facts.record_no
),

identified as (
    select
        *,
        not is_junk and (
            vat_key is not null
            or (email_key is not null and email_has_one_owner)
            or (company_key is not null and coalesce(phone_key, address_key) is not null)
            or (
                first_key is not null and last_key is not null
                and coalesce(
                    email_key, phone_key, mobile_key, card_key, address_key, cast(birth_key as {{ dbt.type_string() }})
                ) is not null
            )
        ) as is_identified
    from keys
)

select
    record_id,
    record_no,
    source_system,
    kind,
    is_junk,
    first_key,
    last_key,
    company_key,
    street_key,
    house_no_key,
    postal_key,
    city_key,
    address_key,
    email_key,
    phone_key,
    mobile_key,
    card_key,
    vat_key,
    birth_key,
    email_domain,
    mailbox_letters,
    mailbox_year,
    birth_year,
    email_owners,
    email_has_one_owner,
    phone_owners,
    home_members,
    name_count,
    is_namesake,
    is_identified,
    coalesce(case when is_identified then first_record_id end, record_id) as representative_id
from identified
