with same_content as (
    select
        representative_id as record_id_a,
        record_id as record_id_b,
        'same_content' as rule
    from {{ ref("int_record_keys") }}
    where representative_id <> record_id
),

matches as (
    select record_id_a, record_id_b, rule from same_content

    union all

    select record_id_a, record_id_b, rule from {{ ref("int_person_matches") }}

    union all

    select record_id_a, record_id_b, rule from {{ ref("int_company_matches") }}
)

select
    matches.record_id_a,
    matches.record_id_b,
    matches.rule,
    rules.match_probability
from matches
inner join {{ ref("matching_rules") }} as rules on matches.rule = rules.rule
