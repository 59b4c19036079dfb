with candidates as (
    select * from {{ ref("int_golden_candidates") }}
),

ruled as (
    select
        candidates.*,
        rules.rule,
        case candidates.source_system
            when 'shop' then rules.shop_priority
            when 'branch' then rules.branch_priority
            when 'webshop' then rules.webshop_priority
            else rules.leads_priority
        end as source_priority,
        count(*) over (
            partition by candidates.customer_id, candidates.attribute_group, candidates.group_value
        ) as same_value_count
    from candidates
    inner join {{ ref("survivorship") }} as rules on candidates.attribute_group = rules.attribute_group
)

-- Complete values first, then the group's rule; the record's id decides what is still even.
select
    customer_id,
    attribute_group,
    record_id,
    group_value,
    rule,
    row_number() over (
        partition by customer_id, attribute_group
        order by
            is_complete desc,
            case when rule = 'most_frequent' then same_value_count end desc nulls last,
            case when rule = 'source_priority' then source_priority end asc nulls last,
            observed_at desc nulls last,
            source_priority asc,
            record_id asc
    ) as attribute_rank
from ruled
