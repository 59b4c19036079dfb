with blocks as (
    select
        record_no,
        block_value,
        first_of_name_no
    from {{ ref("int_blocking_keys") }}
),

small as (
    select * from blocks
    where first_of_name_no is null
),

pairs as (
    select
        a.record_no as record_no_a,
        b.record_no as record_no_b
    from small as a
    inner join small as b on a.block_value = b.block_value and a.record_no < b.record_no

    union

    select
        first_of_name_no as record_no_a,
        record_no as record_no_b
    from blocks
    where first_of_name_no < record_no
)

-- Records are numbered in the order of their ids.
select
    a.record_id as record_id_a,
    b.record_id as record_id_b
from pairs
inner join {{ ref("int_record_keys") }} as a on pairs.record_no_a = a.record_no
inner join {{ ref("int_record_keys") }} as b on pairs.record_no_b = b.record_no
