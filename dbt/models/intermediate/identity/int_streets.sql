with texts as (
    select distinct street
    from {{ ref("int_source_records") }}
    where street is not null
)

select
    street,
    {{ street_key("street") }} as street_key
from texts
