with blocks as (
    select * from {{ ref("int_blocking_keys") }}
    where block_size > 1
),

small as (
    select * from blocks
    where block_size <= {{ var("block_size_limit") }}
),

pairs as (
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
    where block_size > {{ var("block_size_limit") }} and first_of_name_id < record_id
)

select
    record_id_a,
    record_id_b
from pairs
