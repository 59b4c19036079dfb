with records as (
    select
        *,
        -- Initials, so that a name misspelt often does not look like many people.
        coalesce(left(company_key, 3), left(last_key, 2) || left(first_key, 1)) as name_initials
    from {{ ref("int_records_normalised") }}
    where not is_junk
)

{% set identifiers = [
    ("email", "email_key"),
    ("phone", "phone_key"),
    ("phone", "nullif(mobile_key, phone_key)"),
    ("card", "card_key"),
    ("vat_id", "vat_key"),
    ("birth_date", "cast(birth_key as " ~ dbt.type_string() ~ ")"),
] %}
{% for identifier_kind, expression in identifiers %}
    select
        record_id,
        '{{ identifier_kind }}' as identifier_kind,
        {{ expression }} as identifier_value,
        name_initials,
        left(first_key, 1) as initial
    from records
    where {{ expression }} is not null
    {{ "union all" if not loop.last }}
{% endfor %}
