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

-- A landline and a mobile number are one kind of block: the fields are mixed up often.
{% set rules = [
    ("email", "email_key"),
    ("phone", "phone_key"),
    ("phone", "nullif(mobile_key, phone_key)"),
    ("card", "card_key"),
    ("vat_id", "vat_key"),
    ("last_name_birth", "last_key || '|' || birth_key"),
    ("first_name_birth", "first_key || '|' || birth_key"),
    ("full_name_birth", "full_name_key || '|' || birth_key"),
    ("last_name_address", "last_key || '|' || address_key"),
    ("first_name_address", "first_key || '|' || address_key"),
    ("full_name_address", "full_name_key || '|' || address_key"),
    ("full_name_postal", "full_name_key || '|' || postal_key"),
    ("company_postal", "company_key || '|' || postal_key"),
    ("company_address", "case when kind = 'company' then address_key end"),
] %}
keys as (
    {% for block_kind, expression in rules %}
        select record_id, '{{ block_kind }}' as block_kind, {{ expression }} as block_value
        from named
        where {{ expression }} is not null
        {{ "union all" if not loop.last }}
    {% endfor %}
),

-- Most values occur once and lead nowhere.
blocks as (
    select
        block_kind,
        block_value,
        count(*) as block_size
    from keys
    group by block_kind, block_value
    having count(*) > 1
),

members as (
    select
        keys.record_id,
        keys.block_kind,
        keys.block_value,
        blocks.block_size,
        concat_ws('|', named.first_key, named.last_key, named.company_key) as name_key
    from keys
    inner join blocks on keys.block_kind = blocks.block_kind and keys.block_value = blocks.block_value
    inner join named on keys.record_id = named.record_id
)

select
    record_id,
    block_kind,
    block_value,
    block_size,
    -- In a block too large for all pairs, each record meets only the first one of its own name.
    case
        when block_size > {{ var("block_size_limit") }}
            then min(record_id) over (partition by block_kind, block_value, name_key)
    end as first_of_name_id
from members
