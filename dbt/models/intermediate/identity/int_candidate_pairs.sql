with keys as (
    select * from {{ ref("int_blocking_keys") }}
),

records as (
    select * from {{ ref("int_records_normalised") }}
),

-- Most values occur once and lead nowhere.
blocks as (
    select
        block_value,
        count(*) > {{ var("block_size_limit") }} as is_large
    from keys
    group by block_value
    having count(*) > 1 and (max(size_limit) is null or count(*) <= max(size_limit))
),

members as (
    select
        keys.record_no,
        keys.block_value,
        blocks.is_large
    from keys
    inner join blocks on keys.block_value = blocks.block_value
),

-- In a block too large for all pairs, each record meets only the first one of its own name.
thinned as (
    select
        members.record_no,
        min(members.record_no) over (
            partition by members.block_value, records.first_key, records.last_key, records.company_key
        ) as first_of_name_no
    from members
    inner join records on members.record_no = records.record_no
    where members.is_large
),

pairs as (
    select
        a.record_no as record_no_a,
        b.record_no as record_no_b
    from members as a
    inner join members as b on a.block_value = b.block_value and a.record_no < b.record_no
    where not a.is_large

    union

    select
        first_of_name_no as record_no_a,
        record_no as record_no_b
    from thinned
    where first_of_name_no < record_no
)

select
    least(a.record_id, b.record_id) as record_id_a,
    greatest(a.record_id, b.record_id) as record_id_b
from pairs
inner join records as a on pairs.record_no_a = a.record_no
inner join records as b on pairs.record_no_b = b.record_no
