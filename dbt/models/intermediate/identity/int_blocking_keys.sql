with records as (
    select
        keys.record_no,
        keys.kind,
        keys.first_key,
        given.first_word,
        keys.last_key,
        keys.company_key,
        given.name_classes as given_classes,
        given.sound as given_sound,
        family.words as family_words,
        family.sounds as family_sounds,
        keys.email_key,
        case when length(keys.mailbox_letters) >= 7 then keys.mailbox_letters end as mailbox,
        keys.phone_key,
        nullif(keys.mobile_key, keys.phone_key) as mobile_key,
        keys.card_key,
        keys.vat_key,
        keys.birth_key,
        keys.postal_key,
        keys.address_key,
        keys.house_no_key,
        case when length(keys.company_key) > 5 then keys.company_key end as long_company_key,
        case when keys.kind = 'company' then keys.address_key end as company_address_key,
        least(keys.first_key, keys.last_key) as one_name,
        greatest(keys.first_key, keys.last_key) as other_name
    from {{ ref("int_record_keys") }} as keys
    left join {{ ref("int_given_names") }} as given on keys.first_key = given.first_key
    left join {{ ref("int_family_names") }} as family on keys.last_key = family.last_key
    where keys.record_id = keys.representative_id and not keys.is_junk
),

-- One row per record and class of given name that it belongs to, or word of a double family name.
given as (
    select
        record_no, birth_key, postal_key, address_key,
        {{ list_rows("given_classes") }} as given_class,
        family_words
    from records
    where given_classes is not null and coalesce(postal_key, cast(birth_key as {{ dbt.type_string() }})) is not null
),

family as (
    select
        record_no, first_word, birth_key, postal_key, address_key,
        {{ list_rows("family_words") }} as family_word
    from records
    where family_words is not null
),

named as (
    select
        record_no, given_class, postal_key,
        {{ list_rows("family_words") }} as family_word
    from given
    where family_words is not null and postal_key is not null
),

sounding as (
    select
        record_no, given_sound, birth_key, postal_key, house_no_key,
        {{ list_rows("family_sounds") }} as family_sound
    from records
    where family_sounds is not null
)

{#
    What the records of a block share, of which rows, and the largest block that is worth its pairs: more records
    than that share the values by chance. Without a limit, large blocks are thinned out (int_candidate_pairs).
#}
{% set rules = [
    ("email", "records", ["email_key"], none),
    ("phone", "records", ["phone_key"], none),
    ("phone", "records", ["mobile_key"], none),
    ("card", "records", ["card_key"], none),
    ("vat_id", "records", ["vat_key"], none),
    ("mailbox", "records", ["mailbox"], 8),
    ("full_name", "family", ["first_word", "family_word"], 6),
    ("full_name_postal", "named", ["given_class", "family_word", "postal_key"], none),
    ("swapped_name_postal", "records", ["one_name", "other_name", "postal_key"], none),
    ("swapped_name_birth", "records", ["one_name", "other_name", "birth_key"], none),
    ("first_name_birth", "given", ["given_class", "birth_key"], 30),
    ("last_name_birth", "family", ["family_word", "birth_key"], 30),
    ("last_sound_birth", "sounding", ["family_sound", "birth_key"], 12),
    ("birth_postal", "records", ["birth_key", "postal_key"], 12),
    ("first_name_address", "given", ["given_class", "address_key"], none),
    ("last_name_address", "family", ["family_word", "address_key"], none),
    ("sounds_postal", "sounding", ["family_sound", "given_sound", "postal_key"], 12),
    ("last_sound_house", "sounding", ["family_sound", "postal_key", "house_no_key"], 12),
    ("company_postal", "records", ["company_key", "postal_key"], none),
    ("company_name", "records", ["long_company_key"], 12),
    ("company_address", "records", ["company_address_key"], 30),
] %}
{% for block_kind, source, shared, limit in rules %}
    select
        record_no,
        '{{ block_kind }}' as block_kind,
        {{ block_hash(["'" ~ block_kind ~ "'"] + shared) }} as block_value,
        cast({{ limit or "null" }} as smallint) as size_limit
    from {{ source }}
    where {{ shared | join(" is not null and ") }} is not null
    {{ "union all" if not loop.last }}
{% endfor %}
