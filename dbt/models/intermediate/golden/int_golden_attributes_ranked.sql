with candidates as (
    select
        *,
        case validity when 'valid' then 0 when 'incomplete' then 1 else 2 end as validity_rank,
        case when source_system = 'leads' then 1 else 0 end as lead_rank
    from {{ ref("int_golden_candidates") }}
),

repeated as (
    select
        customer_id,
        attribute_group,
        value_key,
        count(*) as value_count
    from candidates
    group by customer_id, attribute_group, value_key
    having count(*) > 1
),

ruled as (
    select
        candidates.*,
        rules.strategy,
        rules.strategy_1,
        rules.strategy_2,
        rules.strategy_3,
        rules.allow_fill,
        coalesce(repeated.value_count, 1) as same_value_count,
        case candidates.source_system
            when 'shop' then rules.shop_priority
            when 'branch' then rules.branch_priority
            when 'webshop' then rules.webshop_priority
            else rules.leads_priority
        end as source_rank
    from candidates
    inner join {{ ref("survivorship_rule") }} as rules on candidates.attribute_group = rules.attribute_group
    left join repeated
        on
            candidates.customer_id = repeated.customer_id
            and candidates.attribute_group = repeated.attribute_group
            and candidates.value_key = repeated.value_key
),

scored as (
    select
        *,
        {{ strategy_score("strategy_1") }} as score_1,
        {{ strategy_score("strategy_2") }} as score_2,
        {{ strategy_score("strategy_3") }} as score_3
    from ruled
)

-- What works, then the customer before the lead, then the group's strategies; the record's id decides what is even.
select
    customer_id,
    attribute_group,
    record_id,
    source_system,
    observed_at,
    group_value,
    value_key,
    validity,
    validity_rank,
    lead_rank,
    is_second_choice,
    strategy,
    strategy_1,
    strategy_2,
    strategy_3,
    score_1,
    score_2,
    score_3,
    source_rank,
    allow_fill,
    row_number() over (
        partition by customer_id, attribute_group
        order by
            4 * validity_rank + 2 * lead_rank + case when is_second_choice then 1 else 0 end asc,
            score_1 desc nulls last,
            score_2 desc nulls last,
            score_3 desc nulls last,
            observed_at desc nulls last,
            source_rank asc,
            record_id asc
    ) as attribute_rank
from scored
