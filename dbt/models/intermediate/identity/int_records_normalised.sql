with records as (
    select * from {{ ref("int_source_records") }}
),

normalised as (
    select
        record_id,
        source_system,
        kind,
        {{ name_key("first_name") }} as first_key,
        {{ name_key("last_name") }} as last_key,
        {{ company_key("company_name") }} as company_key,
        {{ normalise_vat_id("vat_id") }} as vat_key,
        {{ plausible_birth_date("birth_date") }} as birth_key,
        {{ normalise_email("email") }} as email_key,
        {{ normalise_phone("phone", "country") }} as phone_key,
        {{ normalise_phone("mobile", "country") }} as mobile_key,
        {{ street_key("street") }} as street_key,
        {{ house_no_key("house_no") }} as house_no_key,
        {{ postal_code_key("postal_code") }} as postal_key,
        nullif({{ regexp_replace_all("upper(card_no)", "[^A-Z0-9]+", "") }}, '') as card_key
    from records
)

select
    *,
    {{ is_junk_name("first_key", "last_key", "company_key") }} as is_junk
from normalised
