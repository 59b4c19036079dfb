with records as (
    select
        *,
        -- People are told apart by their initial: a misspelling is no second person.
        {{ letter_bit("first_key") }} as initial_bit,
        extract(year from birth_key) as birth_year
    from {{ ref("int_usable_records") }}
    where not is_junk
)

{#
    What the members of a group share. Those of the kind namesake share a name and an address, a number or an e-mail
    address: two generations of one name do.
#}
{% set address = ["postal_key", "street_key", "house_no_key"] %}
{% set content = [
    "kind", "first_key", "last_key", "company_key", "email_key", "phone_key", "mobile_key", "card_key", "vat_key",
    "birth_key", "street_key", "house_no_key", "postal_key", "city_key"
] %}
{% for group_kind, shared, condition in [
    ("email", ["email_key"], none),
    ("phone", ["phone_key"], none),
    ("phone", ["mobile_key"], none),
    ("name", ["first_key", "last_key"], none),
    ("home", ["last_key"] + address, none),
    ("namesake", ["first_key", "last_key"] + address, "kind = 'person'"),
    ("namesake", ["first_key", "last_key", "phone_key"], "kind = 'person'"),
    ("namesake", ["first_key", "last_key", "mobile_key"], "kind = 'person'"),
    ("namesake", ["first_key", "last_key", "email_key"], "kind = 'person'"),
    ("content", content, "true"),
] %}
    select
        record_no,
        '{{ group_kind }}' as group_kind,
        {{ block_hash(["'" ~ group_kind ~ "'"] + shared) }} as group_value,
        {{ "initial_bit" if group_kind in ("email", "phone", "home") else "cast(null as bigint)" }} as initial_bit,
        {{ "birth_year" if group_kind == "namesake" else "cast(null as bigint)" }} as birth_year
    from records
    where
        {% if condition != "true" %}{{ shared | join(" is not null and ") }} is not null and {% endif -%}
        {{ condition or "true" }}
    {{ "union all" if not loop.last }}
{% endfor %}
