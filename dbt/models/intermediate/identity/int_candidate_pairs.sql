with blocks as (
    select * from {{ ref("int_blocking_keys") }}
),

small as (
    select * from blocks
    where first_of_name_id is null
)

select
    a.record_id as record_id_a,
    b.record_id as record_id_b
from small as a
inner join small as b
    on a.block_kind = b.block_kind and a.block_value = b.block_value and a.record_id < b.record_id

union

select
    first_of_name_id as record_id_a,
    record_id as record_id_b
from blocks
where first_of_name_id < record_id
