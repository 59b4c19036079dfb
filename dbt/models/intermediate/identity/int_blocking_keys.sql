with records as (
    select
        record_id,
        kind,
        first_key,
        last_key,
        company_key,
        given_classes,
        given_sound,
        family_words,
        family_sounds,
        family_count,
        email_key,
        mailbox_letters,
        phone_key,
        mobile_key,
        card_key,
        vat_key,
        birth_key,
        postal_key,
        address_key,
        house_no_key,
        concat_ws('|', first_key, last_key, company_key) as name_key
    from {{ ref("int_record_keys") }}
    where record_id = representative_id and not is_junk
),

-- One row per record and class of given name that it belongs to, or word of a double family name.
given as (
    select
        *,
        {{ list_rows("given_classes") }} as given_class
    from records
    where given_classes is not null and (last_key is not null or birth_key is not null)
),

family as (
    select
        *,
        {{ list_rows("family_words") }} as family_word
    from records
    where family_words is not null
),

named as (
    select
        *,
        {{ list_rows("family_words") }} as family_word
    from given
    where family_words is not null
),

sounding as (
    select
        *,
        {{ list_rows("family_sounds") }} as family_sound
    from records
    where family_sounds is not null
),

{# A key of either order of first and last name: clerks swap the fields. #}
{% set swapped = "least(first_key, last_key) || '|' || greatest(first_key, last_key)" %}
{#
    What the records of a block share, of which rows, and the largest block that is worth its pairs: more records
    than that share the value by chance. Without a limit, large blocks are thinned out (below).
#}
{% set rules = [
    ("email", "records", "email_key", none),
    ("phone", "records", "phone_key", none),
    ("phone", "records", "nullif(mobile_key, phone_key)", none),
    ("card", "records", "card_key", none),
    ("vat_id", "records", "vat_key", none),
    ("mailbox", "records", "case when length(mailbox_letters) >= 7 then mailbox_letters end", 8),
    ("full_name", "named", "given_class || '|' || family_word", 6),
    ("full_name_postal", "named", "given_class || '|' || family_word || '|' || postal_key", none),
    ("swapped_name_postal", "records", swapped ~ " || '|' || postal_key", none),
    ("swapped_name_birth", "records", swapped ~ " || '|' || birth_key", none),
    ("first_name_birth", "given", "given_class || '|' || birth_key", 30),
    ("last_name_birth", "family", "family_word || '|' || birth_key", 30),
    ("last_sound_birth", "sounding", "family_sound || '|' || birth_key", 12),
    ("birth_postal", "records", "birth_key || '|' || postal_key", 12),
    ("first_name_address", "given", "given_class || '|' || address_key", none),
    ("last_name_address", "family", "family_word || '|' || address_key", none),
    ("sounds_postal", "sounding", "family_sound || '|' || given_sound || '|' || postal_key", 12),
    ("last_sound_house", "sounding", "family_sound || '|' || postal_key || '|' || house_no_key", 12),
    ("company_postal", "records", "company_key || '|' || postal_key", none),
    ("company_name", "records", "case when length(company_key) > 5 then company_key end", 12),
    ("company_address", "records", "case when kind = 'company' then address_key end", 30),
] %}
keys as (
    {% for block_kind, source, expression, limit in rules %}
        select
            record_id,
            '{{ block_kind }}' as block_kind,
            {{ expression }} as block_value,
            name_key,
            {{ limit or "null" }} as size_limit
        from {{ source }}
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
    having count(*) > 1 and (max(size_limit) is null or count(*) <= max(size_limit))
)

select
    keys.record_id,
    keys.block_kind,
    keys.block_value,
    blocks.block_size,
    -- In a block too large for all pairs, each record meets only the first one of its own name.
    case
        when blocks.block_size > {{ var("block_size_limit") }}
            then min(keys.record_id) over (partition by keys.block_kind, keys.block_value, keys.name_key)
    end as first_of_name_id
from keys
inner join blocks on keys.block_kind = blocks.block_kind and keys.block_value = blocks.block_value
