with leads as (
    select * from {{ latest_version("leads__leads") }} as current_leads
)

select
    -- ids
    lead_id,
    {{ clean_text("referred_by") }} as referred_by,

    -- who
    coalesce({{ clean_text("first_name") }}, {{ first_name_of("name") }}) as first_name,
    coalesce({{ clean_text("last_name") }}, {{ last_name_of("name") }}) as last_name,
    {{ clean_text("company") }} as company_name,
    birth_date,

    -- how to reach
    {{ clean_text("email") }} as email,
    {{ clean_text("phone") }} as phone,
    {{ street_of("street", "house_no") }} as street,
    {{ house_no_of("street", "house_no") }} as house_no,
    {{ clean_text("postal_code") }} as postal_code,
    {{ clean_text("city") }} as city,
    {{ country_code("country") }} as country,

    -- what they want
    source as lead_source,
    {{ clean_text("campaign") }} as campaign,
    interests,
    {{ clean_text("message") }} as message,

    -- consent
    consent_email,
    consent_phone,
    consent_post,
    double_opt_in_at,
    {{ clean_text("consent_text_version") }} as consent_text_version,
    {{ clean_text("consent_ip_hash") }} as consent_ip_hash,

    -- timestamps
    captured_at
from leads
