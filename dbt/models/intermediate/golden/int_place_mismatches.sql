/*
Postal code and city that do not belong together, learnt from the records themselves: the postal code has another city
in most of its records, and the city is at home in another region (first two digits). Both must be well known; a
suburb, a spelling or a new postal code is no mismatch.
*/
{% set known_from = 3 %}
with spellings as (
    select
        keys.postal_key,
        records.city,
        count(*) as record_count
    from {{ ref("int_source_records") }} as records
    inner join {{ ref("int_record_keys") }} as keys on records.record_id = keys.record_id
    where keys.postal_key is not null and records.city is not null
    group by keys.postal_key, records.city
),

keyed as (
    select
        *,
        {{ name_key("city") }} as city_key
    from spellings
),

places as (
    select
        postal_key,
        city_key,
        sum(record_count) as record_count
    from keyed
    where city_key is not null
    group by postal_key, city_key
),

main_cities as (
    select
        postal_key,
        city_key,
        record_count,
        row_number() over (partition by postal_key order by record_count desc, city_key asc) as city_rank
    from places
),

regions as (
    select
        city_key,
        length(postal_key) as digits,
        left(postal_key, 2) as region,
        sum(record_count) as record_count
    from places
    group by city_key, length(postal_key), left(postal_key, 2)
),

homes as (
    select
        *,
        row_number() over (partition by city_key order by record_count desc, digits asc, region asc) as region_rank
    from regions
)

select
    keyed.postal_key,
    keyed.city
from keyed
inner join places
    on keyed.postal_key = places.postal_key and keyed.city_key = places.city_key
inner join main_cities
    on places.postal_key = main_cities.postal_key and main_cities.city_rank = 1
inner join homes
    on places.city_key = homes.city_key and homes.region_rank = 1
inner join regions
    on
        places.city_key = regions.city_key
        and length(places.postal_key) = regions.digits
        and left(places.postal_key, 2) = regions.region
where
    main_cities.record_count >= {{ known_from }} * places.record_count
    and main_cities.record_count >= {{ known_from }}
    and (homes.region <> left(places.postal_key, 2) or homes.digits <> length(places.postal_key))
    and homes.record_count >= {{ known_from }} * regions.record_count
    and homes.record_count >= {{ known_from }}
    and not {{ is_other_spelling("places.city_key", "main_cities.city_key") }}
