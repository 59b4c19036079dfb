with records as (
    select * from {{ ref("int_record_keys") }}
    where record_id = representative_id and not is_junk
),

-- Either order of first and last name gives the same key: clerks swap the fields.
named as (
    select
        *,
        least(first_key, last_key) || '|' || greatest(first_key, last_key) as full_name_key
    from records
),

keys as (
    {% set rules = {
        "email": "email_key",
        "phone": "phone_key",
        "mobile": "mobile_key",
        "card": "card_key",
        "vat_id": "vat_key",
        "last_name_birth": "last_key || '|' || birth_key",
        "first_name_birth": "first_key || '|' || birth_key",
        "full_name_birth": "full_name_key || '|' || birth_key",
        "last_name_address": "last_key || '|' || address_key",
        "first_name_address": "first_key || '|' || address_key",
        "full_name_address": "full_name_key || '|' || address_key",
        "full_name_postal": "full_name_key || '|' || postal_key",
        "company_postal": "company_key || '|' || postal_key",
        "company_domain": "company_key || '|' || email_domain",
        "company_address": "case when kind = 'company' then address_key end",
    } %}
    {% for rule, expression in rules.items() %}
        -- A landline and a mobile number are one kind of block: the fields are mixed up often.
        select
            record_id, first_key, last_key, company_key,
            '{{ "phone" if rule == "mobile" else rule }}' as block_kind,
            {{ expression }} as block_value
        from named
        {{ "union" if not loop.last }}
    {% endfor %}
)

select
    record_id,
    block_kind,
    block_value,
    count(*) over (partition by block_kind, block_value) as block_size,
    -- In a block too large for all pairs, each record meets only the first one of its own name.
    min(record_id) over (partition by block_kind, block_value, first_key, last_key, company_key) as first_of_name_id
from keys
where block_value is not null
