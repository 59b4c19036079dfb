with members as (
    select * from {{ ref("int_record_groups") }}
),

shared as (
    select
        group_value,
        min(group_kind) as group_kind,
        least(count(*), 20) as record_count,
        least(coalesce(bit_count(bit_or(initial_bit)), 1), 3) as people_count,
        max(birth_year) - min(birth_year) >= {{ var("generation_years") }} as has_two_generations
    from members
    group by group_value
    having count(*) > 1
),

-- Records of the same content are one for matching: the first stands for all of them.
firsts as (
    select
        members.group_value,
        min(records.record_id) as first_record_id
    from members
    inner join shared on members.group_value = shared.group_value
    inner join {{ ref("int_records_normalised") }} as records on members.record_no = records.record_no
    where members.group_kind = 'content'
    group by members.group_value
)

select
    shared.group_value,
    shared.group_kind,
    shared.record_count,
    shared.people_count,
    shared.has_two_generations,
    firsts.first_record_id
from shared
left join firsts on shared.group_value = firsts.group_value
where
    shared.group_kind in ('name', 'content')
    or (shared.group_kind = 'namesake' and shared.has_two_generations)
    or (shared.group_kind not in ('name', 'content', 'namesake') and shared.people_count > 1)
