/*
People of one address are one household when they share a family name (also a part of a double name) or, with different
names, an e-mail address, a telephone number or a card: a couple. Others at the address are a flat share, each of them a
household of their own. The address is the golden one, so who moves leaves.
*/
{% set rounds = 4 %}
with people as (
    select
        customer_id,
        address_key,
        last_key,
        first_seen_at
    from {{ ref("int_golden_records") }}
    where kind = 'person' and not is_junk and last_key is not null and address_key is not null
),

shared_addresses as (
    select address_key
    from people
    group by address_key
    having count(*) > 1
),

neighbours as (
    select people.*
    from people
    inner join shared_addresses on people.address_key = shared_addresses.address_key
),

names as (
    select
        customer_id,
        address_key,
        {{ list_rows(text_to_list("last_key", " ")) }} as word
    from neighbours
),

ties as (
    select distinct customer_id, address_key || '|name|' || word as tie
    from names
    {% for column in ["email_key", "phone_key", "mobile_key", "card_key"] %}
        union
        select
            neighbours.customer_id,
            neighbours.address_key || '|{{ "card" if column == "card_key" else "contact" }}|' || records.{{ column }}
        from neighbours
        inner join {{ ref("int_customer_records") }} as records on neighbours.customer_id = records.customer_id
        where records.{{ column }} is not null
    {% endfor %}
),

-- Everybody takes the smallest id that they are tied to, again and again; a longer chain is no household.
round_0 as (
    select customer_id, customer_id as label
    from people
),

{% for number in range(1, rounds + 1) %}
    tied_{{ number }} as (
        select ties.tie, min(labels.label) as label
        from ties
        inner join round_{{ number - 1 }} as labels on ties.customer_id = labels.customer_id
        group by ties.tie
    ),

    round_{{ number }} as (
        select labels.customer_id, min(coalesce(tied.label, labels.label)) as label
        from round_{{ number - 1 }} as labels
        left join ties on labels.customer_id = ties.customer_id
        left join tied_{{ number }} as tied on ties.tie = tied.tie
        group by labels.customer_id
    ),
{% endfor %}

-- The member known longest founds the household, whose id moves with them.
members as (
    select
        people.customer_id,
        people.last_key,
        first_value(people.customer_id) over first_seen as founder_id,
        first_value(people.last_key) over first_seen as founder_last_key
    from people
    inner join round_{{ rounds }} as labels on people.customer_id = labels.customer_id
    window first_seen as (
        partition by labels.label order by people.first_seen_at nulls last, people.customer_id
    )
)

select
    customer_id,
    'h_' || substr(founder_id, 3) as household_id,
    case
        when customer_id = founder_id then 'founder'
        when last_key = founder_last_key or {{ words_overlap("last_key", "founder_last_key") }} then 'last_name'
        else 'shared_contact'
    end as linked_by
from members
