with records as (
    select
        *,
        {{ email_address("email") }} as email_text,
        {{ phone_digits("phone") }} as phone_digits,
        {{ phone_digits("mobile") }} as mobile_digits
    from {{ ref("int_record_names") }}
),

hosts as (
    select * from {{ ref("int_email_hosts") }}
),

normalised as (
    select
        records.record_id,
        records.source_system,
        records.kind,
        records.first_key,
        records.last_key,
        records.company_key,
        {{ normalise_vat_id("records.vat_id") }} as vat_key,
        {{ plausible_birth_date("records.birth_date") }} as birth_key,
        {{ email_mailbox("records.email_text") }} as mailbox,
        hosts.corrected_host as email_domain,
        {{ phone_of_digits("records.phone_digits", "records.country") }} as phone_key,
        {{ phone_of_digits("records.mobile_digits", "records.country") }} as mobile_key,
        streets.street_key,
        {{ house_no_key("records.house_no") }} as house_no_key,
        {{ postal_code_key("records.postal_code", "records.country") }} as postal_key,
        cities.city_key,
        nullif({{ regexp_replace_all("upper(records.card_no)", "[^A-Z0-9]+", "") }}, '') as card_key
    from records
    left join hosts on {{ email_host("records.email_text") }} = hosts.host
    left join {{ ref("int_streets") }} as streets on records.street = streets.street
    left join {{ ref("int_cities") }} as cities on records.city = cities.city
)

select
    record_id,
    {{ row_number_of("record_id") }} as record_no,
    source_system,
    kind,
    first_key,
    last_key,
    company_key,
    vat_key,
    birth_key,
    case when mailbox is not null then {{ email_key("mailbox", "email_domain") }} end as email_key,
    case when mailbox is not null then email_domain end as email_domain,
    {{ regexp_replace_all(fold_text("mailbox"), "[^a-z]+", "") }} as mailbox_letters,
    nullif({{ regexp_group("mailbox", "[^0-9](?:19|20)?([0-9][0-9])$", 1) }}, '') as mailbox_year,
    phone_key,
    mobile_key,
    street_key,
    house_no_key,
    postal_key,
    city_key,
    card_key,
    {{ is_junk_name("first_key", "last_key", "company_key") }} as is_junk
from normalised
