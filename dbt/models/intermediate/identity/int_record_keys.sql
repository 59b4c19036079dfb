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
        records.city_key,
        {% for kind, column in identifiers %}
            case when poisoned_{{ column }}.identifier_value is null then records.{{ column }} end as {{ column }},
        {% endfor %}
        case when poisoned_email_key.identifier_value is null then records.email_domain end as email_domain,
        case when poisoned_email_key.identifier_value is null then records.mailbox_letters end as mailbox_letters,
        records.postal_key || '|' || records.street_key || '|' || records.house_no_key as address_key
    from records
    {% for kind, column in identifiers %}
        left join poisoned_{{ column }}
            on cast(records.{{ column }} as {{ dbt.type_string() }}) = poisoned_{{ column }}.identifier_value
    {% endfor %}
),

-- People behind one e-mail address or number, told apart by their initial: a misspelling is no second person.
shared as (
    select
        identifier_kind,
        identifier_value
    from {{ ref("int_record_identifiers") }}
    where identifier_kind in ('email', 'phone')
    group by identifier_kind, identifier_value
    having min(initial) < max(initial)
),

owners as (
    select
        shared.identifier_kind,
        shared.identifier_value,
        least(count(distinct identifiers.initial), 3) as owner_count
    from shared
    inner join {{ ref("int_record_identifiers") }} as identifiers
        on
            shared.identifier_kind = identifiers.identifier_kind
            and shared.identifier_value = identifiers.identifier_value
    group by shared.identifier_kind, shared.identifier_value
),

full_names as (
    select
        first_key,
        last_key,
        count(*) as record_count
    from keys
    where first_key is not null and last_key is not null
    group by first_key, last_key
    having count(*) > 1
),

-- People of one name at one address.
homes as (
    select
        last_key,
        address_key,
        case when count(distinct left(first_key, 1)) > 2 then 3 else 2 end as member_count
    from keys
    where last_key is not null and address_key is not null
    group by last_key, address_key
    having min(left(first_key, 1)) < max(left(first_key, 1))
),

places as (
    select
        postal_key,
        count(*) as record_count
    from keys
    where postal_key is not null
    group by postal_key
),

profiled as (
    select
        keys.*,
        coalesce(email_owners.owner_count, 1) as email_owners,
        coalesce(email_owners.owner_count, 1) <= 1 as email_has_one_owner,
        greatest(coalesce(phone_owners.owner_count, 1), coalesce(mobile_owners.owner_count, 1)) as phone_owners,
        given.first_word,
        given.words as given_words,
        given.name_classes as given_classes,
        given.sound as given_sound,
        given.record_count as given_count,
        family.words as family_words,
        family.sounds as family_sounds,
        family.record_count as family_count,
        places.record_count as place_count,
        coalesce(full_names.record_count, 1) as name_count,
        coalesce(homes.member_count, 1) as home_members,
        nullif({{ regexp_group("keys.email_key", "[^0-9](?:19|20)?([0-9][0-9])@", 1) }}, '') as mailbox_year,
        substr(cast(keys.birth_key as {{ dbt.type_string() }}), 3, 2) as birth_year,
        {{ content_hash([
            "kind", "keys.first_key", "keys.last_key", "company_key", "email_key", "phone_key", "mobile_key", "card_key",
            "vat_key", "birth_key", "street_key", "house_no_key", "keys.postal_key", "city_key"
        ]) }} as content_hash,
        not is_junk and (
            vat_key is not null
            or (email_key is not null and coalesce(email_owners.owner_count, 1) <= 1)
            or (company_key is not null and coalesce(phone_key, keys.address_key) is not null)
            or (
                keys.first_key is not null and keys.last_key is not null
                and coalesce(
                    email_key, phone_key, mobile_key, card_key, keys.address_key,
                    cast(birth_key as {{ dbt.type_string() }})
                ) is not null
            )
        ) as is_identified
    from keys
    left join owners as email_owners
        on keys.email_key = email_owners.identifier_value and email_owners.identifier_kind = 'email'
    left join owners as phone_owners
        on keys.phone_key = phone_owners.identifier_value and phone_owners.identifier_kind = 'phone'
    left join owners as mobile_owners
        on keys.mobile_key = mobile_owners.identifier_value and mobile_owners.identifier_kind = 'phone'
    left join {{ ref("int_given_names") }} as given on keys.first_key = given.first_key
    left join {{ ref("int_family_names") }} as family on keys.last_key = family.last_key
    left join full_names on keys.first_key = full_names.first_key and keys.last_key = full_names.last_key
    left join homes on keys.last_key = homes.last_key and keys.address_key = homes.address_key
    left join places on keys.postal_key = places.postal_key
),

firsts as (
    select
        content_hash,
        min(record_id) as representative_id
    from profiled
    where is_identified
    group by content_hash
    having count(*) > 1
)

-- Records of the same content are one for matching: the first stands for all of them.
select
    profiled.*,
    row_number() over (order by profiled.record_id) as record_no,
    coalesce(case when profiled.is_identified then firsts.representative_id end, profiled.record_id) as representative_id
from profiled
left join firsts on profiled.content_hash = firsts.content_hash
