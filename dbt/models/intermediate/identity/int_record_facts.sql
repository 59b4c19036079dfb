with members as (
    select * from {{ ref("int_record_groups") }}
),

facts as (
    select * from {{ ref("int_group_facts") }}
)

select
    members.record_no,
    max(case when facts.group_kind = 'email' then facts.people_count end) as email_owners,
    max(case when facts.group_kind = 'phone' then facts.people_count end) as phone_owners,
    max(case when facts.group_kind = 'home' then facts.people_count end) as home_members,
    max(case when facts.group_kind = 'name' then facts.record_count end) as name_count,
    -- Without a birth date nobody knows which of the two generations a record means.
    max(case when facts.group_kind = 'namesake' and members.birth_year is null then 1 else 0 end) = 1 as is_namesake,
    max(facts.first_record_id) as first_record_id
from members
inner join facts on members.group_value = facts.group_value
group by members.record_no
