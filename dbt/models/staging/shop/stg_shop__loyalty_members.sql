with members as (
    select * from {{ latest_version("shop__loyalty") }} as current_members
)

select
    -- ids
    member_no,
    {{ clean_text("card_no") }} as card_no,
    {{ clean_text("store_id") }} as branch_id,

    -- who
    coalesce({{ clean_text("first_name") }}, {{ first_name_of("name") }}) as first_name,
    coalesce({{ clean_text("last_name") }}, {{ last_name_of("name") }}) as last_name,
    birth_date,

    -- how to reach
    {{ clean_text("email") }} as email,
    {{ clean_text("phone") }} as phone,
    {{ street_of("street", "house_no") }} as street,
    {{ house_no_of("street", "house_no") }} as house_no,
    {{ clean_text("postal_code") }} as postal_code,
    {{ clean_text("city") }} as city,
    {{ country_code("country") }} as country,

    -- consent
    consent_email,
    consent_post,
    consent_phone,

    -- timestamps
    issued_at,
    updated_at
from members
