with customers as (
    select * from {{ latest_version("webshop__customers") }} as current_customers
)

select
    -- ids
    customer_id,
    {{ clean_text("loyalty_card_no") }} as card_no,

    -- who
    {{ clean_text("salutation") }} as salutation,
    {{ clean_text("title") }} as title,
    coalesce({{ clean_text("first_name") }}, {{ first_name_of("name") }}) as first_name,
    coalesce({{ clean_text("last_name") }}, {{ last_name_of("name") }}) as last_name,
    {{ clean_text("company") }} as company_name,
    {{ clean_text("vat_id") }} as vat_id,
    birth_date,
    coalesce(is_guest, false) as is_guest,

    -- how to reach
    {{ clean_text("email") }} as email,
    {{ clean_text("phone") }} as phone,
    {{ street_of("street", "house_no") }} as street,
    {{ house_no_of("street", "house_no") }} as house_no,
    {{ clean_text("postal_code") }} as postal_code,
    {{ clean_text("city") }} as city,
    {{ country_code("country") }} as country,

    -- consent
    newsletter as consent_email,

    -- timestamps
    created_at,
    updated_at
from customers
