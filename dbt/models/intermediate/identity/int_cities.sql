with texts as (
    select distinct city
    from {{ ref("int_source_records") }}
    where city is not null
)

select
    city,
    {{ city_key("city") }} as city_key
from texts
