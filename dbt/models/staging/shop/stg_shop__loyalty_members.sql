with members as (
    select * from {{ latest_version("shop__loyalty") }} as current_members
)

select
    -- ids
    member_no,
    nullif(trim(card_no), '') as card_no,
    nullif(trim(store_id), '') as branch_id,

    -- who
    nullif(trim(coalesce(nullif(trim(first_name), ''), {{ first_name_of("name") }})), '') as first_name,
    nullif(trim(coalesce(nullif(trim(last_name), ''), {{ last_name_of("name") }})), '') as last_name,
    birth_date,

    -- how to reach
    nullif(trim(email), '') as email,
    nullif(trim(phone), '') as phone,
    {{ street_of("street", "house_no") }} as street,
    {{ house_no_of("street", "house_no") }} as house_no,
    nullif(trim(postal_code), '') as postal_code,
    nullif(trim(city), '') as city,
    nullif(trim(country), '') as country,

    -- consent
    consent_email,
    consent_post,
    consent_phone,

    -- timestamps
    issued_at,
    updated_at
from members
