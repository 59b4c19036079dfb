with records as (
    select * from {{ ref("int_record_keys") }}
    where kind = 'person' and not is_junk and first_key is not null and last_key is not null
),

-- A father and a son of one name share an address, a landline, perhaps an e-mail address.
places as (
    {% for column in ["address_key", "phone_key", "mobile_key", "email_key"] %}
        select
            record_id, first_key, last_key, birth_key,
            '{{ "number" if column in ["phone_key", "mobile_key"] else column }}' as place_kind,
            {{ column }} as place
        from records
        where {{ column }} is not null
        {{ "union all" if not loop.last }}
    {% endfor %}
),

generations as (
    select
        first_key,
        last_key,
        place_kind,
        place
    from places
    group by first_key, last_key, place_kind, place
    having {{ days_between("min(birth_key)", "max(birth_key)") }} >= 365 * {{ var("generation_years") }}
)

-- Without a birth date nobody knows which of the two a record means.
select distinct places.record_id
from places
inner join generations
    on places.first_key = generations.first_key
    and places.last_key = generations.last_key
    and places.place_kind = generations.place_kind
    and places.place = generations.place
where places.birth_key is null
