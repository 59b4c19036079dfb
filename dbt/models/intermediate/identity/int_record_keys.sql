with records as (
    select * from {{ ref("int_records_normalised") }}
),

poisoned as (
    select * from {{ ref("int_poisoned_identifiers") }}
),

keys as (
    select
        records.record_id,
        records.source_system,
        records.kind,
        records.is_junk,
        records.first_key,
        records.last_key,
        records.company_key,
        records.street_key,
        records.house_no_key,
        records.postal_key,
        records.postal_key || '|' || records.street_key || '|' || records.house_no_key as address_key,
        case when poisoned_email.identifier_value is null then records.email_key end as email_key,
        case when poisoned_phone.identifier_value is null then records.phone_key end as phone_key,
        case when poisoned_mobile.identifier_value is null then records.mobile_key end as mobile_key,
        case when poisoned_card.identifier_value is null then records.card_key end as card_key,
        case when poisoned_vat.identifier_value is null then records.vat_key end as vat_key,
        case when poisoned_birth.identifier_value is null then records.birth_key end as birth_key
    from records
    {% for alias, kind, column in [
        ("poisoned_email", "email", "email_key"), ("poisoned_phone", "phone", "phone_key"),
        ("poisoned_mobile", "phone", "mobile_key"), ("poisoned_card", "card", "card_key"),
        ("poisoned_vat", "vat_id", "vat_key"), ("poisoned_birth", "birth_date", "birth_key"),
    ] %}
        left join poisoned as {{ alias }}
            on {{ alias }}.identifier_kind = '{{ kind }}'
            and cast(records.{{ column }} as {{ dbt.type_string() }}) = {{ alias }}.identifier_value
    {% endfor %}
),

-- People behind one e-mail address, told apart by their initial: a misspelling is no second person.
email_owners as (
    select
        email_key,
        count(distinct left(first_key, 1)) as owner_count
    from keys
    where kind = 'person' and not is_junk
    group by email_key
),

profiled as (
    select
        keys.*,
        coalesce(email_owners.owner_count, 0) <= 1 as email_has_one_owner,
        {{ regexp_replace_all("keys.email_key", "^.*@", "") }} as email_domain,
        {{ sha256_hex(
            "concat_ws('|', kind"
            ~ ", coalesce(first_key, '-'), coalesce(last_key, '-'), coalesce(company_key, '-'), coalesce(keys.email_key, '-')"
            ~ ", coalesce(phone_key, '-'), coalesce(mobile_key, '-'), coalesce(card_key, '-'), coalesce(vat_key, '-')"
            ~ ", coalesce(cast(birth_key as " ~ dbt.type_string() ~ "), '-'), coalesce(street_key, '-')"
            ~ ", coalesce(house_no_key, '-'), coalesce(postal_key, '-'))"
        ) }} as content_hash,
        not is_junk
        and (
            (
                keys.email_key is not null
                and ((first_key is not null and last_key is not null) or coalesce(email_owners.owner_count, 0) <= 1)
            )
            or vat_key is not null
            or (company_key is not null and (phone_key is not null or address_key is not null))
            or (
                first_key is not null and last_key is not null
                and coalesce(cast(birth_key as {{ dbt.type_string() }}), phone_key, mobile_key, card_key, address_key) is not null
            )
        ) as is_identified
    from keys
    left join email_owners on keys.email_key = email_owners.email_key
)

-- Records of the same content are one for matching: the first stands for all of them.
select
    *,
    case
        when is_identified then min(record_id) over (partition by is_identified, content_hash)
        else record_id
    end as representative_id
from profiled
