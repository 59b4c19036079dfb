with records as (
    select * from {{ ref("int_record_keys") }}
    where kind = 'person' and not is_junk and name_count > 1 and last_key is not null
),

-- A father and a son of one name share an address, a landline, perhaps an e-mail address.
places as (
    {% for kind, column in [
        ("address", "address_key"), ("phone", "phone_key"), ("phone", "mobile_key"), ("email", "email_key")
    ] %}
        select
            record_id, birth_key, '{{ kind }}' as shared_by,
            {{ block_hash(["'" ~ kind ~ "'", "first_key", "last_key", column]) }} as name_and_place
        from records
        where {{ column }} is not null
        {{ "union all" if not loop.last }}
    {% endfor %}
),

generations as (
    select name_and_place
    from places
    group by name_and_place
    having extract(year from max(birth_key)) - extract(year from min(birth_key)) >= {{ var("generation_years") }}
)

-- Without a birth date nobody knows which of the two a record means.
select distinct
    places.record_id,
    places.shared_by
from places
inner join generations on places.name_and_place = generations.name_and_place
where places.birth_key is null
