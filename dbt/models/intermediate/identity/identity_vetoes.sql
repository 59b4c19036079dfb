with comparisons as (
    select * from {{ ref("int_pair_comparisons") }}
),

judged as (
    select
        record_id_a,
        record_id_b,
        case
            when kind = 'mixed' then 'person_and_company'
            when kind = 'company' and vat_level = 'other' then 'other_vat_id'
            when kind = 'person' and birth_date_level = 'other' then 'other_birth_date'
            when kind = 'person' and first_name_level = 'other' and not is_swapped then 'other_first_name'
        end as reason
    from comparisons
)

select
    record_id_a,
    record_id_b,
    reason
from judged
where reason is not null
