with records as (
    select * from {{ ref("int_records_normalised") }}
),

{% set identifiers = [
    ("email", "email_key"), ("phone", "phone_key"), ("phone", "mobile_key"), ("card", "card_key"),
    ("vat_id", "vat_key"), ("birth_date", "birth_key"),
] %}
{% for kind, column in identifiers %}
    poisoned_{{ column }} as (
        select identifier_value from {{ ref("int_poisoned_identifiers") }}
        where identifier_kind = '{{ kind }}'
    ),
{% endfor %}

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
        {% for kind, column in identifiers %}
            case when poisoned_{{ column }}.identifier_value is null then records.{{ column }} end as {{ column }},
        {% endfor %}
        records.postal_key || '|' || records.street_key || '|' || records.house_no_key as address_key
    from records
    {% for kind, column in identifiers %}
        left join poisoned_{{ column }}
            on cast(records.{{ column }} as {{ dbt.type_string() }}) = poisoned_{{ column }}.identifier_value
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
        {{ sha256_hex(joined_values([
            "kind", "first_key", "last_key", "company_key", "keys.email_key", "phone_key", "mobile_key", "card_key",
            "vat_key", "birth_key", "street_key", "house_no_key", "postal_key"
        ])) }} as content_hash,
        not is_junk and (
            vat_key is not null
            or (keys.email_key is not null and coalesce(email_owners.owner_count, 0) <= 1)
            or (company_key is not null and coalesce(phone_key, address_key) is not null)
            or (
                first_key is not null and last_key is not null
                and {{ joined_values(
                    ["birth_key", "keys.email_key", "phone_key", "mobile_key", "card_key", "address_key"], missing=""
                ) }} <> '|||||'
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
