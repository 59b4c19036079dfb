with records as (
    select * from {{ ref("int_customer_records") }}
),

-- One row per record and group of fields that move together. What cannot be used (an address of an address list,
-- a placeholder) is no candidate; what is incomplete loses against what is complete.
{% set groups = {
    "name": ("concat_ws(' ', first_name, last_name)", "length(first_key) > 1 and last_key is not null and not is_junk"),
    "company_name": ("company_name", "true"),
    "vat_id": ("vat_key", "true"),
    "birth_date": ("cast(birth_key as " ~ dbt.type_string() ~ ")", "true"),
    "email": ("case when has_usable_email then " ~ email_address("email") ~ " end", "true"),
    "phone": ("phone_e164", is_mobile_number("phone_e164")),
    "address": ("concat_ws(', ', concat_ws(' ', street, house_no), concat_ws(' ', postal_code, city))", "address_key is not null"),
    "branch_id": ("branch_id", "true"),
    "sales_rep_id": ("sales_rep_id", "true"),
} %}
candidates as (
    {% for group, (value, is_complete) in groups.items() %}
        select
            customer_id,
            '{{ group }}' as attribute_group,
            record_id,
            source_system,
            observed_at,
            nullif({{ value }}, '') as group_value,
            coalesce({{ is_complete }}, false) as is_complete
        from records
        {{ "union all" if not loop.last }}
    {% endfor %}
)

select *
from candidates
where group_value is not null
