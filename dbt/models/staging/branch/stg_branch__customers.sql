with customers as (
    select * from {{ latest_version("branch__customer") }} as current_customers
)

select
    -- ids
    customer_no,
    {{ clean_text("branch_id") }} as branch_id,
    {{ clean_text("sales_rep_id") }} as sales_rep_id,
    {{ clean_text("loyalty_card_no") }} as card_no,

    -- who
    case
        when kind is not null then kind
        when {{ clean_text("company_name") }} is not null then 'company'
        else 'person'
    end as kind,
    {{ clean_text("salutation") }} as salutation,
    {{ clean_text("title") }} as title,
    coalesce({{ clean_text("first_name") }}, {{ first_name_of("name") }}) as first_name,
    coalesce({{ clean_text("last_name") }}, {{ last_name_of("name") }}) as last_name,
    {{ clean_text("company_name") }} as company_name,
    {{ clean_text("vat_id") }} as vat_id,
    birth_date,

    -- how to reach
    {{ clean_text("email") }} as email,
    {{ clean_text("phone") }} as phone,
    {{ clean_text("mobile") }} as mobile,
    {{ street_of("street", "house_no") }} as street,
    {{ house_no_of("street", "house_no") }} as house_no,
    {{ clean_text("postal_code") }} as postal_code,
    {{ clean_text("city") }} as city,
    {{ country_code("country") }} as country,

    -- timestamps
    created_at,
    updated_at,
    deleted_at
from customers
