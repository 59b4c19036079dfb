/*
One row per record and group of fields that move together, with what is wrong with the value. What is no value at all
(an address of an address list, a placeholder, an impossible number) is no candidate.
*/
{% set fields = golden_fields() %}
{% set groups = {
    "name": {
        "value": "concat_ws(' ', first_name, last_name)",
        "key": joined_values(["first_key", "last_key"]),
        "validity": "case when is_junk then 'placeholder' when coalesce(length(first_key), 0) <= 1 or last_key is null then 'incomplete' else 'valid' end",
    },
    "company_name": {"value": "company_name", "key": "company_key"},
    "vat_id": {"value": "vat_key"},
    "birth_date": {"value": "cast(birth_key as " ~ dbt.type_string() ~ ")"},
    "email": {
        "value": "case when has_usable_email then " ~ email_address("email") ~ " end",
        "key": "email_key",
        "validity": "coalesce(email_problem, 'valid')",
    },
    "phone": {"value": "phone_e164", "is_second_choice": "not " ~ is_mobile_number("phone_e164")},
    "address": {
        "value": "concat_ws(', ', concat_ws(' ', street, house_no), concat_ws(' ', postal_code, city))",
        "key": "address_key",
        "validity": "case when address_key is null then 'incomplete' when has_place_mismatch then 'place_mismatch' else 'valid' end",
    },
    "branch_id": {"value": "branch_id"},
    "sales_rep_id": {"value": "sales_rep_id"},
} %}
with records as (
    select
        customer_records.*,
        email_problems.problem as email_problem,
        place_mismatches.postal_key is not null as has_place_mismatch
    from {{ ref("int_customer_records") }} as customer_records
    left join {{ ref("int_email_problems") }} as email_problems
        on customer_records.email_key = email_problems.email_key
    left join {{ ref("int_place_mismatches") }} as place_mismatches
        on
            customer_records.postal_key = place_mismatches.postal_key
            and customer_records.city = place_mismatches.city
),

candidates as (
    {% for group, parts in groups.items() %}
        select
            customer_id,
            '{{ group }}' as attribute_group,
            record_id,
            source_system,
            observed_at,
            nullif({{ parts.value }}, '') as group_value,
            coalesce({{ parts.get("key", parts.value) }}, {{ parts.value }}) as value_key,
            {{ parts.get("validity", "'valid'") }} as validity,
            coalesce({{ parts.get("is_second_choice", "false") }}, false) as is_second_choice,
            {{ filled_count(fields[group]) if fields[group] | length > 1 else 1 }} as filled_count
        from records
        {{ "union all" if not loop.last }}
    {% endfor %}
)

select *
from candidates
where group_value is not null
