-- The first candidate of each group, and what set it apart from the best candidate with another value.
with ranked as (
    select * from {{ ref("int_golden_attributes_ranked") }}
),

winners as (
    select * from ranked
    where attribute_rank = 1
),

rival_ranks as (
    select
        ranked.customer_id,
        ranked.attribute_group,
        min(ranked.attribute_rank) as rival_rank
    from ranked
    inner join winners
        on
            ranked.customer_id = winners.customer_id
            and ranked.attribute_group = winners.attribute_group
            and ranked.value_key <> winners.value_key
    where ranked.attribute_rank > 1
    group by ranked.customer_id, ranked.attribute_group
),

rivals as (
    select ranked.*
    from ranked
    inner join rival_ranks
        on
            ranked.customer_id = rival_ranks.customer_id
            and ranked.attribute_group = rival_ranks.attribute_group
            and ranked.attribute_rank = rival_ranks.rival_rank
    where ranked.attribute_rank > 1
)

select
    winners.customer_id,
    winners.attribute_group,
    winners.record_id,
    winners.group_value,
    winners.value_key,
    winners.validity,
    winners.strategy,
    winners.allow_fill,
    case
        when rivals.record_id is null then 'only_value'
        when rivals.validity_rank <> winners.validity_rank then 'validity'
        when rivals.lead_rank <> winners.lead_rank then 'customer_before_lead'
        when rivals.is_second_choice <> winners.is_second_choice then 'mobile_number'
        when coalesce(rivals.score_1 <> winners.score_1, winners.score_1 is not null) then winners.strategy_1
        when coalesce(rivals.score_2 <> winners.score_2, winners.score_2 is not null) then winners.strategy_2
        when coalesce(rivals.score_3 <> winners.score_3, winners.score_3 is not null) then winners.strategy_3
        when coalesce(rivals.observed_at <> winners.observed_at, winners.observed_at is not null) then 'most_recent'
        when rivals.source_rank <> winners.source_rank then 'source_priority'
        else 'record_id'
    end as rule
from winners
left join rivals
    on
        winners.customer_id = rivals.customer_id
        and winners.attribute_group = rivals.attribute_group
