with records as (
    select
        record_no, first_key, last_key, address_key, birth_key
    from {{ ref("int_record_keys") }}
    where
        kind = 'person' and record_id = representative_id and not is_junk and birth_key is not null
        and name_count > 1 and address_key is not null
),

homes as (
    select
        first_key, last_key, address_key,
        {{ block_hash(["first_key", "last_key", "address_key"]) }} as home_hash,
        count(*) as record_count
    from records
    group by first_key, last_key, address_key
    having count(*) between 2 and {{ var("block_size_limit") }}
),

housed as (
    select
        homes.home_hash, records.record_no, records.birth_key
    from homes
    inner join records
        on
            homes.first_key = records.first_key and homes.last_key = records.last_key
            and homes.address_key = records.address_key
),

pairs as (
    select {{ birth_date_level("a.birth_key", "b.birth_key") }} as birth_date_level
    from housed as a
    inner join housed as b on a.home_hash = b.home_hash and a.record_no < b.record_no
),

generations as (
    select (count(case when birth_date_level = 'generation' then 1 end) + 1.0) / (count(*) + 30.0) as generation_share
    from pairs
),

people as (
    select cast(count(*) as double) as record_count from {{ ref("int_records_normalised") }}
    where kind = 'person'
)

select
    people.record_count,
    generations.generation_share
from people
cross join generations
